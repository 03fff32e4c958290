"""The model's captions of the test pictures, to search, sort and compare."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from captioner.bundle.schema import Prediction
from captioner.bundle.storage import Bundle
from captioner.inference import blocklist
from captioner.inference.confidence import caption_confidence
from captioner.metrics import display_names, per_image_metrics
from captioner.text import words

SCORES = display_names(per_image_metrics())
CIDER_DESCRIPTION = (
    "Similarity (CIDEr) counts the phrases that a sentence shares with those that people wrote about the "
    "same picture, rare phrases more than common ones. It is not a grade: a correct sentence in other words "
    "scores low, too. It only helps to compare sentences."
)


@dataclass(frozen=True)
class ScoredCaption:
    """The model's caption of one test picture, with its confidence and its scores."""

    image: str  # the file's name
    caption: str
    confidence: float  # geometric mean of the word probabilities, the end included
    scores: Mapping[str, float]  # by the keys of ``SCORES``
    expected_precision: float | None = None  # of its content words, that people use, too

    @classmethod
    def from_prediction(cls, row: Prediction, max_words: int) -> ScoredCaption:
        """A row of ``predictions.csv``; a caption of ``max_words`` words was cut off before its end."""
        confidence = caption_confidence(row.caption, row.log_prob, max_words)
        scores = {key: row.scores[key] for key in SCORES if key in row.scores}
        return cls(row.image, row.caption, confidence, scores, row.expected_precision)

    @property
    def certainty(self) -> float:
        """By which captions are ranked: the expected precision, or else the confidence."""
        return self.confidence if self.expected_precision is None else self.expected_precision

    @property
    def cider(self) -> float:
        return self.scores["cider"]


SORT_KEYS: dict[str, Callable[[ScoredCaption], float]] = {
    "Mixed": lambda _: 0.0,  # as in the file
    "Best matches": lambda row: -row.cider,
    "Worst matches": lambda row: row.cider,
    "Most unsure": lambda row: row.certainty,
}


def scored_captions(bundle: Bundle) -> list[ScoredCaption]:
    """The rows of ``predictions.csv``.

    Raises:
        BundleError: the file is malformed.
    """
    return [ScoredCaption.from_prediction(row, bundle.config.max_words) for row in bundle.predictions()]


def search(captions: Sequence[ScoredCaption], query: str) -> list[ScoredCaption]:
    """The captions that have every word of the query, or its plural in s or es."""
    word_forms = [{word, f"{word}s", f"{word}es"} for word in words(query)]
    return [row for row in captions if not any(forms.isdisjoint(row.caption.split()) for forms in word_forms)]


def words_used(captions: Sequence[ScoredCaption]) -> set[str]:
    return {word for row in captions for word in row.caption.split()}


def frequent_words(bundle: Bundle) -> list[tuple[str, int]]:
    """The most frequent words of the training captions with their counts; empty if not recorded."""
    statistics = bundle.dataset()
    return list(statistics.words.most_common) if statistics else []


def frequent_words_unused(bundle: Bundle, captions: Sequence[ScoredCaption]) -> list[tuple[str, int]]:
    """Those of the most frequent words that are in the vocabulary and not blocked, but in no caption."""
    excluded = words_used(captions) | blocklist.words()
    return [
        (word, count)
        for word, count in frequent_words(bundle)
        if word not in excluded and word in bundle.vocabulary
    ]


def describe_rank(value: float, values: Sequence[float], template: str) -> str:
    """How a value ranks among all values, of which it is one.

    ``template`` has two fields: "more" or "less", and the share of the others.
    """
    others = len(values) - 1
    below, above = sum(other < value for other in values), sum(other > value for other in values)
    more, count = ("more", below) if below >= above else ("less", above)
    share = count / others if others else 0
    return template.format(more, "all others" if share == 1 else f"{math.floor(100 * share)} % of the others")
