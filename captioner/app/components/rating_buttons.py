"""Right, partly or wrong: the buttons with which people rate a caption, and what is said when that fails.

The buttons alone need no database: it is opened by the first click.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import streamlit as st

from captioner.app.components.errors import error_boundary, log_bug
from captioner.app.state import ratings_database
from captioner.app.state.session import DecodedImage
from captioner.errors import FeedbackError
from captioner.feedback.rating import MAX_TEXT, PARTLY, RIGHT, WRONG, Rating, clean_text, now, rating_id

LABELS = {RIGHT: "Right", PARTLY: "Partly", WRONG: "Wrong"}
ICONS = {RIGHT: ":material/check:", PARTLY: ":material/contrast:", WRONG: ":material/close:"}
EXPLAINED = (
    "**Right**: everything that it says is in the picture. **Partly**: the main thing is right, something "
    "else is not. **Wrong**: the main thing is not in the picture."
)
QUESTION, REMARK, UNDO = "Is that right?", "Remark (optional)", "Undo"
STORED = (
    "What you say here is stored with the sentence, and everybody who uses this app can read it. The picture "
    "and its file’s name are not stored."
)
NOT_SAVED = "That was not saved: {reason} The caption does not depend on it."


@st.fragment
@error_boundary()
def show(image: DecodedImage, caption: str, bundle_checksum: str) -> None:
    """Ask whether a model's caption of an image is right; a click keeps the answer.

    ``bundle_checksum`` is the model's: another one may be in use by the time of the click.
    """
    unrated = Rating(
        _id(image, caption, bundle_checksum), caption, "", bundle_checksum, image=image.example or ""
    )
    current: Rating | None = _own_ratings().get(unrated.id)
    st.markdown(f"**{QUESTION}**", help=EXPLAINED)
    with st.container(horizontal=True, gap="small"):
        for rating, label in LABELS.items():
            st.button(
                f"**{label}**" if current and current.rating == rating else label,
                key=f"rate caption {rating}",
                icon=ICONS[rating],
                on_click=_rate,
                args=(unrated, rating),
            )
        if current:
            st.button(
                UNDO, key="rate caption undo", icon=":material/undo:", on_click=_withdraw, args=(unrated.id,)
            )
    if current:
        widget = f"remark {unrated.id}"
        st.text_input(
            REMARK,
            current.remark,
            max_chars=MAX_TEXT,
            key=widget,
            on_change=_remark,
            args=(unrated.id, widget),
        )
    show_failure()
    st.caption(STORED)


@contextmanager
def saving() -> Iterator[None]:
    """In a callback: a rating that cannot be kept now is explained where ``show_failure`` is called.

    So is a bug: after an exception in a callback, Streamlit draws no page, so there would be no caption.
    """
    try:
        yield
    except FeedbackError as error:
        st.session_state["rating failed"] = NOT_SAVED.format(reason=error)
    except Exception:
        st.session_state["rating failed"] = log_bug()


def show_failure() -> None:
    """Say, once, why the last rating was not saved."""
    if sentence := st.session_state.pop("rating failed", None):
        st.error(sentence, icon=":material/error:")


def _id(image: DecodedImage, caption: str, bundle_checksum: str) -> str:
    """Of this visitor's rating of this caption. The secret is in no database: nobody can tell who rated."""
    secret = st.session_state.setdefault("rating secret", secrets.token_bytes(16))
    return rating_id(secret, bundle_checksum, image.sha256, caption)


def _own_ratings() -> dict[str, Rating]:
    """What this visitor has said, by id."""
    ratings: dict[str, Rating] = st.session_state.setdefault("ratings given", {})
    return ratings


def _rate(unrated: Rating, rating: str) -> None:
    current = _own_ratings().get(unrated.id, unrated)  # with its remark
    _save(replace(current, rating=rating, time=now()))


def _remark(id: str, widget: str) -> None:
    if current := _own_ratings().get(id):
        _save(replace(current, remark=clean_text(st.session_state[widget]), time=now()))


def _save(rating: Rating) -> None:
    with saving():
        from captioner.feedback import ratings_store

        ratings_store.save(ratings_database.database(), rating)
        _own_ratings()[rating.id] = rating


def _withdraw(id: str) -> None:
    with saving():
        from captioner.feedback import ratings_store

        ratings_store.withdraw(ratings_database.database(), id)
        _own_ratings().pop(id, None)
