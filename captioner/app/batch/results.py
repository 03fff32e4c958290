"""Several pictures at once: their captions as cards and as a table to save."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from captioner.app.batch import alt_texts as alt_text_list
from captioner.app.batch import files as saved_files
from captioner.app.batch import saved, texts
from captioner.app.batch.job import BatchJob, PictureResult
from captioner.app.components import browser, image_picker, wording
from captioner.app.state import serving, uploads

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

CLOSED = "_closed batch"  # the one that was open, until others take its place; and which closing that was
ADDRESS = "several"  # in the address while several pictures are open, so that a reload brings them back
VIEW = "_view of several pictures"  # that is open at first
CARD_WIDTH = 180  # pixels, at least
ROW_HEIGHT, MAX_ROWS = 72, 8  # pixels, so that three lines of text fit; rows seen at once


def start(files: Sequence[UploadedFile]) -> None:
    """Have the first files captioned that are within the limits; free the others and those before."""
    close()
    st.session_state.pop(CLOSED, None)
    accepted = uploads.first_within_limits(files, uploads.MAX_PICTURES)
    rest = files[len(accepted) :]
    st.session_state["_batch"] = BatchJob(list(accepted), left_out=tuple(file.name for file in rest))
    uploads.free(*rest)


def restore() -> bool:
    """Open what the browser kept, where the address asks for it; True while it is being asked."""
    if is_open() or ADDRESS not in st.query_params:
        return False
    try:
        job = saved.restore()
    except ValueError:
        st.query_params.pop(ADDRESS)
        st.info(texts.NOT_HERE, icon=":material/link_off:")
        return False
    if job:
        _open(job)
        st.rerun()
    st.markdown(texts.RESTORING)
    st.button(texts.CLOSE, on_click=close, icon=":material/arrow_back:")
    return True


def is_open() -> bool:
    """Whether the visitor has given several files, and no single picture since."""
    return "_batch" in st.session_state


def close() -> None:
    """Put the results aside, free the memory of the pictures that wait."""
    st.query_params.pop(ADDRESS, None)
    st.session_state.pop(VIEW, None)
    if job := st.session_state.pop("_batch", None):
        job.stop()
        st.session_state[CLOSED] = job, secrets.token_hex(8)


def offer_reopening() -> None:
    """Draw a button that opens the results again, where there are some."""
    if CLOSED in st.session_state:
        _, closing = st.session_state[CLOSED]
        browser.scroll_to("", closing)  # what closed it stands far down the page
        st.button(texts.REOPEN, on_click=_reopen, icon=":material/arrow_back:")


def _reopen() -> None:
    image_picker.forget_link()  # it would close them again
    job, _ = st.session_state.pop(CLOSED)
    _open(job)


def _open(job: BatchJob) -> None:
    st.session_state["_batch"] = job
    st.session_state[VIEW] = texts.AS_ALT_TEXTS if job.touched else texts.AS_CARDS


def waiting_uploads() -> Sequence[UploadedFile]:
    """The visitor's files that wait to be captioned, on whichever page the visitor is."""
    return st.session_state["_batch"].waiting if is_open() else ()


def show() -> None:
    """Caption what waits, then draw the results."""
    job: BatchJob = st.session_state["_batch"]
    st.query_params[ADDRESS] = "1"
    st.header(texts.TITLE, anchor=False)
    if job.waiting:
        _run(job)
        st.rerun()
    stored = saved.store_results(job)  # first: whoever sees the results may reload at once
    _show_results(job)
    if not stored:
        st.warning(texts.NOT_STORED, icon=":material/save:")
    st.caption(f"{wording.PRIVACY} {texts.KEPT}")
    st.button(texts.CLOSE, on_click=close, icon=":material/arrow_back:")


def _run(job: BatchJob) -> None:
    """Caption the waiting pictures. A click on the button ends this run of the script; the results stay."""
    total, done_before = job.total, len(job.results)
    bar = st.progress(0.0, texts.GETTING_READY)
    st.button(texts.STOP, on_click=job.stop, icon=":material/stop:")
    latest = st.empty()
    model = serving.captioner()
    started = time.monotonic()
    while result := job.caption_next(model):
        done = len(job.results)
        left = (time.monotonic() - started) / (done - done_before) * (total - done)
        bar.progress(done / total, texts.PROGRESS.format(done=done, total=total, seconds=f"{left:.0f}"))
        with latest.container(width=2 * CARD_WIDTH):
            _show_card(result)


