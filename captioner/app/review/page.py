"""A sitting: look at pictures together, rate each caption, learn how often the model is right."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import streamlit as st

from captioner.app.components import wording
from captioner.app.review import rating
from captioner.app.review.session import MOST, Entry, Sitting, from_csv
from captioner.app.state import resources, uploads
from captioner.errors import CaptionerError

if TYPE_CHECKING:
    from captioner.data.samples import Sample

SAMPLES, OWN = "Sample pictures", "Our own pictures"
USUAL, FEWEST = 20, 5  # pictures: offered first, at least
PROMISE = (
    "Ratings, remarks and file names stay in this server’s memory for up to 12 hours after the last change, "
    "for whoever has the link; where many sittings are open, the oldest makes room. Pictures are not stored."
)


def page() -> None:
    """Begin a sitting, go on with one, or see what it found."""
    st.title("How often is it right?", anchor=False)
    key = _key()
    sitting = rating.sittings().find(key) if key else None
    if key and sitting is None:
        _lost()
    if key is None or sitting is None:
        _begin()
    else:
        _go_on(key, sitting)


def _key() -> str | None:
    """The sitting's key, from the link; coming back from another page, from this visit."""
    key = st.query_params.get("sitting") or st.session_state.get("sitting")
    if key:
        st.query_params["sitting"] = st.session_state["sitting"] = key
    return key


def _lost() -> None:
    st.warning(
        "The sitting of this link is no longer here: it is kept for up to 12 hours after its last change, "
        "and lost when the app restarts. Load the file that was downloaded, or start a new one.",
        icon=":material/link_off:",
    )


def _begin() -> None:
    st.markdown(
        "Look at pictures one by one, alone or as a group, and say whether the model’s sentence is right. In "
        "the end you know how often it was, and how far that number can be trusted."
    )
    found, sentence = resources.shelf()
    chosen = OWN
    if found:
        chosen = st.segmented_control(
            "Which pictures?", [SAMPLES, OWN], default=SAMPLES, required=True, key="review source"
        )
    if chosen == OWN:
        _begin_with_uploads()
    else:
        _begin_with_samples(found)
    if chosen != OWN or not found:
        st.caption(wording.escaped(sentence))
    with st.expander("Go on with a saved sitting", icon=":material/upload_file:"):
        _begin_with_file()
    st.caption(PROMISE)


def _begin_with_samples(found: dict[str, Sample]) -> None:
    most = min(MOST, len(found))
    count = most
    if most > FEWEST:
        count = st.slider(
            "How many?",
            FEWEST,
            most,
            min(USUAL, most),
            help="Drawn at random. The more, the surer the result; a picture takes some ten seconds.",
        )
    if st.button("Start", icon=":material/play_arrow:"):
        _open([Entry(name) for name in random.sample(sorted(found), count)])


def _begin_with_uploads() -> None:
    bounds = f"up to {MOST} and {uploads.LARGEST // 10**6} MB in all"
    files = uploads.several(f"Upload photographs, {bounds}")
    fitting = uploads.within(files, MOST)
    if len(fitting) < len(files):
        st.caption(f"Only the first {len(fitting)} of them will be in the sitting: it takes {bounds}.")
    if fitting and st.button("Start", icon=":material/play_arrow:"):
        entries = rating.captioned(fitting)
        if entries:
            uploads.let_go(*files)
            _open(entries)


def _begin_with_file() -> None:
    file = st.file_uploader("Load the file that was downloaded from a sitting", ["csv"])
    if file is not None:
        try:
            sitting = from_csv(file.getvalue())
        except CaptionerError as error:
            resources.show(error)
        else:
            _open(list(sitting.entries), sitting.model)


def _open(entries: list[Entry], model: str = "") -> None:
    sitting = Sitting(model or resources.running().bundle.checksum, tuple(entries))
    st.session_state["sitting"] = st.query_params["sitting"] = rating.sittings().open(sitting)
    st.rerun()


def _go_on(key: str, sitting: Sitting) -> None:
    # Only now: pandas and Altair take half a second, for which the title need not wait.
    from captioner.app.review import results

    rating.refused()
    bundle = resources.running().bundle
    if sitting.model != bundle.checksum:
        st.info(
            "These ratings are of another model than the one that is running, so none can be added. Start a "
            "new sitting for this one.",
            icon=":material/info:",
        )
    elif not sitting.done:
        rating.show(key, sitting)
    if sitting.rated:
        results.show(sitting, bundle)
    _leave(key, sitting)
    if sitting.done and sitting.model == bundle.checksum:
        st.header("The pictures again", anchor=False)
        rating.show(key, sitting)


def _leave(key: str, sitting: Sitting) -> None:
    """Take the ratings along, or begin again."""
    from captioner.app.review import results

    kept, bundle = rating.sittings(), resources.running().bundle
    with st.container(horizontal=True):
        st.download_button(
            "Download the ratings",
            # Made at the click: by then, others with the same link may have rated on.
            lambda: results.file(kept.find(key) or sitting, bundle),
            "captioner-ratings.csv",
            "text/csv",
            on_click="ignore",
            icon=":material/download:",
        )
        st.button("New sitting", on_click=_forget, icon=":material/restart_alt:")
    st.caption(f"{PROMISE} The file brings them back at any time, also to go on.")


def _forget() -> None:
    st.session_state.pop("sitting", None)
    st.query_params.pop("sitting", None)
