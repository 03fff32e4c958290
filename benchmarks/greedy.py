"""A greedy caption from given regions: LiteRT against Keras' ``predict`` for each word."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from benchmarks import data, keras_model
from benchmarks.result import Result, alternate
from captioner.bundle import storage
from captioner.inference.captioner import Captioner


def measure(rounds: int, tiny: bool) -> list[Result]:
    """One result: the committed bundle's decoders, and the same network in Keras with random weights."""
    bundle = storage.load(data.BUNDLE)
    captioner = Captioner(bundle, with_warnings=False)
    regions = [captioner.encode(picture) for picture in data.pictures(2 if tiny else 10)]
    greedy = replace(captioner.options, beams=1, samples=0)
    captions = [captioner.decode(each, greedy) for each in regions]
    words = [len(caption.words) for caption in captions]  # the end included
    reference = keras_model.Decoder(bundle.config, len(bundle.vocabulary), regions[0].shape[1:])
    length = greedy.max_words + 1
    keras_model.caption(reference, regions[0], 2, length)
    measured = alternate(
        rounds,
        lambda: mean_seconds(captioner.decode, [(each, greedy) for each in regions]),
        lambda: mean_seconds(
            keras_model.caption,
            [(reference, each, count, length) for each, count in zip(regions, words, strict=True)],
        ),
    )
    return [
        Result(
            "Greedy caption from given regions",
            "seconds a caption",
            measured.ours,
            measured.other,
            "`predict` for each word, in Keras",
            "{} times as fast",
            inverse=True,
        )
    ]


def mean_seconds(work: Callable[..., object], arguments: Sequence[tuple[object, ...]]) -> float:
    """Seconds a call takes, on average over the calls."""
    started = time.perf_counter()
    for each in arguments:
        work(*each)
    return (time.perf_counter() - started) / len(arguments)
