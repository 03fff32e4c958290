"""Many pictures at once: one sentence each, in a table to look at and to save."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from captioner.app.batch.job import THUMBNAIL, BatchJob, PictureResult, to_csv
from captioner.app.components import image_picker, wording
from captioner.app.state import serving, uploads

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

MAX_PICTURES = 50
ROW_HEIGHT, MAX_ROWS = 72, 8  # pixels, so that three lines of text fit; rows seen at once
INTRODUCTION = (
    "Choose photographs. Each gets a sentence, and how sure the model was of it. You can save the table that "
    "comes out."
)
LIMITS = f"At most {MAX_PICTURES} pictures and {uploads.MAX_SESSION_BYTES // 10**6} MB at a time."
PRIVACY = (
    "Your pictures are captioned on this server and not stored: each is deleted as soon as it has its "
    "sentence. Only you see the table, and it is gone when you close the page."
)
REPLACES = "A new table replaces this one."
OTHER_PICTURES = "Choose other pictures"
HOW_TO_READ = (
    "How to read this: “Words in 10” is how many of 10 words in captions like this one people used, too. "
    f"{wording.CONFIDENCE_EXPLAINED} Select a column’s heading to sort by it. Check the sentences with the "
    "lowest numbers, and every sentence with a warning."
)


def page() -> None:
    """Choose pictures, watch, read the table, save it."""
    st.title("Many pictures at once", anchor=False)
    if files := image_picker.several_files():
        _accept(files)
    job: BatchJob = st.session_state.setdefault("_batch", BatchJob())
    if not job.waiting and not job.results:
        st.markdown(INTRODUCTION)
    if job.waiting:
        _run(job)
        st.rerun()
    if job.results or job.skipped:
        _show_results(job)
    with (
        st.expander(OTHER_PICTURES, icon=":material/add_photo_alternate:") if job.results else st.container()
    ):
        _choose_pictures(again=bool(job.results))
    serving.captioner()  # loaded while the visitor chooses


def waiting_uploads() -> Sequence[UploadedFile]:
    """The visitor's files that wait to be captioned, on whichever page the visitor is."""
    job: BatchJob = st.session_state.get("_batch", BatchJob())
    return job.waiting


def _choose_pictures(*, again: bool) -> None:
    key = f"batch-{st.session_state.setdefault('batches', 0)}"
    files = uploads.uploader("Upload photographs", key)
    st.caption(f"{LIMITS} {PRIVACY}" + (f" {REPLACES}" if again else ""))
    if not files:
        return
    accepted = uploads.first_within_limits(files, MAX_PICTURES)
    if accepted:
        count = f"{len(accepted)} picture{'s' if len(accepted) > 1 else ''}"
        st.button(f"Caption {count}", on_click=_start, args=(key,), icon=":material/play_arrow:")
    if rest := files[len(accepted) :]:
        names = ", ".join(wording.escape(file.name) for file in rest[:3])
        more = " and others" if len(rest) > 3 else ""
        st.warning(f"{LIMITS} Left out because of this limit: {names}{more}.", icon=":material/block:")


def _start(key: str) -> None:
    """Take the pictures out of the uploader; a new, empty one takes its place."""
    _accept(uploads.available(*st.session_state[key]))
    st.session_state["batches"] += 1


def _accept(files: Sequence[UploadedFile]) -> None:
    """Have the first files captioned that are within the limits; free the others."""
    accepted = uploads.first_within_limits(files, MAX_PICTURES)
    st.session_state["_batch"] = BatchJob(list(accepted))
    uploads.free(*files[len(accepted) :])


def _run(job: BatchJob) -> None:
    """Caption the waiting pictures. A click on the button ends this run of the script; the results stay."""
    total, done_before = job.total, len(job.results)
    bar = st.progress(0.0, "Getting ready …")
    st.button("Stop here", on_click=job.stop, icon=":material/stop:")
    latest = st.empty()
    model = serving.captioner()
    started = time.monotonic()
    while result := job.caption_next(model):
        done = len(job.results)
        left = (time.monotonic() - started) / (done - done_before) * (total - done)
        bar.progress(done / total, f"{done} of {total} pictures, about {left:.0f} s left")
        with latest.container():
            _preview(result)


def _preview(result: PictureResult) -> None:
    if result.problem:
        st.markdown(_problem(result))
    else:
        st.image(result.thumbnail, width=THUMBNAIL[0], alt=result.caption)
        if result.warning:
            st.warning(result.warning, icon=":material/warning:")
            st.caption(wording.BEST_GUESS)
        st.markdown(f"“{wording.escape(result.caption)}”")
        st.caption(result.how_sure)


def _problem(result: PictureResult) -> str:
    return f"**{wording.escape(result.file)}:** {wording.escape(result.problem)}"


def _show_results(job: BatchJob) -> None:
    captioned = [result for result in job.results if not result.problem]
    failed = [result for result in job.results if result.problem]
    st.markdown(_count(len(captioned), job.skipped))
    if failed:
        problems = "\n".join(f"- {_problem(result)}" for result in failed)
        st.warning(f"Files that could not be captioned:\n{problems}", icon=":material/broken_image:")
    if captioned:
        _table(captioned)
    if job.results:
        st.download_button(
            "Save as a table (CSV)",
            to_csv(job.results).encode(),
            "captions.csv",
            "text/csv",
            on_click="ignore",
            icon=":material/download:",
        )


def _count(captioned: int, skipped: int) -> str:
    text = f"{captioned} picture{'' if captioned == 1 else 's'} captioned."
    return f"{text} You stopped before the other {skipped}." if skipped else text


def _table(results: Sequence[PictureResult]) -> None:
    columns = {
        "picture": [result.thumbnail for result in results],
        "caption": [result.caption for result in results],
        "expected share": [
            None if result.expected_share is None else 10 * result.expected_share for result in results
        ],
        "warning": [result.warning for result in results],
        "file": [result.file for result in results],
    }
    if not any(result.warning for result in results):
        del columns["warning"]
    st.dataframe(
        columns,
        hide_index=True,
        row_height=ROW_HEIGHT,
        height=min(MAX_ROWS, len(results)) * ROW_HEIGHT + ROW_HEIGHT // 2 + 4,
        alt="Your pictures and their sentences",
        column_config={
            "picture": st.column_config.ImageColumn("Picture", width=90),
            "caption": st.column_config.TextColumn("Sentence", width=150),
            "expected share": st.column_config.NumberColumn("Words in 10", format="%.0f", width=80),
            "warning": st.column_config.TextColumn("Warning", width=190),
            "file": st.column_config.TextColumn("File", width=110),
        },
    )
    st.caption(HOW_TO_READ)
