"""Alt text is short, begins and ends as a sentence does, and says nothing twice in a row."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as some

from captioner.alt_text.sentence import MAX_LENGTH, alt_text, sentence
from captioner.text import FUNCTION_WORDS, words

pytestmark = pytest.mark.hypothesis
SPOKEN = "a man and a woman girl boy her he is in the red dress with two people runs another person"
captions = some.lists(some.sampled_from(SPOKEN.split()), max_size=60).map(" ".join) | some.text(max_size=300)


@given(captions, some.booleans())
def test_it_is_one_short_sentence(caption: str, neutral_words: bool) -> None:
    text = alt_text(caption, neutral_words=neutral_words)
    assert len(text) <= MAX_LENGTH
    tokens = words(text)
    assert all(one != other for one, other in pairwise(tokens))
    assert alt_text(text, neutral_words=neutral_words) == text
    if tokens:
        assert text == f"{text[0].upper()}{text[1:-1]}."
        assert neutral_words or set(tokens) <= set(words(caption))
    else:
        assert text == ""


def test_it_is_cut_after_a_word_that_may_end_a_sentence() -> None:
    long = alt_text("a dog is running " + "on the beach " * 12)
    assert len(long) > MAX_LENGTH - 20
    assert words(long)[-1] not in FUNCTION_WORDS
    assert alt_text("dog " + "x" * 200) == "Dog."


def test_neutral_words_can_be_left_out() -> None:
    assert alt_text("a man runs", neutral_words=False) == "A man runs."
    assert alt_text("a man runs") == "A person runs."


def test_a_caption_on_a_page_says_whether_it_is_finished() -> None:
    assert [sentence("a dog"), sentence("a dog", finished=False), sentence("")] == ["A dog.", "A dog…", ""]
