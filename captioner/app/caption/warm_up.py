"""Loads, while the server starts, what its first visitors would wait for: libraries, model, examples."""

from __future__ import annotations

import logging
import threading

import streamlit as st

from captioner.app.components import examples
from captioner.app.state import serving
from captioner.app.state.session import DecodedImage, caption_image
from captioner.errors import CaptionerError

log = logging.getLogger(__name__)


def start() -> None:
    """Load it in a thread of its own."""
    threading.Thread(target=run, name="warm-up", daemon=True).start()


def run() -> None:
    """Load it. What goes wrong here is met, and shown, by the page."""
    try:
        _load()
    except CaptionerError as error:
        log.warning("the first visitors will have to wait: %s", error)
    except Exception:
        log.exception("the first visitors will have to wait")


@st.cache_resource(show_spinner=False)  # inside a cached function, no other one shows its spinner
def _load() -> bool:
    from captioner.app.caption import result  # noqa: F401 (as captioner.app.caption.page does)

    for example, _ in examples.thumbnails()[0].values():
        image = DecodedImage.decode(example.name, example.read(), example=example.name)
        caption_image(image, serving.captioner().options)
    return True
