"""Fluency errors of a caption, independent of the picture: repetitions and incomplete endings."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from captioner.text import is_content_word

ARTICLES = ("a", "an", "the")
PREPOSITIONS = (
    "at",
    "beside",
    "between",
    "for",
    "from",
    "in",
    "into",
    "near",
    "of",
    "on",
    "onto",
    "to",
    "with",
)
NUMBERS = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def repeats_ngram(tokens: Sequence[str]) -> bool:
    """Whether a word is repeated in a row, or any three words in a row are repeated anywhere."""
    trigrams = list(zip(tokens, tokens[1:], tokens[2:], strict=False))
    return any(a == b for a, b in pairwise(tokens)) or len(set(trigrams)) < len(trigrams)


def repeats_content_word(tokens: Sequence[str]) -> bool:
    """Whether a content word that is no number is repeated; "dog" and "dogs" count as the same."""
    content = [_singular(token) for token in tokens if is_content_word(token) and token not in NUMBERS]
    return len(set(content)) < len(content)


def is_incomplete(tokens: Sequence[str]) -> bool:
    """Whether a sentence ends in an article or a preposition."""
    return bool(tokens) and tokens[-1] in ARTICLES + PREPOSITIONS


def _singular(word: str) -> str:
    """The word without a plural s; other plural forms are unchanged."""
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
