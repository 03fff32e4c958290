"""What a run takes, told before it begins: hours, from a few updates on this machine, and room on disk."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from keras import ops

from captioner.novelty.fit import MAX_TRAINING_IMAGES
from captioner.progress import duration
from captioner.training.loop import fit
from captioner.training.loop.batches import Batch
from captioner.training.loop.fit import EncoderDecoder
from captioner.training.loop.schedule import Phase
from captioner.training.loop.stored_regions import Regions

MIN_PICTURES = 500  # in the training split; with fewer, measuring takes longer than it is worth
UPDATES = 3
PICTURES = 64  # encoded to measure that
CAPTION_SECONDS = 0.08  # to choose a caption with 20 beams and 40 samples (docs/scale.md)


@dataclass(frozen=True)
class Speed:
    """Seconds a picture takes on this machine."""

    encoding: float
    training: Mapping[str, float]  # by phase; without those that were not measured


@dataclass(frozen=True)
class Disk:
    """The bytes that regions take, and those that are free."""

    folder: Path
    pictures: int  # that are not in the cache yet
    needed: int
    fits: bool

    def __str__(self) -> str:
        if not self.pictures:
            return f"all regions are in {self.folder}"
        free = shutil.disk_usage(self.folder).free
        return (
            f"the regions of {self.pictures:,} pictures take {self.needed / 1e9:.2f} GB in {self.folder}, "
            f"where {free / 1e9:.2f} GB are free"
        )


def sentence(
    phases: Sequence[Phase],
    sizes: Mapping[str, int],
    speed: Speed | None,
    disk: Disk | None,
    encoder_passes: int,
) -> str:
    """The cost of the phases to come, and of the scores after them.

    Args:
        sizes: pictures of each split.
        speed: None where it was not measured.
        disk: None where no regions are needed.
        encoder_passes: how often the exported encoder runs for a picture; 2 with the horizontal flip.
    """
    parts, anew = _seconds(phases, sizes, speed, disk, encoder_passes) if speed else ({}, 0.0)
    sentences = []
    if parts:
        each = ", ".join(f"{name} {duration(seconds)}" for name, seconds in parts.items())
        without = [phase.name for phase in phases if phase.name not in parts]
        total = duration(sum(parts.values()) + anew)
        note = f", without {' and '.join(without)}" if without else ""
        sentences.append(f"estimated from a few updates on this machine: at most {total} ({each}{note})")
    if disk and (disk.pictures or parts):
        slower = f", which adds {duration(anew)}" if anew else ""
        too_little = f": too little, so they are computed anew in every epoch{slower}"
        sentences.append(f"{disk}{'' if disk.fits else too_little}")
    return "; ".join(sentences)


def _seconds(
    phases: Sequence[Phase], sizes: Mapping[str, int], speed: Speed, disk: Disk | None, encoder_passes: int
) -> tuple[dict[str, float], float]:
    """Seconds of each part of a run, and those of computing regions anew in every epoch."""
    pictures, scored = sizes["train"] + sizes["dev"], sizes["dev"] + sizes.get("test", 0)
    parts, anew = {}, 0.0
    if disk and disk.fits:
        parts["encoding"] = disk.pictures * speed.encoding
    elif disk:
        epochs = sum(phase.epochs for phase in phases if not phase.encoder_learning_rate)
        anew = epochs * pictures * speed.encoding
    for phase in phases:
        if phase.name in speed.training:
            parts[phase.name] = phase.epochs * pictures * speed.training[phase.name]
    # The word predictor, the novelty detector and the captions of both splits.
    encoded = sizes["train"] + min(sizes["train"], MAX_TRAINING_IMAGES) + 2 * scored
    parts["scores"] = encoded * encoder_passes * speed.encoding + scored * CAPTION_SECONDS
    return parts, anew


def encoding_seconds(regions: Regions, pictures: int) -> float:
    """Seconds to read and encode a picture, of regions that are computed when they are read."""
    regions[:pictures]  # compiles
    started = time.perf_counter()
    regions[:pictures]
    return (time.perf_counter() - started) / pictures


def training_seconds(model: EncoderDecoder, phase: Phase, batch: Batch) -> float:
    """Seconds an update takes for each picture of a batch. All variables are put back afterwards."""
    before = [(variable, ops.convert_to_numpy(variable)) for variable in model.variables]
    fit.compile_model(model, phase)
    seconds = []
    for _ in range(UPDATES + 1):  # the first compiles
        started = time.perf_counter()
        model.train_on_captions(batch)
        seconds.append(time.perf_counter() - started)
    for variable, value in before:
        variable.assign(value)
    return float(np.mean(seconds[1:])) / len(batch.rows)
