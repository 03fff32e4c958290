"""The caption to take along: copied, as a file, or as a link to the same picture and settings."""

from __future__ import annotations

import json
from pathlib import PurePath
from urllib.parse import urlencode

import streamlit as st

from captioner.app.components.image_picker import NO_LINK
from captioner.app.state.session import DecodedImage
from captioner.inference.captioner import Caption


def offer(image: DecodedImage, captions: Caption, named: dict[str, str]) -> None:
    """Folded: the caption to copy, two files, and the link, which has the settings by their names."""
    with st.expander("Copy, download, link", icon=":material/ios_share:"):
        st.caption("The model's own sentence, without any word that you chose:")
        st.code(captions.best.text, language=None, wrap_lines=True)
        name = PurePath(image.name).stem
        with st.container(horizontal=True):
            st.download_button(
                "Candidate as text",
                captions.best.text + "\n",
                f"{name}.txt",
                "text/plain",
                on_click="ignore",
                icon=":material/download:",
            )
            st.download_button(
                "Everything as JSON",
                written(image, captions),
                f"{name}.json",
                "application/json",
                on_click="ignore",
                icon=":material/download:",
            )
        st.caption("JSON also has every word with its probability, its runners-up, and the other sentences.")
        if image.sample:
            st.markdown("This link brings back the same picture with the same settings.")
            st.code(link({"sample": image.sample, **named}), language=None, wrap_lines=True)
        else:
            st.caption(NO_LINK)


def written(image: DecodedImage, captions: Caption) -> str:
    """A line of JSON, as ``python -m captioner caption --json`` prints it."""
    return json.dumps({"picture": image.name, **captions.to_dict()}) + "\n"


def link(named: dict[str, str]) -> str:
    """The address of this page, with what it needs to come back like this."""
    return f"{st.context.url or ''}?{urlencode(named)}"
