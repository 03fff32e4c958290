"""What the browser gets to copy, change and read aloud a sentence, and what it asks of the server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from captioner.alt_text.sentence import MAX_LENGTH, alt_text, sentence
from captioner.app.components.browser import COPIED, NOT_COPIED
from captioner.inference.decoding import Candidate

MAX_TEXT = 500  # characters of a text that a visitor has changed

TEXTS = {
    "actions": "Take the sentence with you",
    "copy": "Copy",
    "copy_alt": "Copy alt text",
    "copied": COPIED,
    "not_copied": NOT_COPIED,
    "edit": "Edit",
    "edit_label": "Your version",
    "alt": "Alt text",
    "alt_label": "Alt text: for people who do not see the picture",
    "another": "Random version",
    "writing": "Writing …",
    "card": "Picture card",
    "drawing": "Drawing …",
    "saved": "Saved",
    "read": "Read aloud",
    "stop": "Stop",
    "back": "Reset",
    "neutral": "Neutral words: person, child, they",
    "kept": "Your changes stay in this browser tab, also when you reload the page.",
    "count": f"{{count}} of {MAX_LENGTH} characters",
}

KEPT_OF_UPLOAD = "Your changes stay in this browser tab. After a reload, open the picture again to see them."


@dataclass(frozen=True)
class Request:
    """What a visitor asks of the server with one of the buttons."""

    card: str = ""  # the text for a picture card
    id: str = ""  # of the click
    another: bool = False  # another version of the sentence


def build(candidate: Candidate, picture: str, *, is_upload: bool) -> dict[str, Any]:
    """The sentence as it is copied, its alt texts, and the texts of the buttons.

    Args:
        picture: identifies the picture, so that changes to its sentence are found again.
        is_upload: a picture that is gone after a reload of the page.
    """
    text, alt, alt_plain = own_texts(candidate)
    return {
        "sentence": text,
        "alt": alt,
        "alt_plain": alt_plain,
        "picture": picture,
        "max_length": MAX_LENGTH,
        "max_text": MAX_TEXT,
        "texts": TEXTS | ({"kept": KEPT_OF_UPLOAD} if is_upload else {}),
    }


def own_texts(candidate: Candidate) -> tuple[str, str, str]:
    """The sentence, its alt text, and its alt text without neutral words, as no person has changed them."""
    return (
        sentence(candidate.text, finished=candidate.finished),
        alt_text(candidate.text),
        alt_text(candidate.text, neutral_words=False),
    )


def request(card: object, another: object) -> Request:
    """From the browser's events, which can be anything."""
    text, id = (card.get("text"), card.get("id")) if isinstance(card, dict) else ("", "")
    if not (isinstance(text, str) and isinstance(id, str) and len(text) <= MAX_TEXT and len(id) < 40):
        text = id = ""
    return Request(text.strip(), id, another is not None)
