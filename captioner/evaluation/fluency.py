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
# Words with a grammatical role, and numbers: a good sentence may repeat them.
_FUNCTION_WORDS = (
    "a an the this that these those some any no each every both all another other others",
    "several many few more one two three four five six seven eight nine ten",
    "about above across after against along alongside amid among around as at away back before behind below",
    "beneath beside between by down during for from in inside into like near next of off on onto out outside",
    "over past through to together toward towards under underneath up upon with within without",
    "and but or nor so while whilst if because than when where who which whose what how",
    "he she it they them him her his hers its their theirs himself herself itself themselves",
    "i you we me us my your our there here 's s",
    "is are was were be been being am has have having had do does doing did",
    "can could will would may might not",
)
FUNCTION_WORDS = frozenset(" ".join(_FUNCTION_WORDS).split())


def repeats_ngram(tokens: Sequence[str]) -> bool:
    """Whether a word is repeated in a row, or any three words in a row are repeated anywhere."""
    trigrams = list(zip(tokens, tokens[1:], tokens[2:], strict=False))
    return any(a == b for a, b in pairwise(tokens)) or len(set(trigrams)) < len(trigrams)


def repeats_content_word(tokens: Sequence[str]) -> bool:
    """Whether a content word (none of ``FUNCTION_WORDS``) is repeated; "dog" and "dogs" count as the same."""
    content = [_singular(token) for token in tokens if token not in FUNCTION_WORDS]
    return len(set(content)) < len(content)


def is_incomplete(tokens: Sequence[str]) -> bool:
    """Whether a sentence ends in an article or a preposition."""
    return bool(tokens) and tokens[-1] in ARTICLES + PREPOSITIONS


def _singular(word: str) -> str:
    """The word without a plural s; other plural forms are unchanged."""
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
