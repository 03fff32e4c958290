"""Runs a module that ends with its parent: ``python -m captioner.child_process MODULE ARGUMENT …``.

Standard input is a pipe that the system closes when the parent ends, even if it was killed. This process then
ends too, with everything that it started in its own session.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]  # where a process that imports captioner has to start


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
