"""Take the caption along: copy it, download it, or link to the same image and settings."""

from __future__ import annotations

import json
from pathlib import PurePath
from urllib.parse import urlencode

import streamlit as st

from captioner.app.components.image_picker import NO_LINK
from captioner.app.state.session import DecodedImage
from captioner.inference.captioner import Caption

TITLE = "Copy, download, link"
OWN = "The model’s own sentence, without any word that you chose:"
IN_JSON = "JSON also has every word with its probability, its runners-up, and the other sentences."
LINKED = "This link brings back the same picture with the same settings."


def show(image: DecodedImage, caption: Caption, settings: dict[str, str]) -> None:
    """Draw, folded, the caption to copy, two downloads, and a link with the settings in its address."""
    with st.expander(TITLE, icon=":material/ios_share:"):
        st.caption(OWN)
        st.code(caption.best.text, language=None, wrap_lines=True)
        with st.container(horizontal=True):
            _download("Caption as text", caption.best.text + "\n", image.name, ".txt", "text/plain")
            _download("Everything as JSON", as_json(image, caption), image.name, ".json", "application/json")
        st.caption(IN_JSON)
        if image.sample:
            st.markdown(LINKED)
            address = urlencode({"sample": image.sample, **settings})
            st.code(f"{st.context.url or ''}?{address}", language=None, wrap_lines=True)
        else:
            st.caption(NO_LINK)


def _download(label: str, text: str, image_name: str, suffix: str, mime_type: str) -> None:
    name = PurePath(image_name).stem + suffix
    st.download_button(label, text, name, mime_type, on_click="ignore", icon=":material/download:")


def as_json(image: DecodedImage, caption: Caption) -> str:
    """A line of JSON, as ``python -m captioner caption --json`` prints it."""
    return json.dumps({"picture": image.name, **caption.to_dict()}) + "\n"
