"""The page Caption: a picture, or several, with what the model says; beside it, the way to others."""

from __future__ import annotations

import streamlit as st

from captioner.app.batch import results as batch
from captioner.app.caption import texts
from captioner.app.compare import comparison
from captioner.app.components import image_picker


def page() -> None:
    """Show the open picture with its caption, a comparison, or several pictures; pick others."""
    st.title(texts.TITLE, anchor=False)
    st.markdown(texts.INTRODUCTION)
    main, side = st.columns([7, 4], gap="large")
    with side:
        place = image_picker.show()
    if files := image_picker.several_files():
        batch.start(files)
    elif "sample" in st.query_params or image_picker.has_new_file():
        batch.close()
    image = None
    if batch.is_open():
        with main:
            batch.show()
    else:
        with main:
            image = image_picker.active_image()
        if image and comparison.is_open():
            comparison.show(image, main)
        elif image:
            from captioner.app.caption import result  # late: pandas and Altair take half a second

            result.show(image, main)
            main.button(
                texts.COMPARE, help=texts.COMPARE_HELP, on_click=comparison.start, icon=":material/compare:"
            )
    image_picker.show_examples(place, image)
