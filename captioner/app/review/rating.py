"""One picture of a review session at a time: its caption, and the buttons that rate it."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import streamlit as st

from captioner import images
from captioner.app.components import rating_buttons, warning_box, wording
from captioner.app.review import texts
from captioner.app.state import ratings_database, serving, uploads
from captioner.app.state.session import DecodedImage, caption_image
from captioner.errors import CaptionerError
from captioner.feedback.rating import MAX_TEXT, clean_text
from captioner.feedback.session import MAX_PICTURES, Item, ReviewSession
from captioner.inference.warning import LOW_CONFIDENCE

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

    from captioner.images import Pixels
    from captioner.inference.captioner import Caption

KEYS = {"right": "1", "partly": "2", "wrong": "3"}  # on the keyboard


@dataclass(frozen=True)
class PictureToRate:
    """A picture as it is shown, uint8[H, W, 3] or a JPEG, and what the model says about it."""

    image: Pixels | bytes
    caption: str
    log_prob: float | None
    warnings: str  # codes, separated by spaces
    expected_precision: float | None  # of the caption's words, that people use, too

    @classmethod
    def of(cls, image: Pixels | bytes, item: Item) -> Self:
        """With what the item knows of its caption."""
        return cls(image, item.caption, item.log_prob, item.warnings, item.expected_precision)


def rater() -> str:
    """Who rates: the name in the page's field, or nothing. Once a name is there, a click counts for it."""
    return clean_text(st.session_state.get("rater", ""))


def show(key: str, session: ReviewSession) -> None:
    """One picture with its caption, the buttons that rate it, and those for the previous and next picture."""
    count, place = len(session.items), _position_key(key)
    position = st.session_state.setdefault(place, max(session.next_unrated(-1), 0)) % count
    item = session.items[position]
    st.progress(len(session.rated) / count, texts.RATED.format(rated=len(session.rated), count=count))
    picture = _picture_to_rate(item)
    left, right = st.columns([6, 5], gap="medium")
    with left:
        if picture:
            st.image(picture.image, width="stretch", alt=picture.caption)
        else:
            _show_missing_picture(item, session)
    with right:
        st.caption(texts.PICTURE.format(number=position + 1, count=count))
        if caption := picture.caption if picture else item.caption:
            codes = (picture.warnings if picture else item.warnings).split()
            # How sure the model was stays hidden until the rating, which is compared with it later.
            warning_box.show([code for code in codes if item.rating or code != LOW_CONFIDENCE])
            st.header(f"“{wording.escape(caption)}”", anchor=False)
            if picture and item.rating:
                st.caption(f"**{wording.verdict(picture.expected_precision)}** {wording.CHECK_IT}")
        _rating_buttons(key, item, picture, position)
        with st.container(horizontal=True):
            for label, step, shortcut in ((texts.BACK, -1, "Left"), (texts.NEXT, 1, "Right")):
                st.button(
                    label,
                    key=f"review {label}",
                    shortcut=shortcut,
                    on_click=_move,
                    args=(place, step),
                    width="stretch",
                )


def _rating_buttons(key: str, item: Item, picture: PictureToRate | None, position: int) -> None:
    st.markdown(texts.ANSWERED.format(rating=item.rating) if item.rating else rating_buttons.QUESTION)
    shortcuts = _shortcuts_on()
    with st.container(horizontal=True, gap="small"):
        for rating, label in rating_buttons.LABELS.items():
            st.button(
                f"**{label}**" if item.rating == rating else label,
                # The same for every picture, so that the keyboard's focus stays on the button.
                key=f"rate {rating}",
                icon=rating_buttons.ICONS[rating],
                shortcut=KEYS[rating] if shortcuts else None,
                on_click=_rate,
                args=(key, replace(item, rating=rating), picture, position),
                disabled=picture is None,
                width="stretch",
            )
    rating_buttons.show_failure()
    st.caption(rating_buttons.EXPLAINED)
    st.toggle(texts.BY_KEYS, key="rate by keys")
    widget = f"remark {key} {rater()} {item.id}"
    st.text_input(
        rating_buttons.REMARK,
        item.remark,
        max_chars=MAX_TEXT,
        key=widget,
        on_change=_set_remark,
        args=(key, item.id, widget),
    )


def _shortcuts_on() -> bool:
    """Whether a key alone rates: that can be switched off (WCAG 2.1.4), here for the whole visit."""
    state = st.session_state
    # Twice, as Streamlit forgets a switch's value once a page is shown without it.
    state["_by keys"] = on = bool(state.setdefault("rate by keys", state.get("_by keys", True)))
    return on


def _rate(key: str, item: Item, picture: PictureToRate, position: int) -> None:
    rated = replace(
        item,
        caption=picture.caption,
        log_prob=picture.log_prob,
        warnings=picture.warnings,
        expected_precision=picture.expected_precision,
    )
    with rating_buttons.saving():
        if session := ratings_database.reviews().rate(key, rater(), rated):
            st.session_state[_position_key(key)] = session.next_unrated(position)


