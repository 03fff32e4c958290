"""Uploaded files: their limits, how their memory is freed, and the messages about refused ones."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile

from captioner import image_headers

MAX_PICTURES = 50  # captioned at once
# Bytes of files that wait to be captioned. A free container has 690 MB: the app takes 300 of them, a large
# image 230 while it is decoded.
MAX_SESSION_BYTES = 50_000_000
MAX_TOTAL_BYTES = 100_000_000  # of all sessions together

SESSION_FULL = f"Some files were not taken: at most {MAX_SESSION_BYTES // 10**6} MB may wait at a time."
TOO_SLOW = "A file took too long to arrive. Try again, or make it smaller."
SERVER_BUSY = "The server is busy, so some files were not taken. Try again in a minute."
FORMATS_HELP = f"{image_headers.READABLE_FORMATS} files are read."

_refusals: dict[str, str] = {}  # session → the reason that its page shows


def uploader(label: str, key: str | None = None) -> Sequence[UploadedFile]:
    """Draw an uploader for many photographs. It accepts any file; the page reports the unreadable ones."""
    files = st.file_uploader(label, accept_multiple_files=True, key=key, help=FORMATS_HELP)
    show_refusal()
    return files


def available(*files: object) -> list[UploadedFile]:
    """The files whose data is still here: a browser may name files of a session that was closed meanwhile."""
    return [file for file in files if isinstance(file, UploadedFile)]


def first_within_limits(files: Sequence[UploadedFile], max_files: int) -> Sequence[UploadedFile]:
    """The first files: at most ``max_files``, and ``MAX_SESSION_BYTES`` bytes together."""
    total = 0
    for count, file in enumerate(files):
        total += file.size
        if count == max_files or total > MAX_SESSION_BYTES:
            return files[:count]
    return files


def note_refusal(session_id: str, reason: str) -> bool:
    """Note why a file was refused, for ``show_refusal``; False if it was noted before."""
    known = _refusals.get(session_id) == reason
    _refusals[session_id] = reason
    return not known


def forget_refusal(session_id: str) -> None:
    """Forget the reason: other files were accepted, or the session is over."""
    _refusals.pop(session_id, None)


def show_refusal() -> None:
    """Draw why a file was refused: the uploader itself only shows that it was."""
    context = get_script_run_ctx()
    if context and (reason := _refusals.get(context.session_id, "")):
        st.warning(reason, icon=":material/block:")


def free(*files: UploadedFile) -> None:
    """Free the memory of uploads that are used up: Streamlit keeps them for as long as the page is open.

    Their uploader must not be shown again, as it would come back empty.
    """
    context = get_script_run_ctx()
    if context and isinstance(context.uploaded_file_mgr, MemoryUploadedFileManager):
        forget_refusal(context.session_id)
        for file in files:
            context.uploaded_file_mgr.remove_file(context.session_id, file.file_id)
            _truncate(file)


def free_other_pages(page: str, waiting: Sequence[UploadedFile]) -> None:
    """On a change of page, free uploads that are neither used nor waiting: their uploader is gone."""
    context = get_script_run_ctx()
    changed = st.session_state.get("_page", page) != page
    st.session_state["_page"] = page
    if changed and context and isinstance(manager := context.uploaded_file_mgr, MemoryUploadedFileManager):
        waiting_ids = {file.file_id for file in (*waiting, *st.session_state.get("upload", ()))}
        for record in list(manager.file_storage.get(context.session_id, {}).values()):
            if record.file_id not in waiting_ids:
                manager.remove_file(context.session_id, record.file_id)


def _truncate(file: UploadedFile) -> None:
    """Streamlit keeps this object, too, as the value of its uploader."""
    file.seek(0)
    file.truncate()
