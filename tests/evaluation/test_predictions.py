"""The captions of the test pictures: searched, ranked, and compared with the training captions."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as some

from captioner.bundle.schema import Prediction
from captioner.evaluation import predictions
from captioner.evaluation.predictions import ScoredCaption
from tests import tiny

sentences = some.lists(some.sampled_from(tiny.WORDS), min_size=1, max_size=6).map(" ".join)
scores = some.floats(0, 10, allow_nan=False)


def scored(caption: str, confidence: float = 0.5, cider: float = 1.0) -> ScoredCaption:
    return ScoredCaption("a.jpg", caption, confidence, {"cider": cider, "bleu4": 0.0, "rouge_l": 0.0})


@given(some.lists(sentences), some.sampled_from(["", "dog", "RED ball", "do", "!"]))
def test_a_search_finds_exactly_the_sentences_with_all_its_words(captions: list[str], query: str) -> None:
    searched = [scored(caption) for caption in captions]
    wanted = query.lower().replace("!", "").split()
    expected = [one for one in searched if all(f" {word} " in f" {one.caption} " for word in wanted)]
    assert predictions.search(searched, query) == expected


@pytest.mark.parametrize(
    ("query", "caption", "result"),
    [
        ("cat", "a dog catching a ball", False),
        ("cat", "two cats play", True),
        ("cats", "a cat plays", False),
        ("beach", "on two beaches", True),
        ("catching", "a dog catching a ball", True),
    ],
)
def test_a_word_finds_itself_and_its_plural(query: str, caption: str, result: bool) -> None:
    assert bool(predictions.search([scored(caption)], query)) == result


@given(some.lists(scores, min_size=2), some.data())
def test_a_rank_is_never_above_more_than_all_others(values: list[float], data: some.DataObject) -> None:
    value = data.draw(some.sampled_from(values))
    more, share = predictions.describe_rank(value, values, "{}:{}").removesuffix(" of the others").split(":")
    beaten = sum(other < value if more == "more" else other > value for other in values)
    assert beaten <= len(values) - 1
    assert (share == "all others") == (beaten == len(values) - 1)


def test_what_was_measured_decides_how_sure_a_caption_is() -> None:
    assert scored("a dog", confidence=0.3).certainty == 0.3
    assert replace(scored("a dog", confidence=0.3), expected_precision=0.6).certainty == 0.6


def test_confidence_is_the_average_chance_of_a_word() -> None:
    row = Prediction(
        "a", "a dog", log_prob=-3.0, score=-1.0, scores={"bleu4": 0.0, "rouge_l": 0.0, "cider": 0.0}
    )
    caption = ScoredCaption.from_prediction(row, max_words=20)
    assert caption.confidence**3 == pytest.approx(2.718281828**-3)