def _show_results(job: BatchJob) -> None:
    captioned = [result for result in job.results if not result.error]
    failed = [result for result in job.results if result.error]
    st.markdown(_count(len(captioned), job.skipped))
    if job.left_out:
        names = ", ".join(map(wording.escape, job.left_out[:3]))
        more = texts.AND_OTHERS if len(job.left_out) > 3 else ""
        limits = {"pictures": uploads.MAX_PICTURES, "megabytes": uploads.MAX_SESSION_BYTES // 10**6}
        st.warning(texts.LEFT_OUT.format(**limits, names=names, more=more), icon=":material/block:")
    if failed:
        errors = "\n".join(f"- {_error(result)}" for result in failed)
        st.warning(f"{texts.FAILED}\n{errors}", icon=":material/broken_image:")
    downloads = st.container()  # above the pictures, but made last, so that they hold every change
    if captioned:
        views = [texts.AS_CARDS, texts.AS_TABLE, texts.AS_ALT_TEXTS]
        # The browser alone knows which is open: the answer to a click must not undo the next one.
        cards, table, alt_texts = st.tabs(views, default=st.session_state.get(VIEW, texts.AS_CARDS))
        with cards:
            _show_cards(captioned)
        with table:
            _show_table(captioned)
        with alt_texts:
            alt_text_list.show(job)
    if job.results:
        with downloads:
            _show_downloads(job)


def _show_downloads(job: BatchJob) -> None:
    """Files that are made at the click, so that they hold every change and take no memory before.

    ``st.download_button`` fetches such a file beside the page: it may lack a change of the same moment, or be
    gone when the page is drawn anew because of that.
    """
    with st.container(horizontal=True):
        table = st.button(texts.SAVE, icon=":material/download:")
        archive = st.button(texts.SAVE_ZIP, help=texts.ZIP_CONTENTS, icon=":material/folder_zip:")
    click = secrets.token_hex(8)
    if table:
        browser.save_file(saved_files.to_csv(job).encode(), saved_files.CSV_NAME, "text/csv", click)
    if archive:
        browser.save_file(saved_files.to_zip(job), saved_files.ZIP_NAME, "application/zip", click)


def _count(captioned: int, skipped: int) -> str:
    text = texts.ONE_CAPTIONED if captioned == 1 else texts.CAPTIONED.format(count=captioned)
    return text + (texts.STOPPED.format(count=skipped) if skipped else "")


def _error(result: PictureResult) -> str:
    return f"**{wording.escape(result.image)}:** {wording.escape(result.error)}"


def _show_cards(results: Sequence[PictureResult]) -> None:
    st.markdown(texts.CHECK_THEM)
    grid = st.grid(min_column_width=CARD_WIDTH)
    for result in results:
        with grid.cell(), st.container(border=True):
            _show_card(result)


def _show_card(result: PictureResult) -> None:
    """A picture with its warning, if there is one, its caption, and how sure one may be of it."""
    if result.error:
        st.markdown(_error(result))
        return
    if result.thumbnail:  # a browser gives back only so many
        st.image(result.thumbnail, width="stretch", alt=result.caption)
    if result.warning:
        st.warning(result.warning, icon=":material/warning:")
        st.caption(wording.BEST_GUESS)
    st.markdown(f"**“{wording.escape(result.caption)}”**")
    st.caption(f"**{wording.verdict(result.expected_precision)}**  \n{wording.escape(result.image)}")


def _show_table(results: Sequence[PictureResult]) -> None:
    columns = {
        "thumbnail": [result.thumbnail for result in results],
        "caption": [result.caption for result in results],
        "expected_precision": [
            None if result.expected_precision is None else 10 * result.expected_precision
            for result in results
        ],
        "warning": [result.warning for result in results],
        "image": [result.image for result in results],
    }
    if not any(result.warning for result in results):
        del columns["warning"]
    if all(result.expected_precision is None for result in results):  # not measured for this model
        del columns["expected_precision"]
    st.dataframe(
        columns,
        hide_index=True,
        row_height=ROW_HEIGHT,
        height=min(MAX_ROWS, len(results)) * ROW_HEIGHT + ROW_HEIGHT // 2 + 4,
        alt=texts.TABLE,
        column_config={
            "thumbnail": st.column_config.ImageColumn(texts.PICTURE, width=64),
            "caption": st.column_config.TextColumn(texts.SENTENCE, width=150),
            "expected_precision": st.column_config.NumberColumn(texts.SHARE, format="%.0f in 10", width=90),
            "warning": st.column_config.TextColumn(texts.WARNING, width=190),
            "image": st.column_config.TextColumn(texts.FILE, width=110),
        },
    )
    if "expected_precision" in columns:
        st.caption(texts.HOW_TO_READ)
