"""Process start to first caption, and the memory it takes: the command line against TensorFlow.

This process imports little: the peak memory of a child counts that of its parent at the fork.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from statistics import median

from benchmarks import data
from benchmarks.result import Result


def measure(rounds: int, tiny: bool) -> list[Result]:
    """Seconds and megabytes of a process that captions one picture."""
    picture = str(data.pictures(1)[0])
    ours, other = [], []
    with tempfile.TemporaryDirectory() as folder:
        reference = [sys.executable, "-m", "benchmarks.start_reference", folder, picture]
        subprocess.run([*reference, "--write"], check=True, stderr=subprocess.DEVNULL)
        for _ in range(rounds):
            runs = [run([sys.executable, "-m", "captioner", "caption", picture]) for _ in range(5)]
            ours.append(tuple(map(median, zip(*runs, strict=True))))
            other.append(run(reference))
    keras = "the same network in Keras"
    return [
        Result(
            "Process start to first caption",
            "seconds",
            tuple(seconds for seconds, _ in ours),
            tuple(seconds for seconds, _ in other),
            keras,
            "{} times as fast",
            inverse=True,
            bar="≤ 0.3 s",
        ),
        Result(
            "Peak memory of that process",
            "MB",
            tuple(megabytes for _, megabytes in ours),
            tuple(megabytes for _, megabytes in other),
            keras,
            "{} times less",
            inverse=True,
            bar="≤ 120 MB",
        ),
    ]


def run(command: list[str]) -> tuple[float, float]:
    """Seconds, and peak resident memory in MB, of a process."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}")
    return seconds, usage.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e6 / 1024)
