"""A folder of pictures → a table of captions on all cores, against encoding each picture alone."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import data
from benchmarks.greedy import mean_seconds
from benchmarks.result import Result, alternate
from captioner import images
from captioner.bundle import storage
from captioner.inference.captioner import Captioner

ENCODED = 100  # pictures; the encoder takes the same time for each


def measure(rounds: int, tiny: bool) -> list[Result]:
    """One result; the start of the processes is part of ours, reading the picture part of both."""
    count = 4 if tiny else 400
    captioner = Captioner(storage.load(data.BUNDLE))
    pictures = data.pictures(count)
    some = [(picture,) for picture in pictures[:ENCODED]]

    def encode(picture: Path) -> object:
        return captioner.encode(images.read(picture))

    mean_seconds(encode, some[:2])
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "pictures"
        folder.mkdir()
        for number, picture in enumerate(pictures):
            (folder / f"{number:04}{picture.suffix}").symlink_to(picture.resolve())
        measured = alternate(
            rounds, lambda: 1000 / count * seconds(folder), lambda: 1000 * mean_seconds(encode, some)
        )
    return [
        Result(
            f"1,000 pictures (measured on {count})",
            "seconds",
            measured.ours,
            measured.other,
            "1,000 × encoding",
            "{} times as long",
            bar="≤ 1.5 times",
        )
    ]


def seconds(folder: Path) -> float:
    """How long the command takes, into a new table."""
    out = folder.with_name("captions.csv")
    out.unlink(missing_ok=True)
    command = [sys.executable, "-m", "captioner", "caption", str(folder), "--out", str(out)]
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - started
