"""The page Review: people rate captions and learn how often the model is right."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import streamlit as st

from captioner.app.components import wording
from captioner.app.components.errors import show_error
from captioner.app.review import rating
from captioner.app.review.session import MAX_PICTURES, Item, RatingSession
from captioner.app.review.session_file import from_csv
from captioner.app.state import serving, uploads
from captioner.errors import CaptionerError

if TYPE_CHECKING:
    from captioner.data.samples import Sample

SAMPLES, OWN = "Sample pictures", "Our own pictures"
DEFAULT_PICTURES, MIN_PICTURES = 20, 5
INTRODUCTION = (
    "Look at pictures one by one, alone or as a group, and say whether the model’s sentence is right. At the "
    "end you know how often it was right, and how certain that number is."
)
PRIVACY = (
    "Ratings, remarks and file names stay in this server’s memory for up to 12 hours after the last change. "
    "Whoever has the link can see them. When many review sessions are open, the oldest is removed earlier. "
    "Pictures are not stored."
)
SESSION_GONE = (
    "The review session of this link is no longer here: it is kept for up to 12 hours after its last change, "
    "and lost when the app restarts. Load the file that you downloaded, or start a new one."
)
OTHER_MODEL = (
    "These ratings are about another model than the one in use now, so none can be added. Start a new "
    "review session for this one."
)
FILE_CONTINUES = "With the file, you can come back and continue at any time."


def page() -> None:
    """Start a review session, continue one, or see its result."""
    st.title("How often is it right?", anchor=False)
    key = _session_key()
    session = rating.sessions().find(key) if key else None
    if key and session is None:
        st.warning(SESSION_GONE, icon=":material/link_off:")
    if key is None or session is None:
        _start()
    else:
        _continue(key, session)


def _session_key() -> str | None:
    """From the link (its old name, too); after a visit to another page, from this visit."""
    link = st.query_params
    key = link.get("session") or link.pop("sitting", None) or st.session_state.get("rating session")
    if key:
        link["session"] = st.session_state["rating session"] = key
    return key


def _start() -> None:
    st.markdown(INTRODUCTION)
    samples, sentence = serving.samples()
    source = OWN
    if samples:
        source = st.segmented_control(
            "Which pictures?", [SAMPLES, OWN], default=SAMPLES, required=True, key="review source"
        )
    if source == OWN:
        _start_with_uploads()
    else:
        _start_with_samples(samples)
    if source != OWN or not samples:
        st.caption(wording.escape(sentence))
    with st.expander("Continue a saved review session", icon=":material/upload_file:"):
        _start_with_file()
    st.caption(PRIVACY)


def _start_with_samples(samples: dict[str, Sample]) -> None:
    count = max_count = min(MAX_PICTURES, len(samples))
    if max_count > MIN_PICTURES:
        count = st.slider(
            "How many?",
            MIN_PICTURES,
            max_count,
            min(DEFAULT_PICTURES, max_count),
            help="Chosen at random. More pictures give a more certain result; each takes about ten seconds.",
        )
    if st.button("Start", icon=":material/play_arrow:"):
        _open([Item(name) for name in random.sample(sorted(samples), count)])


def _start_with_uploads() -> None:
    limits = f"up to {MAX_PICTURES} and {uploads.MAX_SESSION_BYTES // 10**6} MB in all"
    files = uploads.uploader(f"Upload photographs, {limits}")
    accepted = uploads.first_within_limits(files, MAX_PICTURES)
    if len(accepted) < len(files):
        st.caption(f"Only the first {len(accepted)} of them are taken: a review session takes {limits}.")
    if accepted and st.button("Start", icon=":material/play_arrow:"):
        items = rating.caption_uploads(accepted)
        if items:
            uploads.free(*files)
            _open(items)


def _start_with_file() -> None:
    file = st.file_uploader("Load the file that you downloaded from a review session", ["csv"])
    if file is not None:
        try:
            session = from_csv(file.getvalue())
        except CaptionerError as error:
            show_error(error)
        else:
            _open(list(session.items), session.model)


def _open(items: list[Item], model: str = "") -> None:
    session = RatingSession(model or serving.active_bundle().bundle.checksum, tuple(items))
    key = rating.sessions().open(session)
    st.session_state["rating session"] = st.query_params["session"] = key
    st.rerun()


def _continue(key: str, session: RatingSession) -> None:
    # Imported late, so that the title appears at once: pandas and Altair take half a second.
    from captioner.app.review import results

    rating.show_rejected()
    bundle = serving.active_bundle().bundle
    same_model = session.model == bundle.checksum
    if not same_model:
        st.info(OTHER_MODEL, icon=":material/info:")
    elif not session.done:
        rating.show(key, session)
    if session.rated:
        results.show(session, bundle)
    _download_or_leave(key, session)
    if session.done and same_model:
        st.header("The pictures again", anchor=False)
        rating.show(key, session)


def _download_or_leave(key: str, session: RatingSession) -> None:
    from captioner.app.review import results

    sessions, bundle = rating.sessions(), serving.active_bundle().bundle
    with st.container(horizontal=True):
        st.download_button(
            "Download the ratings",
            # Made at the click: by then, others with the same link may have rated more.
            lambda: results.to_file(sessions.find(key) or session, bundle),
            "captioner-ratings.csv",
            "text/csv",
            on_click="ignore",
            icon=":material/download:",
        )
        st.button("New review session", on_click=_leave, icon=":material/restart_alt:")
    st.caption(f"{PRIVACY} {FILE_CONTINUES}")


def _leave() -> None:
    st.session_state.pop("rating session", None)
    st.query_params.pop("session", None)
