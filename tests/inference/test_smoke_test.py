"""A bundle is tried in a process of its own, and any failure there becomes one sentence."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from captioner.bundle import storage
from captioner.bundle.storage import Bundle
from captioner.errors import BundleError
from captioner.inference import smoke_test
from tests import tiny

Ends: TypeAlias = Callable[[str], None]
posix_only = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals, scripts or limits")


@pytest.fixture
def ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ends:
    """Has the child process be a shell script."""

    def put(script: str) -> None:
        path = tmp_path / "child"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o700)
        monkeypatch.setattr(sys, "executable", str(path))

    return put


def test_a_bundle_that_runs_passes(committed: Bundle) -> None:
    smoke_test.run(committed)


def test_the_sentence_of_the_child_is_the_error(artifacts: Path) -> None:
    with pytest.raises(BundleError, match=r"^[^\n]*captioner\.tflite does not fit its bundle[^\n]*$"):
        smoke_test.run(storage.load(artifacts))


def test_a_folder_may_be_named_from_here(artifacts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(artifacts.parent)
    with pytest.raises(BundleError, match=r"captioner\.tflite does not fit its bundle"):
        smoke_test.run(storage.load("artifacts"))


def test_state_names_that_do_not_fit_are_found(committed: Bundle, tmp_path: Path) -> None:
    model = committed.model()
    renamed = model.replace(b"state_h2", b"state_hX", 1)  # first stand the results of step
    files: storage.Files = {name: committed.folder / name for name in committed.files}
    changed = storage.write(tmp_path / "artifacts", {**files, "captioner.tflite": renamed})
    with pytest.raises(BundleError, match=r"gives the state .*state_hX"):
        smoke_test.run(changed)


@posix_only
@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("kill -SEGV $$", r"its model crashed \(SIGSEGV\)"),
        ("echo Traceback >&2; echo 'KeyError: 5' >&2; exit 1", "does not run: KeyError: 5"),
        ("echo MemoryError >&2; exit 1", "it takes too much memory"),
        ("exit 3", "exit code 3"),
        ("exec sleep 60", r"it was not ready after 0\.5 s"),
    ],
)
def test_each_end_of_the_child_is_a_sentence(ends: Ends, artifacts: Path, script: str, expected: str) -> None:
    ends(script)
    with pytest.raises(BundleError, match=rf"{expected}\. Export or pull it again"):
        smoke_test.run(storage.load(artifacts), timeout=0.5 if "sleep" in script else 60)


def test_no_process_is_a_sentence(artifacts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(artifacts / "nothing"))
    with pytest.raises(BundleError, match="no process could be started"):
        smoke_test.run(storage.load(artifacts))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps to the limit")
def test_a_child_gets_no_more_memory_than_the_limit() -> None:
    script = (
        "from captioner.inference import smoke_test; smoke_test._limit_memory(10**9); bytearray(2 * 10**9)"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "MemoryError" in ended.stderr


def test_a_smoke_test_needs_no_tensorflow(tmp_path: Path) -> None:
    folder = tiny.full_bundle(tmp_path / "artifacts").folder
    script = f"import sys; from captioner.inference import smoke_test; smoke_test._main({str(folder)!r})"
    listed = f"{script}; assert not {{'tensorflow', 'keras', 'streamlit'}} & set(sys.modules)"
    assert subprocess.run([sys.executable, "-c", listed], capture_output=True, check=False).returncode == 0


def test_a_rule_without_which_pictures_are_captioned_is_refused(tmp_path: Path) -> None:
    tiny.runnable_bundle(tmp_path / "artifacts")
    broken = storage.replace(tmp_path / "artifacts", {"novelty.json": "{}"})
    with pytest.raises(BundleError, match=r"novelty\.json"):
        smoke_test.run(broken)
