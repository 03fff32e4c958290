"""Choose a picture: from this visit's upload, among the samples, or by a link."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from captioner import images
from captioner.app import resources, wording
from captioner.app.resources import Picture
from captioner.errors import CaptionerError

if TYPE_CHECKING:
    from captioner.app.pictures import Pixels

PROMISE = "Your picture is captioned on this server and not stored."


def page() -> None:
    """Choose a picture, read its caption, ask about a word."""
    st.title("What does the model see?", anchor=False)
    st.markdown(
        "Choose a photograph. A small neural network describes it in one sentence. Then see how sure it "
        "was of every word, and where it looked."
    )
    opened = _opened()
    with (
        st.expander("Choose another picture", icon=":material/add_photo_alternate:")
        if opened
        else st.container()
    ):
        _uploader()
        shelf = st.container()
    from captioner.app import (
        answer,
    )  # only now: pandas and Altair take half a second, which the title need not wait

    if opened:
        answer.show(*opened)
    with shelf:
        _samples()
    resources.captioner()  # loaded while the visitor chooses


def _opened() -> tuple[Picture, Pixels] | None:
    """The picture that the visitor has open, from this visit or named by the link; a mishap is shown."""
    picture: Picture | None = st.session_state.get("picture")
    named = st.query_params.get("sample")
    try:
        if named and (picture is None or picture.sample != named):
            picture = _sample(named)
        if picture is None:
            return None
        opened = picture, images.read(picture.data)
    except CaptionerError as error:
        st.session_state.pop("picture", None)
        resources.show(error)
        return None
    st.session_state["picture"] = picture
    if picture.sample:
        st.query_params["sample"] = picture.sample
    return opened


def _sample(name: str) -> Picture | None:
    found, _ = resources.samples()
    if name in found:
        return Picture(name, found[name][0].read(), sample=name)
    st.info("The link names a picture that is not here. Choose another one.", icon=":material/link_off:")
    return None


def _uploader() -> None:
    key = f"upload-{st.session_state.setdefault('uploads', 0)}"
    st.file_uploader(
        "Upload a photograph", ["jpg", "jpeg", "png", "webp"], key=key, on_change=_uploaded, args=(key,)
    )
    st.caption(PROMISE)


def _uploaded(key: str) -> None:
    st.query_params.pop("sample", None)
    st.session_state.pop("picture", None)
    if file := st.session_state[key]:
        st.session_state["picture"] = Picture(file.name, file.getvalue())


def _samples() -> None:
    found, sentence = resources.samples()
    if found:
        st.markdown("**Or pick one of these**")
        grid = st.grid(6, min_column_width=130, gap="small")
        for number, (name, (sample, thumbnail)) in enumerate(found.items(), start=1):
            with grid.cell():
                st.image(
                    thumbnail, width="stretch", alt=next(iter(sample.references), f"Sample picture {number}")
                )
                st.button(
                    f"Use picture {number}", key=f"pick {name}", on_click=_pick, args=(name,), width="stretch"
                )
    st.caption(wording.escaped(sentence))


def _pick(name: str) -> None:
    st.session_state.pop("picture", None)
    st.session_state["uploads"] += 1  # another key, so that the uploader lets go of its file
    st.query_params["sample"] = name
