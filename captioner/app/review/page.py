"""The page Review: people rate captions and learn how often the model is right."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import streamlit as st

from captioner.app.components import browser, wording
from captioner.app.components.errors import show_error
from captioner.app.review import rating, texts
from captioner.app.review.session import MAX_PICTURES, Item, RatingSession
from captioner.app.review.session_file import from_csv
from captioner.app.state import serving, uploads
from captioner.errors import CaptionerError

if TYPE_CHECKING:
    from captioner.data.samples import Sample

DEFAULT_PICTURES, MIN_PICTURES = 20, 5


def page() -> None:
    """Start a review session, continue one, or see its result."""
    st.title(texts.TITLE, anchor=False)
    key = _session_key()
    session = rating.sessions().find(key) if key else None
    if key and session is None:
        st.warning(texts.SESSION_GONE, icon=":material/link_off:")
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
    st.markdown(texts.INTRODUCTION)
    samples, sentence = serving.samples()
    source = texts.OWN
    if samples:
        source = st.segmented_control(
            texts.WHICH_PICTURES,
            [texts.SAMPLES, texts.OWN],
            default=texts.SAMPLES,
            required=True,
            key="review source",
        )
    if source == texts.OWN:
        _start_with_uploads()
    else:
        _start_with_samples(samples)
    if source != texts.OWN or not samples:
        st.caption(wording.escape(sentence))
    with st.expander(texts.RESUME, icon=":material/upload_file:"):
        _start_with_file()
    st.caption(texts.PRIVACY)


def _start_with_samples(samples: dict[str, Sample]) -> None:
    count = max_count = min(MAX_PICTURES, len(samples))
    if max_count > MIN_PICTURES:
        count = st.slider(
            texts.HOW_MANY,
            MIN_PICTURES,
            max_count,
            min(DEFAULT_PICTURES, max_count),
            help=texts.HOW_MANY_HELP,
        )
    if st.button(texts.START, icon=":material/play_arrow:"):
        _open([Item(name) for name in random.sample(sorted(samples), count)])


def _start_with_uploads() -> None:
    limits = texts.LIMITS.format(pictures=MAX_PICTURES, megabytes=uploads.MAX_SESSION_BYTES // 10**6)
    files = uploads.uploader(texts.UPLOAD.format(limits=limits))
    accepted = uploads.first_within_limits(files, MAX_PICTURES)
    if len(accepted) < len(files):
        st.caption(texts.TOO_MANY.format(count=len(accepted), limits=limits))
    if accepted and st.button(texts.START, icon=":material/play_arrow:"):
        items = rating.caption_uploads(accepted)
        if items:
            uploads.free(*files)
            _open(items)


def _start_with_file() -> None:
    file = st.file_uploader(texts.RESUME_FILE, ["csv"])
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
        st.info(texts.OTHER_MODEL, icon=":material/info:")
    elif not session.done:
        rating.show(key, session)
    if session.rated:
        results.show(session, bundle)
    _download_or_leave(key, session)
    if session.done and same_model:
        st.header(texts.PICTURES_AGAIN, anchor=False)
        rating.show(key, session)


def _download_or_leave(key: str, session: RatingSession) -> None:
    from captioner.app.review import results

    sessions, bundle = rating.sessions(), serving.active_bundle().bundle
    with st.container(horizontal=True):
        st.download_button(
            texts.DOWNLOAD,
            # Made at the click: by then, others with the same link may have rated more.
            lambda: results.to_file(sessions.find(key) or session, bundle),
            "captioner-ratings.csv",
            "text/csv",
            on_click="ignore",
            icon=":material/download:",
        )
        browser.copy_button(texts.COPY_LINK, f"{st.context.url or ''}?session={key}", "copy review link")
        st.button(texts.NEW_SESSION, on_click=_leave, icon=":material/restart_alt:")
    st.caption(f"{texts.PRIVACY} {texts.FILE_CONTINUES}")


def _leave() -> None:
    st.session_state.pop("rating session", None)
    st.query_params.pop("session", None)
