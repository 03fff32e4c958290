"""What the model said about the test pictures, as a list to search, sort and compare. No Streamlit."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from captioner.bundle.schema import Prediction
from captioner.bundle.storage import Bundle
from captioner.inference import blocklist
from captioner.inference.confidence import caption_confidence
from captioner.text import words

SCORES = {"cider": "CIDEr", "bleu4": "BLEU-4", "rouge_l": "ROUGE-L"}
NO_MARK = (
    "Likeness (CIDEr) counts the phrases that a sentence shares with those that people wrote about the same "
    "picture, rare phrases more than common ones. It is no mark: a true sentence in other words gets little, "
    "too. It tells something only when sentences are compared."
)


@dataclass(frozen=True)
class Said:
    """One test picture: the model's sentence, how sure it was, and how much people's are like it."""

    image: str
    caption: str
    sure: float  # geometric mean of the word probabilities, the end of the sentence included
    like: float  # CIDEr
    scores: Mapping[str, float]


ORDERS: dict[str, Callable[[Said], float]] = {
    "Best matches": lambda said: -said.like,
    "Worst matches": lambda said: said.like,
    "Most unsure": lambda said: said.sure,
}


def sentences(bundle: Bundle) -> list[Said]:
    """The predictions of a bundle."""
    return [said_of(row, bundle.config.max_words) for row in bundle.predictions()]


def said_of(row: Prediction, max_words: int) -> Said:
    """A row of ``Bundle.predictions``."""
    scores = {name: getattr(row, name) for name in SCORES}
    return Said(
        row.image, row.caption, caption_confidence(row.caption, row.log_prob, max_words), row.cider, scores
    )


def matching(everything: Sequence[Said], query: str) -> list[Said]:
    """Sentences that hold every word asked for, or its plural in s or es."""
    wanted = [{word, f"{word}s", f"{word}es"} for word in words(query)]
    return [
        said for said in everything if not any(forms.isdisjoint(said.caption.split()) for forms in wanted)
    ]


def used(everything: Sequence[Said]) -> set[str]:
    """Every word that the model said."""
    return {word for said in everything for word in said.caption.split()}


def common(bundle: Bundle) -> list[tuple[str, int]]:
    """The commonest words of the training sentences with how often people wrote them, as far as recorded."""
    recorded = bundle.dataset()
    return list(recorded.words.commonest) if recorded else []


def unsaid(bundle: Bundle, everything: Sequence[Said]) -> list[tuple[str, int]]:
    """Of the commonest words, those that the model knows, may say, and never said."""
    said = used(everything) | blocklist.words()
    return [(word, count) for word, count in common(bundle) if word not in said and word in bundle.vocabulary]


def placed(value: float, values: Sequence[float], sentence: str) -> str:
    """Where a value stands among all of them: a sentence with places for more or less, and than how many."""
    others = len(values) - 1
    below, above = sum(other < value for other in values), sum(other > value for other in values)
    more, count = ("more", below) if below >= above else ("less", above)
    share = count / others if others else 0
    return sentence.format(more, "all others" if share == 1 else f"{math.floor(100 * share)} % of the others")
