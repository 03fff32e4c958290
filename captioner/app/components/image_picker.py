"""Pick an image: drop, paste or choose a file, photograph one, take an example, or follow a link to one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from captioner.app.components import browser, examples, wording
from captioner.app.components.errors import error_boundary
from captioner.app.state import uploads
from captioner.app.state.session import DecodedImage
from captioner.errors import ImageError

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator
    from streamlit.runtime.uploaded_file_manager import UploadedFile

LABEL = "Use your own photos"
HINT = "Drop them here, paste one, or choose files."  # not on a phone
LIMITS = (
    f"Up to {uploads.MAX_PICTURES} at once ({uploads.MAX_SESSION_BYTES // 10**6} MB): you get a list to save."
)
CAMERA, TAKE = "Use the camera", "Take a photo"
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


def places(*, wide: bool) -> tuple[DeltaGenerator, DeltaGenerator, DeltaGenerator, DeltaGenerator]:
    """Room for the result, more about it, the card of ``show`` and the examples.

    On a phone the card comes first, as one line; else it stands with the examples beside the result, or
    below a ``wide`` one. In somebody else's page, browsers often block what an upload needs, so there the
    examples come before it.
    """
    browser.add_style(STYLE)
    embedded = st.context.is_embedded
    order = ["result", "more", "examples", "card"] if embedded else ["card", "result", "more", "examples"]
    if wide:
        order.sort(key="result".__ne__)
    with st.container(key=f"places-{'wide' if wide else 'embedded' if embedded else 'beside'}"):
        made = {name: st.container(key=f"place-{name}") for name in order}
    return made["result"], made["more"], made["card"], made["examples"]


def show() -> None:
    """Draw the card with the uploader and the camera.

    A picture from a link is not offered: the server would have to fetch any address that a visitor names,
    also those that only it can reach. Pasting a copied picture does the same.
    """
    number = st.session_state.setdefault("uploaders", 0)
    upload, photo = f"upload-{number}", f"photo-{number}"
    with st.container(border=True, key="picker"):
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
        with st.container(key="picker-hint"):
            st.caption(HINT)
        st.caption(LIMITS)
        uploads.show_refusal()
        # Behind a switch: a browser asks for permission as soon as the camera widget is drawn.
        if st.toggle(CAMERA, key="camera"):
            st.camera_input(TAKE, key=photo, on_change=_on_upload, args=(photo,), width=CAMERA_WIDTH)
        st.caption(f"{wording.PRIVACY} {EMBEDDED}" if st.context.is_embedded else wording.PRIVACY)


def show_examples(place: DeltaGenerator, image: DecodedImage | None) -> None:
    """Draw the examples, and say which picture is open. Call it last: finding the examples takes time."""
    with place:
        if image and not image.example:
            st.caption(SHOWN.format(wording.escape(image.name)))
        examples.show(image, _on_pick)


def active_image() -> DecodedImage | None:
    """The image that the visitor has open, decoded once; at first, an example. An error is shown."""
    state = st.session_state
    with error_boundary():
        state["image"] = _linked_example() or state.get("image")
    state["image"] = state.get("image") or _first_example()
    image: DecodedImage | None = state["image"]
    return image


def several_files() -> Sequence[UploadedFile]:
    """The files that the visitor gave at once, if there are several; the next call returns none."""
    if len(st.session_state.get("upload", ())) < 2:
        return ()
    forget_link()
    return uploads.available(*st.session_state.pop("upload"))


def open_new_file() -> bool:
    """Open what the visitor has just uploaded or photographed, and free it; whether there was anything.

    Raises:
        ImageError: as ``images.read``, with the file's name; then the image before stays open.
    """
    files = uploads.available(*st.session_state.pop("upload", ()))
    if not files:
        return False
    try:
        st.session_state["image"] = DecodedImage.decode(files[0].name, files[0].getvalue())
    except ImageError as error:
        sentence = str(error)
        name = wording.escape(files[0].name)
        raise ImageError(f"**{name}:** {sentence[:1].upper()}{sentence[1:]}") from error
    finally:
        uploads.free(*files)
    forget_link()
    return True


def is_linked() -> bool:
    """Whether the address names an example."""
    return "example" in st.query_params or "sample" in st.query_params


def _linked_example() -> DecodedImage | None:
    """The example that the address names, if it is not open yet."""
    if old := st.query_params.pop("sample", ""):  # of links of earlier versions
        st.query_params["example"] = old
    name = st.query_params.get("example")
    image: DecodedImage | None = st.session_state.get("image")
    if not name or (image and image.example == name):
        return None
    example = examples.find(name)
    if not example:
        st.info(GONE, icon=":material/link_off:")
        return None
    return DecodedImage.decode(name, example.read(), example=name)


def forget_link() -> None:
    """Have the address name no example."""
    for name in ("example", "sample"):
        st.query_params.pop(name, None)


def _first_example() -> DecodedImage | None:
    example = examples.first()
    return DecodedImage.decode(example.name, example.read(), example=example.name) if example else None


def _on_upload(key: str) -> None:
    """Take the files out of the uploader or the camera; an empty one takes its place."""
    state = st.session_state
    value = state[key]
    files = uploads.available(*(value if isinstance(value, list) else [value]))
    if files:
        state["upload"], state["camera"] = files, False
        state["uploaders"] += 1


def _on_pick(name: str) -> None:
    st.query_params["example"] = name
