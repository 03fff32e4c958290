"""A module in a process of its own: it ends with its parent."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CHILD = [sys.executable, "-m", "captioner.child_process"]
TIMEOUT = 60  # seconds


def test_a_module_runs_as_by_itself() -> None:
    command = [*CHILD, "captioner", "verify", "nowhere"]
    child = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert child.stderr is not None
    complaint = child.stderr.read()  # with the input still open
    child.communicate(timeout=TIMEOUT)
    assert complaint.startswith("python -m captioner: nowhere holds no bundle")
    assert child.returncode == 2


def test_it_ends_with_its_input() -> None:
    command = [*CHILD, "http.server", "0", "--bind", "127.0.0.1"]
    child = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    assert child.stdin is not None
    assert child.poll() is None
    child.stdin.close()
    assert child.wait(TIMEOUT) != 0
