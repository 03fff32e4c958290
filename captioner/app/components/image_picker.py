"""Pick an image: drop, paste or choose a file, photograph one, take an example, or follow a link to one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from captioner.app.components import examples, wording
from captioner.app.components.errors import show_error
from captioner.app.state import uploads
from captioner.app.state.session import DecodedImage
from captioner.errors import CaptionerError

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator
    from streamlit.runtime.uploaded_file_manager import UploadedFile

LABEL = "Drop photos here, paste one, or choose files"
CAMERA, TAKE = "Use the camera", "Take a photo"
PRIVACY = "Your picture is captioned on this server and not stored."
NO_LINK = (
    "A link can bring back an example, not a picture of yours: yours is not stored. The address of this page "
    "brings back the settings."
)
GONE = "The link names a picture that is not here. Choose another one."
EMBEDDED = "If your own photos do not arrive here, open this app in a tab of its own."
SHOWN = "Shown: {}"
CAMERA_WIDTH = 480  # pixels
STYLE = (Path(__file__).parent / "image_picker.css").read_text(encoding="utf-8")
SCRIPT = (Path(__file__).parent / "image_picker.js").read_text(encoding="utf-8")
_paste_and_drop = st.components.v2.component("paste_and_drop", js=SCRIPT)


def show() -> DeltaGenerator:
    """Draw the card with the uploader and the camera.

    A picture from a link is not offered: the server would have to fetch any address that a visitor names,
    also those that only it can reach. Pasting a copied picture does the same.

    Returns:
        The container for ``show_examples``, which a page calls last: finding the examples takes time.
    """
    number = st.session_state.setdefault("uploaders", 0)
    upload, photo = f"upload-{number}", f"photo-{number}"
    # In somebody else's page, browsers often block what an upload needs, so the examples come first.
    above = st.container() if st.context.is_embedded else None
    with st.container(border=True, key="picker"):
        st.html(f"<style>{STYLE}</style>")
        # Any file: Streamlit would refuse others in a tooltip, ``images`` does it in a sentence.
        st.file_uploader(
            LABEL,
            accept_multiple_files=True,
            key=upload,
            on_change=_on_upload,
            args=(upload,),
            help=uploads.FORMATS_HELP,
        )
        with st.container(key="paste"):
            _paste_and_drop(key="paste_and_drop")
        uploads.show_refusal()
        # Behind a switch: a browser asks for permission as soon as the camera widget is drawn.
        if st.toggle(CAMERA, key="camera"):
            st.camera_input(TAKE, key=photo, on_change=_on_upload, args=(photo,), width=CAMERA_WIDTH)
        st.caption(f"{PRIVACY} {EMBEDDED}" if above else PRIVACY)
    return above or st.container()


def show_examples(place: DeltaGenerator, image: DecodedImage | None) -> None:
    """Draw the examples where ``show`` left room for them, and say which picture is open."""
    with place:
        if image and not image.sample:
            st.caption(SHOWN.format(wording.escape(image.name)))
        examples.show(image, _on_pick)


def active_image() -> DecodedImage | None:
    """The image that the visitor has open, decoded once; at first, an example. An error is shown."""
    state = st.session_state
    image = None
    try:
        image = _linked_example() or _new_upload() or state.get("image")
    except Exception as error:
        state.pop("image", None)  # so that the next image is tried, even after a bug
        if not isinstance(error, CaptionerError):
            raise
        show_error(error)
    image = image or _first_example()
    state["image"] = image
    return image


def has_new_file() -> bool:
    """Whether the visitor has just given a file, which ``active_image`` opens."""
    return bool(st.session_state.get("upload"))


def several_files() -> Sequence[UploadedFile]:
    """The files that the visitor gave at once, if there are several; the next call returns none."""
    several = len(st.session_state.get("upload", ())) > 1
    return uploads.available(*st.session_state.pop("upload")) if several else ()


def _linked_example() -> DecodedImage | None:
    """The example that the address names, if it is not open yet."""
    name = st.query_params.get("sample")
    image: DecodedImage | None = st.session_state.get("image")
    if not name or (image and image.sample == name):
        return None
    sample = examples.find(name)
    if not sample:
        st.info(GONE, icon=":material/link_off:")
        return None
    st.session_state.pop("image", None)  # frees its memory before another is decoded
    return DecodedImage.decode(name, sample.read(), sample=name)


def _first_example() -> DecodedImage | None:
    sample = examples.first()
    return DecodedImage.decode(sample.name, sample.read(), sample=sample.name) if sample else None


def _new_upload() -> DecodedImage | None:
    """What the visitor has just uploaded or photographed; the file is freed once it is decoded."""
    files = uploads.available(*st.session_state.pop("upload", ()))
    if not files:
        return None
    st.session_state.pop("image", None)  # frees its memory before another is decoded
    try:
        return DecodedImage.decode(files[0].name, files[0].getvalue())
    finally:
        uploads.free(*files)


def _on_upload(key: str) -> None:
    """Take the files out of the uploader or the camera; an empty one takes its place."""
    state = st.session_state
    value = state[key]
    files = uploads.available(*(value if isinstance(value, list) else [value]))
    if files:
        st.query_params.pop("sample", None)
        state["upload"], state["camera"] = files, False
        state["uploaders"] += 1


def _on_pick(name: str) -> None:
    st.session_state.pop("image", None)
    st.query_params["sample"] = name
