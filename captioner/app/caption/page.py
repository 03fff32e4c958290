"""The page Caption: a picture, or several, with what the model says; beside it, the way to others."""

from __future__ import annotations

import streamlit as st

from captioner.app.batch import results as batch
from captioner.app.caption import texts
from captioner.app.compare import comparison
from captioner.app.components import image_picker
from captioner.app.components.errors import error_boundary


def page() -> None:
    """Show the open picture with its caption, a comparison, or several pictures; pick others."""
    st.title(texts.TITLE, anchor=False)
    st.markdown(texts.INTRODUCTION)
    if files := image_picker.several_files():
        batch.start(files)
    with st.container(), error_boundary():  # a file that cannot be read leaves open what is open
        if image_picker.open_new_file() or image_picker.is_linked():
            batch.close()
    comparing = comparison.is_open() and not batch.is_open()
    # A comparison or a table takes the whole width, with the way to other pictures below it.
    main, more, card, others = image_picker.places(wide=comparing or batch.is_open())
    with card:
        image_picker.show()
    image = None
    with main:
        restoring = batch.restore()
        if batch.is_open():
            batch.show()
        elif not restoring:
            if not comparing:
                batch.offer_reopening()
            image = image_picker.active_image()
            if image and comparing:
                comparison.show(image)
    if image and not comparing:
        from captioner.app.caption import result  # late: pandas and Altair take half a second

        with more:
            result.show(image, main)
        main.button(
            texts.COMPARE, help=texts.COMPARE_HELP, on_click=comparison.start, icon=":material/compare:"
        )
    image_picker.show_examples(others, image)
