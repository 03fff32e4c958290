"""Runs a module of this project in a process of its own, where a crash or a lack of memory ends only that.

``run`` waits for the module. ``python -m captioner.child_process MODULE ARGUMENT …`` runs one that ends with
its parent: standard input is a pipe that the system closes when the parent ends, even if it was killed. The
process then ends too, with everything that it started in its own session.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from subprocess import CompletedProcess

ROOT = Path(__file__).resolve().parents[1]  # the project's folder, from which ``captioner`` can be imported
EXIT_REJECTED = 2  # exit code of a child whose input is at fault; its standard output says why


def run(module: str, *arguments: str, timeout: float, stdin: bytes = b"") -> CompletedProcess[bytes]:
    """Run a module to its end, and capture what it prints.

    Args:
        module: its dotted name.
        arguments: of its command line.
        timeout: seconds.
        stdin: its standard input.

    Raises:
        subprocess.TimeoutExpired: the child took longer and was killed.
        OSError: no process could be started.
    """
    import subprocess  # late, as few pictures need it

    return subprocess.run(
        [sys.executable, "-X", "utf8", "-m", module, *arguments],
        input=stdin,
        capture_output=True,
        check=False,
        timeout=timeout,
        cwd=ROOT,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},  # else it reserves memory for every core
    )


def main() -> None:
    threading.Thread(target=_end_with_input, daemon=True).start()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


def _end_with_input() -> None:
    while os.read(0, 1024):  # not sys.stdin, whose lock Python would miss at its end
        pass
    if os.name == "posix" and os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


if __name__ == "__main__":
    main()
