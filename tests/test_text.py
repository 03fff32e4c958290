"""Captions come back from their ids as normalised, and a vocabulary has one order."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from captioner.text import (
    END,
    PAD,
    SPECIALS,
    START,
    TOKENIZERS,
    UNKNOWN,
    Vocabulary,
    is_content_word,
    kaggle_words,
    words,
)

CAPTIONS = st.text(st.sampled_from("abzAZ09'’-.,!?\"<>#_ \t\né漢") | st.characters(), max_size=40)
TOKENS = st.lists(st.sampled_from(["a", "dog", "don't", "2", "runs"]), max_size=8)


@given(CAPTIONS)
@example("Two dogs' toys, e.g. a T-shirt!!")
def test_words_are_runs_of_letters_digits_and_apostrophes(caption: str) -> None:
    assert words(caption) == re.findall(r"[a-z0-9']+", caption.lower())


@pytest.mark.parametrize("tokenizer", TOKENIZERS)
@given(caption=CAPTIONS)
def test_decoding_what_was_encoded_is_normalising(tokenizer: str, caption: str) -> None:
    tokens = TOKENIZERS[tokenizer](caption)
    vocabulary = Vocabulary.build([tokens])

    assert vocabulary.text([START, *vocabulary.ids(tokens), END, PAD]) == " ".join(tokens)


@given(CAPTIONS)
def test_normalising_twice_changes_nothing(caption: str) -> None:
    assert words(" ".join(words(caption))) == words(caption)


@given(CAPTIONS)
def test_no_word_looks_like_a_special_one(caption: str) -> None:
    assert not set(SPECIALS) & {*words(caption), *kaggle_words(caption)}


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("A black dog is running .", ["black", "dog", "is", "running"]),
        ("Two dogs' T-shirt!", ["two", "dogs'", "t", "shirt"]),
        ('A "b" c, d', ["b", "c"]),
        ("I - .", []),
        ("naïve Café", ["naïve", "café"]),
    ],
)
def test_kaggle_words_are_cut_as_the_reference_does(caption: str, expected: list[str]) -> None:
    """One-character tokens go before the punctuation does, so `"b"` and `c,` stay, as b and c."""
    assert kaggle_words(caption) == expected


@given(st.lists(TOKENS, max_size=6), st.integers(1, 3))
def test_a_vocabulary_holds_the_frequent_words_most_frequent_first(
    captions: list[list[str]], min_count: int
) -> None:
    vocabulary = Vocabulary.build(captions, min_count)
    tokens = [word for caption in captions for word in caption]
    known_words = vocabulary.words[len(SPECIALS) :]

    assert set(known_words) == {word for word in tokens if tokens.count(word) >= min_count}
    assert list(known_words) == sorted(known_words, key=lambda word: (-tokens.count(word), word))
    assert Vocabulary.build(captions[::-1], min_count) == vocabulary


@given(st.lists(TOKENS, min_size=1, max_size=6))
def test_ids_and_words_are_each_others_inverse(captions: list[list[str]]) -> None:
    vocabulary = Vocabulary.build(captions)

    assert [vocabulary.id(word) for word in vocabulary.words] == list(range(len(vocabulary)))
    assert vocabulary.ids(["zebra"]) == [UNKNOWN]
    assert all(word in vocabulary for word in vocabulary.words[len(SPECIALS) :])
    assert not any(word in vocabulary for word in (*SPECIALS, "zebra", 7))


def test_specials_keep_their_places() -> None:
    assert (PAD, START, END, UNKNOWN) == (0, 1, 2, 3)
    assert Vocabulary.build([]).words == SPECIALS


@pytest.mark.parametrize(
    "words", [(), ("a",), (*SPECIALS[::-1],), (*SPECIALS, "a", "b", "a"), (*SPECIALS, "<pad>")]
)
def test_a_vocabulary_out_of_order_is_refused(words: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="vocabulary"):
        Vocabulary(words)


@pytest.mark.parametrize(
    ("sentence", "content"),
    [
        ("a man in a red shirt is standing next to his dog", "man red shirt standing dog"),
        ("two dogs and one of the boys", "two dogs boys"),
        ("", ""),
    ],
)
def test_content_words_are_those_that_say_something_about_a_picture(sentence: str, content: str) -> None:
    assert [word for word in sentence.split() if is_content_word(word)] == content.split()


def test_the_end_of_a_sentence_is_no_content_word() -> None:
    assert not is_content_word("")