def _position_key(key: str) -> str:
    """Where the position of the picture that a rater sees is."""
    return f"position {key} {rater()}"


def _set_remark(key: str, id: str, widget: str) -> None:
    with rating_buttons.saving():
        ratings_database.reviews().set_remark(key, rater(), id, st.session_state[widget])


def _move(place: str, step: int) -> None:
    # A step, not a position, so that two presses before the page is drawn again count as two.
    st.session_state[place] += step


def with_names(session: ReviewSession, names: Mapping[str, str]) -> ReviewSession:
    """With these names of uploads, by their hashes, which only the uploader's own visit has."""
    items = (replace(item, image=names.get(item.upload_hash, item.image)) for item in session.items)
    return replace(session, items=tuple(items))


def upload_names() -> dict[str, str]:
    """The names of this visitor's uploads, by their hashes."""
    names: dict[str, str] = st.session_state.setdefault("upload names", {})
    return names


def _picture_to_rate(item: Item) -> PictureToRate | None:
    """The picture and the caption to rate; None where the picture is not here."""
    if item.upload_hash:
        upload = _pictures().get(item.upload_hash)
        return PictureToRate.of(upload, item) if upload else None
    examples, _ = serving.examples()
    if item.image not in examples:
        return None
    try:
        image = DecodedImage.decode(item.image, examples[item.image].read(), example=item.image)
    except CaptionerError:  # the page then reports it as missing
        return None
    if item.rating:
        return PictureToRate.of(image.pixels, item)
    caption = caption_image(image, serving.captioner().options)
    best = caption.best
    return PictureToRate(
        image.pixels, best.text, best.log_prob, _warning_codes(caption), best.expected_precision
    )


def _warning_codes(caption: Caption) -> str:
    return " ".join(warning.code for warning in caption.warnings)


def _show_missing_picture(item: Item, session: ReviewSession) -> None:
    """Say that the picture is not here; where it was an upload, offer to upload it again."""
    name, icon = wording.escape(item.image), ":material/hide_image:"
    if not item.upload_hash:
        st.info(texts.PICTURE_GONE.format(name=name), icon=icon)
        return
    st.info(texts.UPLOAD_GONE.format(name=name), icon=icon)
    files = uploads.uploader(texts.UPLOAD_AGAIN)
    if files:
        _restore(files, session)
        if _picture_to_rate(item):
            uploads.free(*files)
            st.rerun()
        st.caption(texts.ANOTHER_PICTURE)


def _restore(files: Sequence[UploadedFile], session: ReviewSession) -> None:
    """Keep those of the files that are pictures of the session: all or none.

    Streamlit may end this run wherever the session's state is asked for, so that is done once, before. The
    next run would draw no uploader if it had the picture to rate, and the others would be lost.
    """
    pictures, names = _pictures(), upload_names()
    hashes = {item.upload_hash for item in session.items}
    for file in files:
        data = file.getvalue()
        if (upload_hash := _hash(data)) in hashes:
            with suppress(CaptionerError):
                _add(pictures, upload_hash, images.read(data))
                names[upload_hash] = _name(file)


def caption_uploads(files: Sequence[UploadedFile]) -> list[Item]:
    """An item for each file that is a picture; the others are named on the page."""
    items: dict[str, Item] = {}
    progress = st.progress(0.0, texts.CAPTIONING)
    for number, file in enumerate(files, start=1):
        name, data = _name(file), file.getvalue()
        try:
            image = DecodedImage.decode(name, data)
        except CaptionerError as error:
            st.session_state.setdefault("review rejected", []).append(f"{name}: {error}")
        else:
            caption = caption_image(image, serving.captioner().options)
            best, upload_hash = caption.best, _hash(data)
            items[upload_hash] = Item(
                name,
                upload_hash,
                best.text,
                best.log_prob,
                warnings=_warning_codes(caption),
                expected_precision=best.expected_precision,
            )
            _add(_pictures(), upload_hash, image.pixels)
            upload_names()[upload_hash] = name
        progress.progress(number / len(files), texts.CAPTIONED.format(done=number, total=len(files)))
    progress.empty()
    if not items:
        show_rejected()
    return list(items.values())


def _name(file: UploadedFile) -> str:
    return clean_text(file.name) or "picture"


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def _pictures() -> dict[str, bytes]:
    """The pictures that were uploaded in this visit, JPEG files by their hashes."""
    pictures: dict[str, bytes] = st.session_state.setdefault("reviewed", {})
    return pictures


def _add(pictures: dict[str, bytes], upload_hash: str, image: Pixels) -> None:
    """Keep a picture, uint8[H, W, 3]; only the last ``MAX_PICTURES`` stay."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=88)
    pictures.pop(upload_hash, None)
    pictures[upload_hash] = file.getvalue()
    if len(pictures) > MAX_PICTURES:
        pictures.pop(next(iter(pictures)))


def show_rejected() -> None:
    """Name, once, the files that were left out."""
    for sentence in st.session_state.pop("review rejected", []):
        st.error(texts.LEFT_OUT.format(problem=wording.escape(sentence)), icon=":material/error:")
