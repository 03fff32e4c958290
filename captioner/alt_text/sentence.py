"""Alt text: a caption as the text that stands for a picture, for people who do not see it."""

from __future__ import annotations

from captioner.alt_text.neutral import neutral
from captioner.text import FUNCTION_WORDS, words

MAX_LENGTH = 125  # characters: what screen readers are commonly said to read in one piece


def alt_text(caption: str, *, neutral_words: bool = True) -> str:
    """A caption in sentence case, with a full stop, and at most ``MAX_LENGTH`` characters long.

    What is longer is cut after a word, never after one such as "with". Empty if the caption has no word.

    Args:
        caption: the words as the model says them.
        neutral_words: whether people are called "person", "child" and "they".
    """
    before, tokens = None, words(caption)
    while tokens != before:  # what is cut may have kept two people apart
        before = tokens
        tokens = _shortened(_without_doubled([*neutral(tokens)] if neutral_words else tokens))
    return sentence(" ".join(tokens))


def sentence(caption: str, *, finished: bool = True) -> str:
    """A caption as a page shows it: a capital first, and a full stop; an ellipsis if it is unfinished."""
    return f"{caption[0].upper()}{caption[1:]}{'.' if finished else '…'}" if caption else ""


def _without_doubled(tokens: list[str]) -> list[str]:
    return [token for index, token in enumerate(tokens) if tokens[index - 1 : index] != [token]]


def _shortened(tokens: list[str]) -> list[str]:
    if len(" ".join(tokens)) < MAX_LENGTH:  # with room for the full stop
        return tokens
    while tokens and len(" ".join(tokens)) >= MAX_LENGTH:
        tokens = tokens[:-1]
    while len(tokens) > 1 and tokens[-1] in FUNCTION_WORDS:
        tokens = tokens[:-1]
    return tokens
