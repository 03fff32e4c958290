"""Choose a picture: from this visit's upload, among the samples, or by a link."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st

from captioner import images
from captioner.app.components import wording
from captioner.app.state import resources, uploads
from captioner.app.state.resources import Picture
from captioner.errors import CaptionerError

if TYPE_CHECKING:
    from captioner.app.components.attention_overlay import Pixels

LEAD = (
    "Choose a photograph. A small neural network describes it in one sentence. Then see how sure it was of "
    "every word, and where it looked."
)
VIEWFINDER = 480  # pixels
ICON = ":material/add_photo_alternate:"
PROMISE = "Your picture is captioned on this server and not stored."


def page() -> None:
    """Choose a picture, read its caption, ask about a word."""
    st.title("What does the model see?", anchor=False)
    with st.container():
        found = opened()
        if not found:
            st.markdown(LEAD)
    fold(found[0].key if found else "")
    # Always the same box at the same place: an uploader that moves loses the file that is on its way.
    with st.expander("Choose a picture", key="choice", icon=ICON, on_change="rerun"):
        uploader()
        shelf = st.container()
    # Only now: pandas and Altair take half a second, for which the title need not wait.
    from captioner.app.caption import result

    if found:
        result.show(*found)
    resources.captioner()  # loaded while the visitor chooses
    with shelf:
        samples()


def fold(shown: str) -> None:
    """Close the box of choices when another picture is shown, open it when none is."""
    state = st.session_state
    if "choice" not in state or state.get("shown") != shown:
        state["shown"], state["choice"] = shown, not shown


def opened() -> tuple[Picture, Pixels] | None:
    """The picture that the visitor has open, from this visit or named by the link; a mishap is shown."""
    picture: Picture | None = st.session_state.get("picture")
    named = st.query_params.get("sample")
    try:
        if named and (picture is None or picture.sample != named):
            picture = _sample(named)
        if picture is None:
            st.session_state.pop("_decoded", None)
            return None
        image = _decoded(picture)
        if picture.data:
            picture = _free(picture)
    except Exception as error:
        st.session_state.pop("picture", None)  # so that the next picture has its chance, after a bug, too
        if not isinstance(error, CaptionerError):
            raise
        resources.show(error)
        return None
    st.session_state["picture"] = picture
    if picture.sample:
        st.query_params["sample"] = picture.sample
    return picture, image


def _decoded(picture: Picture) -> Pixels:
    """Its pixels, kept while it is the open one: a large picture takes seconds to decode."""
    kept: dict[str, Pixels] = st.session_state.setdefault("_decoded", {})
    image = kept.get(picture.key)
    if image is None:
        kept.clear()  # before another picture takes what it needs
        kept[picture.key] = image = images.read(picture.data)
    return image


def _free(picture: Picture) -> Picture:
    """The picture without the bytes of its file, which may be twenty times those of its pixels."""
    key = st.session_state.get("from")
    if key and not picture.sample:
        for file in uploads.present(st.session_state.get(key)):
            uploads.empty(file)
    return replace(picture, data=b"")


def _sample(name: str) -> Picture | None:
    found, _ = resources.samples()
    if name in found:
        return Picture(name, found[name][0].read(), sample=name)
    st.info("The link names a picture that is not here. Choose another one.", icon=":material/link_off:")
    return None


def uploader() -> None:
    key = f"upload-{st.session_state.setdefault('uploads', 0)}"
    # Any file: Streamlit would refuse others in a tooltip of a red chip, ``images`` does it in a sentence.
    st.file_uploader("Upload a photograph", key=key, on_change=_uploaded, args=(key,), help=uploads.HELP)
    uploads.tell()
    st.caption(PROMISE)
    # Behind a switch: a browser asks for permission as soon as there is a camera to look through.
    if st.toggle("Use the camera", key="camera"):
        taken = f"photo-{st.session_state['uploads']}"
        st.camera_input("Take a photograph", key=taken, on_change=_uploaded, args=(taken,), width=VIEWFINDER)


def _uploaded(key: str) -> None:
    """Open what was uploaded or photographed; close it when it was taken back."""
    state = st.session_state
    if found := uploads.present(state[key]):
        file = found[0]
        st.query_params.pop("sample", None)
        state["picture"], state["from"] = Picture(file.name, file.getvalue()), key
    elif state.get("from") == key:
        state.pop("picture", None)


def samples() -> None:
    found, sentence = resources.samples()
    if found:
        st.markdown("**Or pick one of these**")
        grid = st.grid(6, min_column_width=130, gap="small")
        for number, (name, (sample, thumbnail)) in enumerate(found.items(), start=1):
            with grid.cell():
                alt = next(iter(sample.references), f"Sample picture {number}")
                st.image(thumbnail, width="stretch", alt=alt)
                label = f"Use picture {number}"
                st.button(label, key=f"pick {name}", on_click=_pick, args=(name,), width="stretch")
    st.caption(wording.escaped(sentence))


def _pick(name: str) -> None:
    state = st.session_state
    for widget in ("upload", "photo"):
        uploads.let_go(*uploads.present(state.get(f"{widget}-{state['uploads']}")))
    state.pop("picture", None)
    state.pop("from", None)
    state["uploads"] += 1  # another key, so that the uploader is empty
    st.query_params["sample"] = name
