"""Faults of a sentence by itself: repetition, a missing end."""

from __future__ import annotations

import pytest

from captioner.evaluation import fluency


@pytest.mark.parametrize("caption", ["a dog dog runs", "the the", "a red dog and a red dog", "a b a b a"])
def test_repeats_are_found(caption: str) -> None:
    assert fluency.repeats_ngram(caption.split())


@pytest.mark.parametrize("caption", ["", "dog", "a red dog and a red cat", "a b a b"])
def test_what_is_no_repeat(caption: str) -> None:
    assert not fluency.repeats_ngram(caption.split())


@pytest.mark.parametrize(
    ("caption", "incomplete"), [("a dog on a", True), ("a dog with", True), ("a dog", False)]
)
def test_a_sentence_without_its_noun_is_found(caption: str, incomplete: bool) -> None:
    assert fluency.is_incomplete(caption.split()) == incomplete
