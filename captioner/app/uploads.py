"""Files that a visitor chose: how many may be, and how their memory is freed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx

from captioner import image_headers

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

LARGEST = 100_000_000  # bytes of all pictures that wait to be captioned; a free container has 700 MB
EACH = 8  # MB of one of several: Streamlit already holds all that are chosen when ``within`` counts them

HELP = f"{image_headers.READ} files are read."


def several(label: str, key: str | None = None) -> Sequence[UploadedFile]:
    """An uploader of many photographs. It takes any file: what is none is told on the page, by its name."""
    return st.file_uploader(label, accept_multiple_files=True, key=key, max_upload_size=EACH, help=HELP)


def within(files: Sequence[UploadedFile], most: int) -> Sequence[UploadedFile]:
    """The first files: at most so many, and ``LARGEST`` bytes together."""
    total = 0
    for count, file in enumerate(files):
        total += file.size
        if count == most or total > LARGEST:
            return files[:count]
    return files


def let_go(*files: UploadedFile) -> None:
    """Free the memory of uploads that are used up: Streamlit keeps them for as long as the page is open.

    Their uploader must not be shown again, as it would come back empty.
    """
    context = get_script_run_ctx()
    if context and isinstance(context.uploaded_file_mgr, MemoryUploadedFileManager):
        for file in files:
            context.uploaded_file_mgr.remove_file(context.session_id, file.file_id)
