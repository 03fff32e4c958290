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
    "caption",
    [
        "a hat and a hat",
        "on the beach at the beach",
        "a man and another man",
        "a dog and two dogs",
        "red on red",
    ],
)
def test_content_words_that_stand_twice_are_found(caption: str) -> None:
    assert fluency.repeats_content_word(caption.split())


@pytest.mark.parametrize(
    "caption",
    ["", "a dog", "two men in the grass and two women in the sun", "he is in his tent in the grass"],
)
def test_function_words_may_stand_twice(caption: str) -> None:
    assert not fluency.repeats_content_word(caption.split())


@pytest.mark.parametrize(
    ("caption", "incomplete"), [("a dog on a", True), ("a dog with", True), ("a dog", False)]
)
def test_a_sentence_without_its_noun_is_found(caption: str, incomplete: bool) -> None:
    assert fluency.is_incomplete(caption.split()) == incomplete
