"""The page Review: people rate captions and learn how often the model is right."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import TYPE_CHECKING

import streamlit as st

from captioner.app.components import browser, wording
from captioner.app.components.errors import show_error
from captioner.app.review import rating, texts
from captioner.app.review.session_file import from_csv
from captioner.app.state import ratings_database, serving, uploads
from captioner.bundle import ratings
from captioner.errors import CaptionerError
from captioner.feedback.rating import clean_text
from captioner.feedback.session import MAX_PICTURES, Item, ReviewSession

if TYPE_CHECKING:
    from captioner.data.examples import Example

DEFAULT_PICTURES, MIN_PICTURES = 20, 5
MAX_NAME = 40  # characters of a group's or a person's name


def page() -> None:
    """Start a review session, continue one, or see its result."""
    st.title(texts.TITLE, anchor=False)
    key = _session_key()
    everybody = ratings_database.reviews().by_rater(key) if key else {}
    if key and not everybody:
        st.warning(texts.SESSION_GONE, icon=":material/link_off:")
    if key and everybody:
        names = rating.upload_names()
        _continue(key, {rater: rating.with_names(one, names) for rater, one in everybody.items()})
    else:
        _start()


def _session_key() -> str | None:
    """From the link (its old name, too); after a visit to another page, from this visit."""
    link = st.query_params
    key = link.get("session") or link.pop("sitting", None) or st.session_state.get("review session")
    if key:
        link["session"] = st.session_state["review session"] = key
    return key


def _start() -> None:
    st.markdown(texts.INTRODUCTION)
    st.text_input(texts.GROUP, max_chars=MAX_NAME, key="review group", help=texts.GROUP_HELP)
    examples, sentence = serving.examples()
    source = texts.OWN
    if examples:
        source = st.segmented_control(
            texts.WHICH_PICTURES,
            [texts.EXAMPLES, texts.OWN],
            default=texts.EXAMPLES,
            required=True,
            key="review source",
        )
    if source == texts.OWN:
        _start_with_uploads()
    else:
        _start_with_examples(examples)
    if not examples:
        with st.expander(texts.WHY_NO_EXAMPLES, icon=":material/info:"):
            st.markdown(wording.escape(sentence))
    elif source != texts.OWN:
        st.caption(wording.escape(sentence))
    with st.expander(texts.RESUME, icon=":material/upload_file:"):
        _start_with_file()
    st.caption(f"{wording.PRIVACY} {texts.STORED} {ratings_database.durability()}")


def _start_with_examples(examples: dict[str, Example]) -> None:
    count = max_count = min(MAX_PICTURES, len(examples))
    if max_count > MIN_PICTURES:
        count = st.slider(
            texts.HOW_MANY,
            MIN_PICTURES,
            max_count,
            min(DEFAULT_PICTURES, max_count),
            help=texts.HOW_MANY_HELP,
        )
    if st.button(texts.START, icon=":material/play_arrow:"):
        _open([Item(name) for name in random.sample(sorted(examples), count)])


def _start_with_uploads() -> None:
    limits = texts.LIMITS.format(pictures=MAX_PICTURES, megabytes=uploads.MAX_SESSION_BYTES // 10**6)
    files = uploads.uploader(texts.UPLOAD.format(limits=limits))
    st.info(texts.NOT_SEEN_BY_OTHERS, icon=":material/visibility_off:")
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
            everybody = from_csv(file.getvalue())
        except CaptionerError as error:
            show_error(error)
        else:
            session = everybody.pop("")
            uploaded = {item.upload_hash: item.image for item in session.items if item.upload_hash}
            rating.upload_names().update(uploaded)
            _open(list(session.items), session.bundle_checksum, everybody)


def _open(items: list[Item], checksum: str = "", others: Mapping[str, ReviewSession] | None = None) -> None:
    group = clean_text(st.session_state.get("review group", ""))
    session = ReviewSession(checksum or serving.active_bundle().bundle.checksum, tuple(items), group)
    key = ratings_database.reviews().open(session, others)
    st.session_state["review session"] = st.query_params["session"] = key
    st.rerun()


def _continue(key: str, everybody: Mapping[str, ReviewSession]) -> None:
    # Imported late, so that the title appears at once: pandas and Altair take half a second.
    from captioner.app.review import results

    rating.show_rejected()
    _show_raters(key, everybody[""])
    session = everybody.get(rating.rater()) or everybody[""].unrated()
    bundle = serving.active_bundle().bundle
    same_model = session.bundle_checksum in ratings.checksums(bundle)
    if not same_model:
        st.info(texts.OTHER_MODEL, icon=":material/info:")
    elif not session.done:
        rating.show(key, session)
    if any(one.rated for one in everybody.values()):
        results.show(everybody, bundle)
    _download_or_leave(key, everybody)
    if session.done and same_model:
        st.header(texts.PICTURES_AGAIN, anchor=False)
        rating.show(key, session)


def _show_raters(key: str, session: ReviewSession) -> None:
    """The group, a field for the name of whoever rates here, and how others take part."""
    if session.group:
        st.subheader(wording.escape(session.group), anchor=False)
    left, right = st.columns(2, gap="medium", vertical_alignment="bottom")
    # One place for all of it: were the field to move on the page, what is being typed would be lost.
    with st.container(key="unseen-rater"):
        _restore_name(key)
        name = left.text_input(texts.YOUR_NAME, max_chars=MAX_NAME, key="rater", help=texts.YOUR_NAME_HELP)
        if name or "_rater" in st.session_state:
            st.session_state["_rater"] = name
            browser.store(_name_slot(key), name)
    with right:
        browser.copy_button(texts.COPY_LINK, f"{st.context.url or ''}?session={key}", "copy review link")
    if any(item.upload_hash for item in session.items):
        st.caption(texts.NOT_SEEN_BY_OTHERS)


def _restore_name(key: str) -> None:
    """After another page was shown, the name of before; after a reload, that which the tab stored."""
    state = st.session_state
    # Kept apart, as Streamlit forgets a text once a page is shown without it. It is set for no other reason:
    # after a restart of the server only the browser has the name, and would lose it.
    if "_rater" in state:
        state.setdefault("rater", state["_rater"])
    elif found := browser.stored([_name_slot(key)], even_nothing=False):
        state["_rater"] = found[_name_slot(key)][:MAX_NAME]
        if state["_rater"] and not state.get("rater"):  # else it would empty a field that is being filled in
            state["rater"] = state["_rater"]


def _name_slot(key: str) -> str:
    """Where the tab stores the name: each review session has its own raters."""
    return f"captioner rater {key}"


def _download_or_leave(key: str, everybody: Mapping[str, ReviewSession]) -> None:
    from captioner.app.review import results

    bundle, reviews = serving.active_bundle().bundle, ratings_database.reviews()
    names = dict(rating.upload_names())

    def file() -> bytes:
        """Made at the click: by then, others with the same link may have rated more."""
        latest = reviews.by_rater(key) or everybody
        return results.to_file({who: rating.with_names(one, names) for who, one in latest.items()}, bundle)

    with st.container(horizontal=True):
        st.download_button(
            texts.DOWNLOAD,
            file,
            "captioner-ratings.csv",
            "text/csv",
            on_click="ignore",
            icon=":material/download:",
        )
        st.button(texts.NEW_SESSION, on_click=_leave, icon=":material/restart_alt:")
    st.caption(f"{wording.PRIVACY} {texts.STORED} {ratings_database.durability()} {texts.FILE_CONTINUES}")


def _leave() -> None:
    st.session_state.pop("review session", None)
    st.query_params.pop("session", None)
