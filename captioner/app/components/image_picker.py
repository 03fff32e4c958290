"""Pick an image: upload it, photograph it, take a sample, or follow a link to one."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import streamlit as st

from captioner import images
from captioner.app.components import wording
from captioner.app.components.errors import show_error
from captioner.app.state import serving, uploads
from captioner.app.state.session import DecodedImage
from captioner.bundle.storage import Bundle
from captioner.errors import CaptionerError

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

    from captioner.data.samples import Sample
    from captioner.images import Pixels

TITLE = "Choose a picture"
ICON = ":material/add_photo_alternate:"
PRIVACY = "Your picture is captioned on this server and not stored."
NO_LINK = (
    "A link can bring back a sample picture, not one of yours: yours is not stored. The address of this page "
    "brings back the settings."
)
CAMERA_WIDTH = 480  # pixels

log = logging.getLogger(__name__)


def active_image() -> DecodedImage | None:
    """The image that the visitor has open, decoded once; an error is shown."""
    state = st.session_state
    try:
        image = _linked_sample() or _new_upload() or state.get("image")
    except Exception as error:
        state.pop("upload", None)  # so that the next image is tried, even after a bug
        state.pop("image", None)
        if not isinstance(error, CaptionerError):
            raise
        show_error(error)
        return None
    if image is None:
        return None
    state["image"] = image
    if image.sample:
        st.query_params["sample"] = image.sample
    return image


def _linked_sample() -> DecodedImage | None:
    """The sample that the address names, if it is not open yet."""
    name = st.query_params.get("sample")
    image: DecodedImage | None = st.session_state.get("image")
    if not name or (image and image.sample == name):
        return None
    samples, _ = thumbnails()
    if name not in samples:
        st.info("The link names a picture that is not here. Choose another one.", icon=":material/link_off:")
        return None
    st.session_state.pop("image", None)  # frees its memory before another is decoded
    return DecodedImage.decode(name, samples[name][0].read(), sample=name)


def _new_upload() -> DecodedImage | None:
    """What the visitor has just uploaded or photographed; of the file only its name is kept."""
    state = st.session_state
    files = uploads.available(state.get(state["upload"])) if "upload" in state else []
    if not files:
        return None
    state.pop("image", None)  # frees its memory before another is decoded
    state["image"] = image = DecodedImage.decode(files[0].name, files[0].getvalue())
    state.pop("upload")
    uploads.free_bytes(files[0])
    return image


def show(image: DecodedImage | None) -> DeltaGenerator:
    """Draw the uploader and the camera, folded while an image is open.

    Returns:
        The container for ``show_samples``, which a page calls last: finding the samples takes time.
    """
    _fold(image.sha256 if image else "")
    # Always the same box at the same place: an uploader that moves loses a file that is being uploaded.
    with st.expander(TITLE, key="picker", icon=ICON, on_change="rerun"):
        _show_uploader()
        return st.container()


def _fold(opened: str) -> None:
    """Close the box when another image is open, open it when none is."""
    state = st.session_state
    if "picker" not in state or state.get("opened") != opened:
        state["opened"], state["picker"] = opened, not opened


def _show_uploader() -> None:
    number = st.session_state.setdefault("uploaders", 0)
    upload, photo = f"upload-{number}", f"photo-{number}"
    # Any file: Streamlit would refuse others in a tooltip of a red chip, ``images`` does it in a sentence.
    st.file_uploader(
        "Upload a photograph", key=upload, on_change=_on_upload, args=(upload,), help=uploads.FORMATS_HELP
    )
    uploads.show_refusal()
    st.caption(PRIVACY)
    # Behind a switch: a browser asks for permission as soon as the camera widget is drawn.
    if st.toggle("Use the camera", key="camera"):
        st.camera_input(
            "Take a photograph", key=photo, on_change=_on_upload, args=(photo,), width=CAMERA_WIDTH
        )


def _on_upload(key: str) -> None:
    """Have the uploaded file or the photograph opened; close its image when the file was removed."""
    state = st.session_state
    if uploads.available(state[key]):
        st.query_params.pop("sample", None)
        state["upload"] = state["source"] = key
    elif state.get("source") == key:
        state.pop("upload", None)
        state.pop("image", None)


def show_samples(place: DeltaGenerator) -> None:
    """Draw thumbnails of the samples, each with a button, and where they are from."""
    with place:
        samples, sentence = thumbnails()
        if samples:
            st.markdown("**Or pick one of these**")
            grid = st.grid(6, min_column_width=130, gap="small")
        for number, (name, (sample, thumbnail)) in enumerate(samples.items(), start=1):
            with grid.cell():
                alt = next(iter(sample.references), f"Sample picture {number}")
                st.image(thumbnail, width="stretch", alt=alt)
                label = f"Use picture {number}"
                st.button(label, key=f"pick {name}", on_click=_on_pick, args=(name,), width="stretch")
        st.caption(wording.escape(sentence))


def thumbnails() -> tuple[dict[str, tuple[Sample, Pixels]], str]:
    """A few samples by name, each with a thumbnail, uint8[240, 320, 3], and where they are from."""
    samples, sentence = serving.samples()
    with st.spinner("Looking for sample pictures …", show_time=True):
        return _thumbnails(serving.active_bundle().bundle, samples), sentence


@st.cache_resource(show_spinner=False, max_entries=1, validate=bool, hash_funcs=serving.HASH_FUNCS)
def _thumbnails(bundle: Bundle, _samples: dict[str, Sample]) -> dict[str, tuple[Sample, Pixels]]:
    from captioner.app.components import attention_overlay  # late: it imports Pillow
    from captioner.data import samples as sources  # late: it imports huggingface_hub

    thumbnails = {}
    for sample in sources.spread(list(_samples.values()), sources.SAMPLE_COUNT):
        try:
            thumbnails[sample.name] = (sample, attention_overlay.thumbnail(images.read(sample.read())))
        except CaptionerError as error:
            log.warning("sample %s is left out: %s", sample.name, error)
    return thumbnails


def _on_pick(name: str) -> None:
    state = st.session_state
    for widget in ("upload", "photo"):
        uploads.free(*uploads.available(state.get(f"{widget}-{state['uploaders']}")))
    for key in ("upload", "source", "image"):
        state.pop(key, None)
    state["uploaders"] += 1  # another key, so that the uploader is empty
    st.query_params["sample"] = name
