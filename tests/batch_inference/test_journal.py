"""A journal keeps every whole line, whatever became of the rest."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from captioner.batch_inference import rows
from captioner.batch_inference.journal import Journal
from captioner.batch_inference.rows import Settings
from captioner.errors import CaptionerError

SETTINGS = Settings("/pictures", "0123456789ab", "beams=3")
ROWS = [rows.failure(name, "it is empty") for name in ("b.jpg", "a.jpg", "ü.jpg")]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "captions.csv.partial"
    with Journal(path, SETTINGS) as journal:
        for row in ROWS:
            journal.append(row)
    return path


def images(path: Path, settings: Settings = SETTINGS) -> list[str]:
    with Journal(path, settings) as journal:
        return [row["image"] for row in journal.rows()]


def test_cut_anywhere_it_keeps_the_whole_lines_and_goes_on(path: Path) -> None:
    data = path.read_bytes()
    head, *ends = [i + 1 for i, byte in enumerate(data) if byte == ord("\n")]
    for cut in (*range(head, len(data), 7), *(end - 1 for end in ends), *ends):
        path.write_bytes(data[:cut] + b"\0" * (cut % 3))
        whole = sum(end <= cut for end in ends)
        assert images(path) == sorted(row["image"] for row in ROWS[:whole])
        with Journal(path, SETTINGS) as journal:
            for row in ROWS[whole:]:
                journal.append(row)
        assert path.read_bytes() == data


def test_other_settings_are_refused_unless_nothing_is_lost(path: Path) -> None:
    other = Settings("/pictures", "0123456789ab", "beams=4")
    with pytest.raises(CaptionerError, match=r"made with options beams=3, and this run has beams=4"):
        images(path, other)
    assert images(path) == ["a.jpg", "b.jpg", "ü.jpg"]
    former = path.read_bytes().replace(b"bundle_checksum", b"bundle").replace(b"warning_codes", b"warnings")
    (former_path := path.with_name("former")).write_bytes(former)
    with pytest.raises(CaptionerError, match="no journal of captions of this version"):
        images(former_path)
    assert former_path.read_bytes() == former
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])
    assert images(path, other) == []
    path.write_text("somebody else's\n")
    with pytest.raises(CaptionerError, match="no journal of captions"):
        images(path)
    assert path.read_text() == "somebody else's\n"


def test_two_runs_do_not_write_one_journal(path: Path) -> None:
    with Journal(path, SETTINGS), pytest.raises(CaptionerError, match="another run is writing"):
        images(path)


def test_a_full_disk_is_a_sentence(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with Journal(path, SETTINGS) as journal:
        monkeypatch.setattr(os, "fsync", full)
        monkeypatch.setattr("captioner.batch_inference.journal.SYNC_EVERY", -1)
        with pytest.raises(CaptionerError, match="the disk is full"):
            journal.append(rows.failure("c.jpg", "it is empty"))
    assert set(images(path)) >= {row["image"] for row in ROWS}
