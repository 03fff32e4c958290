"""Loads, while the server starts, what its first visitor would wait for: libraries, model, first example."""

from __future__ import annotations

import logging
import threading

import streamlit as st

from captioner.app.components import image_picker
from captioner.app.state import serving
from captioner.app.state.session import caption_image

log = logging.getLogger(__name__)


def start() -> None:
    """Load it in a thread of its own."""
    threading.Thread(target=run, name="warm-up", daemon=True).start()


def run() -> None:
    """Load it. What goes wrong here is met, and shown, by the page."""
    try:
        _load()
    except Exception as error:
        log.warning("the first visitor will have to wait: %s", error)


@st.cache_resource(show_spinner=False)  # inside a cached function, no other one shows its spinner
def _load() -> bool:
    from captioner.app.caption import result  # noqa: F401 (as captioner.app.caption.page does)

    if image := image_picker.first_example():
        caption_image(image, serving.captioner().options)
    return True
