"""How many of the chosen files are taken, and whose memory is freed."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

from captioner.app import uploads

MOST = 50  # files


@dataclass(frozen=True)
class File:
    """What ``within`` needs to know of an upload."""

    size: int


@given(some.lists(some.integers(0, uploads.LARGEST), max_size=2 * MOST))
def test_the_bounds_take_as_many_from_the_front_as_they_can(sizes: list[int]) -> None:
    files: Any = [File(size) for size in sizes]
    taken = uploads.within(files, MOST)
    total = sum(file.size for file in taken)
    assert list(taken) == files[: len(taken)]
    assert len(taken) <= MOST
    assert total <= uploads.LARGEST
    if len(taken) < len(files):
        assert len(taken) == MOST or total + files[len(taken)].size > uploads.LARGEST


def test_uploads_that_are_used_up_are_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = MemoryUploadedFileManager("/upload")
    files: list[Any] = [UploadedFileRec(str(number), "a.png", "image/png", b"data") for number in range(3)]
    for file in files:
        memory.add_file("me", file)
    visit = SimpleNamespace(session_id="me", uploaded_file_mgr=memory)
    monkeypatch.setattr(uploads, "get_script_run_ctx", lambda: visit)
    uploads.let_go(*files[:2])
    assert memory.get_files("me", ["0", "1", "2"]) == files[2:]
