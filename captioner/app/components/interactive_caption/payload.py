"""What the browser gets to draw a picture with its sentence: plain JSON, no HTML, no Markdown."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from captioner.app.components import wording
from captioner.app.components.interactive_caption.attention import (
    OUTLINE_LEVEL,
    Attention,
    describe_attention,
    normalised,
)
from captioner.images import Pixels
from captioner.inference.decoding import END_WORD, Candidate, Word

Json = dict[str, Any]

STYLES = ("sure", "fairly", "guess")  # classes of component.css: solid, dashed and dotted underline
LEVEL_STYLES = dict(zip((name for _, name in wording.LEVELS), STYLES, strict=True))
CHOSEN, CHOSEN_STYLE = "your choice", "chosen"
END_NAME, END_MARK = "end of the sentence", "."

SELECT = "Select a word to see why it is there, and what else the model could have said."
TEXTS = {
    "words": "The words of the sentence",
    "point": "Point at a word to see where the model looked; click it to see why it is there.",
    "tap": "Tap a word to see where the model looked, and why it is there.",
    "select": SELECT,
    "select_without_attention": f"{SELECT} This model keeps no record of where it looks.",
    "play": "Play",
    "pause": "Pause",
    "step": "Next word",
    "pinned": "Selected. More about this word is below.",
    "unpinned": "No word is selected.",
}


def build(candidate: Candidate, chosen: Collection[int] = ()) -> Json:
    """The sentence, its words in order, and the texts around them.

    A word has: text; name (what a screen reader says); style (the class of its underline, "" if it is not
    rated); place (where the model looked, in words); attention (rows of numbers from 0 to 1, of any grid;
    None if there is none); end (whether it is the end of the sentence).
    """
    count = sum(word.text != END_WORD for word in candidate.words)
    words = [
        _word(word, f"{_ordinal(index + 1)} of {count} words", chosen=index in chosen)
        for index, word in enumerate(candidate.words)
    ]
    legend = [{"text": name, "style": style} for name, style in LEVEL_STYLES.items()]
    return {
        "sentence": candidate.text,
        "finished": candidate.finished,
        "words": words,
        "legend": legend if any(map(wording.level, candidate.words)) else [],
        "outline": OUTLINE_LEVEL,
        "texts": TEXTS,
    }


def picture(url: str, pixels: Pixels) -> Json:
    """The address of an image uint8[H, W, 3], and its size in pixels."""
    return {"picture": url, "width": pixels.shape[1], "height": pixels.shape[0]}


def _word(word: Word, position: str, *, chosen: bool) -> Json:
    end, level = word.text == END_WORD, wording.level(word)
    description = CHOSEN if chosen else level
    name = END_NAME if end else ", ".join(filter(None, (word.text, description, position)))
    place = (
        ""
        if word.attention is None
        else f"{END_NAME if end else word.text}: {_attention_sentence(word.attention)}"
    )
    return {
        "text": END_MARK if end else word.text,
        "name": name,
        "style": "end" if end else CHOSEN_STYLE if chosen else LEVEL_STYLES[level] if level else "",
        "place": place,
        "attention": None if word.attention is None else normalised(word.attention),
        "end": end,
    }


def _attention_sentence(attention: Attention) -> str:
    return f"looked {describe_attention(attention)}"


def _ordinal(number: int) -> str:
    suffix = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{suffix}"
