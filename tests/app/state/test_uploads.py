"""How many files are accepted, when their memory is freed, and which messages are shown."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from streamlit.proto.Common_pb2 import FileURLs
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import DeletedFile, UploadedFile, UploadedFileRec

from captioner.app.state import uploads

MAX_FILES = 50


@dataclass(frozen=True)
class File:
    """What ``first_within_limits`` needs to know of an upload."""

    size: int


@given(some.lists(some.integers(0, uploads.MAX_SESSION_BYTES), max_size=2 * MAX_FILES))
def test_the_bounds_take_as_many_from_the_front_as_they_can(sizes: list[int]) -> None:
    files: Any = [File(size) for size in sizes]
    taken = uploads.first_within_limits(files, MAX_FILES)
    total = sum(file.size for file in taken)
    assert list(taken) == files[: len(taken)]
    assert len(taken) <= MAX_FILES
    assert total <= uploads.MAX_SESSION_BYTES
    if len(taken) < len(files):
        assert len(taken) == MAX_FILES or total + files[len(taken)].size > uploads.MAX_SESSION_BYTES


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> MemoryUploadedFileManager:
    """Where Streamlit keeps the files of a visit that is going on."""
    memory = MemoryUploadedFileManager("/upload")
    visit = SimpleNamespace(session_id="me", uploaded_file_mgr=memory)
    monkeypatch.setattr(uploads, "get_script_run_ctx", lambda: visit)
    return memory


def uploaded(memory: MemoryUploadedFileManager, name: str) -> UploadedFile:
    record = UploadedFileRec(name, f"{name}.png", "image/png", b"data")
    memory.add_file("me", record)
    return UploadedFile(record, FileURLs())


def test_uploads_are_freed_after_use(memory: MemoryUploadedFileManager) -> None:
    files = [uploaded(memory, name) for name in "abc"]
    uploads.free(*files[:2])
    assert [record.file_id for record in memory.get_files("me", ["a", "b", "c"])] == ["c"]
    assert [file.getvalue() for file in files] == [b"", b"", b"data"]


def test_what_was_chosen_on_another_page_is_freed_unless_it_waits(
    memory: MemoryUploadedFileManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streamlit.session_state", {})
    files = [uploaded(memory, name) for name in "abc"]
    for page in ("caption", "caption"):
        uploads.free_other_pages(page, files[1:2])
        assert len(memory.get_files("me", ["a", "b", "c"])) == 3
    uploads.free_other_pages("about", files[1:2])
    assert [record.file_id for record in memory.get_files("me", ["a", "b", "c"])] == ["b"]


def test_files_of_a_visit_that_was_closed_are_passed_over(memory: MemoryUploadedFileManager) -> None:
    file = uploaded(memory, "a")
    assert uploads.available(DeletedFile("b"), file, None) == [file]


def test_refused_files_are_listed_until_others_are_chosen(
    memory: MemoryUploadedFileManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[str] = []
    monkeypatch.setattr("streamlit.warning", lambda text, icon: shown.append(text))
    assert uploads.note_refusal("me", uploads.SESSION_FULL)
    assert not uploads.note_refusal("me", uploads.SESSION_FULL)
    uploads.show_refusal()
    uploads.show_refusal()
    assert shown == [uploads.SESSION_FULL] * 2
    uploads.free(uploaded(memory, "a"))
    uploads.note_refusal("somebody else", uploads.SESSION_FULL)
    uploads.show_refusal()
    assert shown == [uploads.SESSION_FULL] * 2
    uploads.forget_refusal("somebody else")
