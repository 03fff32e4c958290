"""A picture and its sentence in one: point at a word, and the picture shows where the model looked.

Nothing of Streamlit's own can do this: its widgets cannot tell the pointer's or the keyboard's place before a
click, every click asks the server, and no widget can draw over ``st.image``. So this is a component (version
2, ``st.components.v2``) whose HTML, CSS and JavaScript stand beside this file. It asks no other server for
anything. The attention goes to the browser as numbers, where the overlay is drawn; the server hears only of a
word that the visitor pins.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Collection
from pathlib import Path
from typing import Any

import streamlit as st
from PIL import Image

from captioner.app.components import resizing
from captioner.app.components.browser import CLIPBOARD
from captioner.app.components.interactive_caption import payload, plain, sharing
from captioner.app.components.interactive_caption.sharing import Request
from captioner.app.state.session import DecodedImage
from captioner.images import Pixels
from captioner.inference.decoding import Candidate

PINNED = "pinned word"  # in the session: the key of a sentence, and the index of the word pinned in it
MAX_SIDE, QUALITY = 960, 85  # of the picture that is sent: pixels, and JPEG's from 1 to 95

_FOLDER = Path(__file__).parent
_HTML, _CSS, _SHARING, _VIEW = (
    (_FOLDER / name).read_text(encoding="utf-8")
    for name in ("component.html", "component.css", "sharing.js", "component.js")
)
_JS = CLIPBOARD + _SHARING + _VIEW
_mount = st.components.v2.component("interactive_caption", html=_HTML, css=_CSS, js=_JS)


def show(
    image: DecodedImage,
    candidate: Candidate,
    key: str,
    *,
    title: str = "",
    note: tuple[str, str] = ("", ""),
    chosen: Collection[int] = (),
) -> tuple[int | None, Request]:
    """Draw an image and a sentence about it, with buttons to take it away.

    Args:
        image: what the visitor opened.
        candidate: the sentence.
        key: of the pinned word; the same while the same image is shown, even with another sentence.
        title: stands above the sentence, as plain text.
        note: stands below it, as plain text; its first part is bold.
        chosen: indices of words that the visitor chose.

    Returns:
        The index of the word that is pinned, if one is, and what the visitor asks for with a button.
    """
    data = payload.build(candidate, chosen)
    data |= payload.picture(data_url(_jpeg(image.sha256, image.pixels)), image.pixels)
    data |= {"key": key, "title": title, "note": note, "pinned": _in_range(pinned(key), candidate)}
    data |= {"sharing": sharing.build(candidate, image.sha256[:16], is_upload=not image.example)}
    events: dict[str, Any] = {f"on_{name}_change": lambda: None for name in ("pin", "card", "another")}
    # One widget for all images: Streamlit remembers each until the session ends, and draws a new one later.
    result = _mount(key="interactive_caption", data=data, **events)
    plain.show(_jpeg(image.sha256, image.pixels), candidate, " ".join(note).strip())
    event = result.get("pin")
    # The browser's, so it can be anything, also about an image that was shown before.
    if isinstance(event, dict) and event.get("key") == key:
        pin(key, _in_range(event.get("word"), candidate))
    return _in_range(pinned(key), candidate), sharing.request(result.get("card"), result.get("another"))


def pinned(key: str) -> int | None:
    """Index of the word that is pinned in the sentence with this key."""
    of, index = st.session_state.get(PINNED, (None, None))
    return index if of == key else None


def pin(key: str, index: int | None) -> None:
    """Pin a word, or none. A page that does so shows another sentence: for the same, the browser decides."""
    st.session_state[PINNED] = (key, index)


def _in_range(index: object, candidate: Candidate) -> int | None:
    return index if type(index) is int and 0 <= index < len(candidate.words) else None


@st.cache_resource(scope="session", max_entries=1, show_spinner=False)
def _jpeg(sha256: str, _pixels: Pixels) -> bytes:
    return small_jpeg(_pixels)


def small_jpeg(pixels: Pixels) -> bytes:
    """An image, uint8[H, W, 3], as a small JPEG file."""
    file = io.BytesIO()
    Image.fromarray(resizing.scaled_down(pixels, MAX_SIDE)).save(file, "JPEG", quality=QUALITY)
    return file.getvalue()


def data_url(jpeg: bytes) -> str:
    """A JPEG file as a ``data:`` address."""
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"
