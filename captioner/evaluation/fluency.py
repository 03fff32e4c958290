"""Fluency errors of a caption, independent of the picture: repetitions and incomplete endings."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

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


def repeats_ngram(tokens: Sequence[str]) -> bool:
    """Whether a word is repeated in a row, or any three words in a row are repeated anywhere."""
    trigrams = list(zip(tokens, tokens[1:], tokens[2:], strict=False))
    return any(a == b for a, b in pairwise(tokens)) or len(set(trigrams)) < len(trigrams)


def is_incomplete(tokens: Sequence[str]) -> bool:
    """Whether a sentence ends in an article or a preposition."""
    return bool(tokens) and tokens[-1] in ARTICLES + PREPOSITIONS
