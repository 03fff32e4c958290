"""Files that a visitor chose: how much may arrive, and how their memory is freed."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile, UploadedFileRec

from captioner import image_headers

# Bytes of files that wait to be captioned. A free container has 690 MB: the app takes 300 of them, a large
# picture 230 while it is decoded.
MAX_SESSION_BYTES = 50_000_000  # of one visit
MAX_TOTAL_BYTES = 100_000_000  # of all visits together

SESSION_FULL = f"Some files were not taken: at most {MAX_SESSION_BYTES // 10**6} MB may wait at a time."
TOO_SLOW = "A file took too long to arrive. Try again, or make it smaller."
SERVER_BUSY = "The server is busy, so some files were not taken. Try again in a minute."

_refused: dict[str, str] = {}  # visit → what it has yet to be told

HELP = f"{image_headers.READ} files are read."


def uploader(label: str, key: str | None = None) -> Sequence[UploadedFile]:
    """An uploader of many photographs. It takes any file: what is none is told on the page, by its name."""
    files = st.file_uploader(label, accept_multiple_files=True, key=key, help=HELP)
    show_refusal()
    return files


def available(*files: object) -> list[UploadedFile]:
    """Those that are still here: a browser may name files of a visit that was closed meanwhile."""
    return [file for file in files if isinstance(file, UploadedFile)]


def note_refusal(visit: str, why: str) -> bool:
    """Note why a file was not taken, for ``show_refusal``; False where that is known already."""
    known = _refused.get(visit) == why
    _refused[visit] = why
    return not known


def forget_refusal(visit: str) -> None:
    """What was refused is past: other files were taken, or the visit is over."""
    _refused.pop(visit, None)


def show_refusal() -> None:
    """Say why a file was not taken; its uploader only shows that it was not."""
    context = get_script_run_ctx()
    if context and (why := _refused.get(context.session_id, "")):
        st.warning(why, icon=":material/block:")


def first_within_limits(files: Sequence[UploadedFile], most: int) -> Sequence[UploadedFile]:
    """The first files: at most so many, and ``MAX_SESSION_BYTES`` bytes together."""
    total = 0
    for count, file in enumerate(files):
        total += file.size
        if count == most or total > MAX_SESSION_BYTES:
            return files[:count]
    return files


def free(*files: UploadedFile) -> None:
    """Free the memory of uploads that are used up: Streamlit keeps them for as long as the page is open.

    Their uploader must not be shown again, as it would come back empty.
    """
    context = get_script_run_ctx()
    if context and isinstance(context.uploaded_file_mgr, MemoryUploadedFileManager):
        forget_refusal(context.session_id)
        for file in files:
            context.uploaded_file_mgr.remove_file(context.session_id, file.file_id)
            _drop(file)


def free_other_pages(page: str, waiting: Sequence[UploadedFile]) -> None:
    """Free what was chosen on another page and is neither used nor waiting: its uploader is gone."""
    context = get_script_run_ctx()
    turned = st.session_state.get("_page", page) != page
    st.session_state["_page"] = page
    if turned and context and isinstance(memory := context.uploaded_file_mgr, MemoryUploadedFileManager):
        kept = {file.file_id for file in waiting}
        for record in list(memory.file_storage.get(context.session_id, {}).values()):
            if record.data and record.file_id not in kept:  # an emptied one still names the open picture
                memory.remove_file(context.session_id, record.file_id)


def free_bytes(file: UploadedFile) -> None:
    """Free an upload's bytes and leave its name, so that its uploader goes on showing it."""
    context = get_script_run_ctx()
    if context and isinstance(context.uploaded_file_mgr, MemoryUploadedFileManager):
        forget_refusal(context.session_id)
        record = UploadedFileRec(file.file_id, file.name, file.type, b"")
        context.uploaded_file_mgr.add_file(context.session_id, record)
        _drop(file)


def _drop(file: UploadedFile) -> None:
    """Streamlit keeps this object, too, as the value of its uploader."""
    file.seek(0)
    file.truncate()
