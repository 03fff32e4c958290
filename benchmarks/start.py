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

MEASURES = (  # of what ``run`` returns
    ("Process start to first caption", "seconds", "{} times as fast", "≤ 0.3 s"),
    ("Peak memory of that process", "MB", "{} times less", "≤ 120 MB"),
)


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
    return [
        Result(
            name,
            unit,
            tuple(one[i] for one in ours),
            tuple(one[i] for one in other),
            "the same network in Keras",
            ratio,
            inverse=True,
            bar=bar,
        )
        for i, (name, unit, ratio, bar) in enumerate(MEASURES)
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
