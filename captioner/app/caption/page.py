"""The page Caption: a picture with its caption at once; beside it, the way to others."""

from __future__ import annotations

import streamlit as st

from captioner.app.components import image_picker

INTRODUCTION = (
    "A computer program that has learned from examples (the “model”) describes a picture in one sentence. "
    "See how sure it was of every word, and where in the picture it looked."
)


def page() -> None:
    """Show the open picture with its caption and all that led to it; pick another one."""
    st.title("What does the model see?", anchor=False)
    st.markdown(INTRODUCTION)
    main, side = st.columns([7, 4], gap="large")
    with side:
        place = image_picker.show()
    with main:
        image = image_picker.active_image()
    from captioner.app.caption import result  # late: pandas and Altair take half a second

    if image:
        result.show(image, main)
    image_picker.show_examples(place, image)
