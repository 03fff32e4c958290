"""One picture of a sitting at a time: what the model says about it, and what people say about that."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from captioner import images
from captioner.app.components import wording
from captioner.app.review.session import LONGEST, MOST, Entry, Sitting, Sittings, cleaned
from captioner.app.state import resources, uploads
from captioner.app.state.resources import Picture
from captioner.errors import CaptionerError
from captioner.inference.warning import UNSURE

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

    from captioner.app.components.attention_overlay import Pixels
    from captioner.inference.captioner import Caption

MEANINGS = (
    "**Right**: all that it says is in the picture. **Partly**: the main thing is right, something else is "
    "not. **Wrong**: the main thing is not there."
)
BUTTONS = (  # rating, key on the keyboard, icon
    ("right", "1", ":material/check:"),
    ("partly", "2", ":material/contrast:"),
    ("wrong", "3", ":material/close:"),
)


@dataclass(frozen=True)
class View:
    """A picture ready to be rated."""

    picture: Pixels | bytes
    caption: str
    log_prob: float | None
    warnings: str  # codes, a space between


@st.cache_resource(show_spinner=False)
def sittings() -> Sittings:
    return Sittings()


def show(key: str, sitting: Sitting) -> None:
    """One picture with its caption, and what can be said of it."""
    count = len(sitting.entries)
    position = st.session_state.setdefault(f"position {key}", max(sitting.following(-1), 0)) % count
    entry = sitting.entries[position]
    st.progress(len(sitting.rated) / count, f"{len(sitting.rated)} of {count} rated")
    view = _view(entry)
    left, right = st.columns([6, 5], gap="medium")
    with left:
        if view:
            st.image(view.picture, width="stretch", alt=view.caption)
        else:
            _absent(entry, sitting)
    with right:
        st.caption(f"Picture {position + 1} of {count}")
        if caption := view.caption if view else entry.caption:
            st.header(f"“{wording.escaped(caption)}”", anchor=False)
            _warn(view.warnings if view else entry.warnings, rated=bool(entry.rating))
        _verdict(key, entry, view, position)
        with st.container(horizontal=True):
            for label, step, shortcut in (("Back", -1, "Left"), ("Next", 1, "Right")):
                st.button(
                    label,
                    key=f"review {label}",
                    shortcut=shortcut,
                    on_click=_move,
                    args=(key, step),
                    width="stretch",
                )


def _warn(codes: str, *, rated: bool) -> None:
    # How sure the model was stays hidden here: it would sway the rating that it is later compared with.
    for code in codes.split():
        if rated or code != UNSURE:
            st.markdown(wording.warning(code))


def _verdict(key: str, entry: Entry, view: View | None, position: int) -> None:
    st.markdown(f"You rated it **{entry.rating}**." if entry.rating else "Is that right?")
    by_keys = _by_keys()
    with st.container(horizontal=True, gap="small"):
        for rating, shortcut, icon in BUTTONS:
            st.button(
                f"**{rating.capitalize()}**" if entry.rating == rating else rating.capitalize(),
                # Not the picture's: so the keyboard's focus stays on the button from picture to picture.
                key=f"rate {rating}",
                icon=icon,
                shortcut=shortcut if by_keys else None,
                on_click=_rate,
                args=(key, entry.id, rating, view, position),
                disabled=view is None,
                width="stretch",
            )
    st.caption(MEANINGS)
    st.toggle("Rate with the keys 1, 2 and 3", key="rate by keys")
    widget = f"remark {key} {entry.id}"
    st.text_input(
        "Remark (optional)",
        entry.remark,
        max_chars=LONGEST,
        key=widget,
        on_change=_annotate,
        args=(key, entry.id, widget),
    )


def _by_keys() -> bool:
    """Whether a key alone may rate: the keys can be switched off (WCAG 2.1.4), here for the whole visit."""
    state = st.session_state
    # Twice, as Streamlit forgets what belongs to a switch once a page is shown without it.
    state["_by keys"] = chosen = bool(state.setdefault("rate by keys", state.get("_by keys", True)))
    return chosen


def _rate(key: str, id: str, rating: str, view: View, position: int) -> None:
    changed = sittings().change(
        key, lambda sitting: sitting.rate(id, rating, view.caption, view.log_prob, view.warnings)
    )
    if changed:
        st.session_state[f"position {key}"] = changed.following(position)


def _annotate(key: str, id: str, widget: str) -> None:
    remark = st.session_state[widget]
    sittings().change(key, lambda sitting: sitting.annotate(id, remark))


def _move(key: str, step: int) -> None:
    # A step, not a place: pressed twice before the page is drawn anew, it is two steps.
    st.session_state[f"position {key}"] += step


def _view(entry: Entry) -> View | None:
    """The picture and the caption to rate; None where the picture is no longer here."""
    if entry.digest:
        kept = st.session_state.get("reviewed", {}).get(entry.digest)
        return View(kept, entry.caption, entry.log_prob, entry.warnings) if kept else None
    found, _ = resources.shelf()
    if entry.picture not in found:
        return None
    try:
        picture = Picture(entry.picture, found[entry.picture].read(), sample=entry.picture)
        image = images.read(picture.data)
    except CaptionerError:  # the page then says that it is not here, and goes on
        return None
    if entry.rating:
        return View(image, entry.caption, entry.log_prob, entry.warnings)
    captions = resources.captions(picture, image, resources.captioner().options)
    return View(image, captions.best.text, captions.best.log_prob, _codes(captions))


def _codes(captions: Caption) -> str:
    return " ".join(warning.code for warning in captions.warnings)


def _absent(entry: Entry, sitting: Sitting) -> None:
    name = wording.escaped(entry.picture)
    if not entry.digest:
        st.info(f"The picture {name} is not on this server. Go on to the next.", icon=":material/hide_image:")
        return
    st.info(
        f"Uploads are not stored, so {name} has to be uploaded again to be seen.",
        icon=":material/hide_image:",
    )
    files = uploads.several("Upload the pictures of this sitting again")
    if files:
        _restore(files, sitting)
        if _view(entry):
            uploads.let_go(*files)
            st.rerun()
        st.caption("That is another picture.")


def _restore(files: Sequence[UploadedFile], sitting: Sitting) -> None:
    """Keep those of the files that are pictures of the sitting."""
    wanted = {entry.digest for entry in sitting.entries}
    for file in files:
        data = file.getvalue()
        if (digest := _digest(data)) in wanted:
            with suppress(CaptionerError):
                _keep(digest, images.read(data))


def captioned(files: Sequence[UploadedFile]) -> list[Entry]:
    """An entry for each file that is a picture, which is kept small for this visit; the others are named."""
    entries: dict[str, Entry] = {}
    progress = st.progress(0.0, "Captioning …")
    for number, file in enumerate(files, start=1):
        name, data = cleaned(file.name) or "picture", file.getvalue()
        try:
            image = images.read(data)
        except CaptionerError as error:
            st.session_state.setdefault("review refused", []).append(f"{name}: {error}")
        else:
            captions = resources.captions(Picture(name, data), image, resources.captioner().options)
            best, digest = captions.best, _digest(data)
            entries[digest] = Entry(name, digest, best.text, best.log_prob, warnings=_codes(captions))
            _keep(digest, image)
        progress.progress(number / len(files), f"Captioned {number} of {len(files)}")
    progress.empty()
    if not entries:
        refused()
    return list(entries.values())


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def _keep(digest: str, image: Pixels) -> None:
    """Keep a picture for this visit; as many as a sitting has, the latest ones."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=88)
    kept: dict[str, bytes] = st.session_state.setdefault("reviewed", {})
    kept.pop(digest, None)
    kept[digest] = file.getvalue()
    if len(kept) > MOST:
        kept.pop(next(iter(kept)))


def refused() -> None:
    """Names, once, the files that were left out."""
    for sentence in st.session_state.pop("review refused", []):
        st.error(f"Left out: {wording.escaped(sentence)}", icon=":material/error:")
