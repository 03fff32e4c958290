"""The page Caption: pick an image, read its caption, look into a word."""

from __future__ import annotations

import streamlit as st

from captioner.app.components import image_picker
from captioner.app.state import serving

INTRODUCTION = (
    "Choose a photograph. A computer program that has learned from examples (the “model”) describes it in "
    "one sentence. Then see how sure it was of every word, and where in the picture it looked."
)


def page() -> None:
    """Pick an image, then show its caption and all that led to it."""
    st.title("What does the model see?", anchor=False)
    with st.container():
        image = image_picker.active_image()
        if not image:
            st.markdown(INTRODUCTION)
    samples = image_picker.show(image)
    from captioner.app.caption import result  # late: pandas and Altair take half a second

    if image:
        result.show(image)
    serving.captioner()  # loaded while the visitor chooses
    image_picker.show_samples(samples)
