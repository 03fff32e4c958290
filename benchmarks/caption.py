"""Picture → caption, against encoding the picture alone."""

from __future__ import annotations

from benchmarks import data
from benchmarks.greedy import mean_seconds
from benchmarks.result import Result, alternate
from captioner import images
from captioner.bundle import storage
from captioner.inference.captioner import Captioner


def measure(rounds: int, tiny: bool) -> list[Result]:
    """One result: a picture as the bundle captions it, warnings included."""
    captioner = Captioner(storage.load(data.BUNDLE))
    pixels = [(images.read(picture),) for picture in data.pictures(2 if tiny else 40)]
    mean_seconds(captioner.caption, pixels[:2])
    measured = alternate(
        rounds,
        lambda: mean_seconds(captioner.caption, pixels),
        lambda: mean_seconds(captioner.encode, pixels),
    )
    return [
        Result(
            "Picture → caption",
            "seconds a picture",
            measured.ours,
            measured.other,
            "encoding it alone",
            "{} times as long",
        )
    ]
