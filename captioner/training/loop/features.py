"""The encoder's regions of every picture, computed once and cached; or augmented pictures for fine-tuning."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

from captioner import images
from captioner.data.datasets import Dataset, ReferenceCaptions
from captioner.errors import ImageError
from captioner.progress import track
from captioner.training.loop import stored_regions
from captioner.training.loop.batches import BatchLoader, map_in_background
from captioner.training.loop.stored_regions import Regions, Rows, StoredRegions

_BATCH = 32  # pictures
_STALE_AFTER = 3600.0  # seconds without a write to a temporary file
_LAYER_NUMBER = re.compile(r'_\d+"')
_LEFT_OR_RIGHT = re.compile(r"\b(left|right)\b", re.IGNORECASE)


def without_unreadable(dataset: Dataset) -> Dataset:
    """The dataset without the pictures that cannot be decoded, which it names as skipped."""
    names = [name for captions in dataset.splits.values() for name in captions]
    checks = map_in_background(lambda name: _is_readable(dataset.path(name)), names, ahead=8)
    readable = list(track(checks, "checking pictures", len(names)))
    broken = {name for name, is_readable in zip(names, readable, strict=True) if not is_readable}
    return dataset.without(broken, "pictures that cannot be decoded")


def fingerprint(encoder: keras.Model) -> str:
    """SHA-256 of an encoder's architecture and weights."""
    # Without the numbers at the end of layers' names: Keras counts them up with every model of a process.
    digest = hashlib.sha256(_LAYER_NUMBER.sub('"', encoder.to_json()).encode())
    for value in encoder.get_weights():
        digest.update(np.ascontiguousarray(value).tobytes())
    return digest.hexdigest()


def cached_regions(
    encoder: keras.Model, dataset: Dataset, names: Sequence[str], cache: Path, label: str
) -> Regions:
    """Regions float16[P, R, C] of P pictures, from the cache when it has them.

    Where the disk has too little room for them, they are computed whenever they are read; the values are the
    same, so that a run may go on with either.

    Raises:
        ImageError: a picture cannot be decoded.
    """
    path = cache_file(encoder, dataset, names, cache)
    paths = [dataset.path(name) for name in names]
    if not path.is_file():
        if not has_room(encoder, len(names), cache):
            return ComputedRegions(encoder, paths, as_stored=True)
        _compute(encoder, paths, path, label)
    return StoredRegions(path)


def cache_file(encoder: keras.Model, dataset: Dataset, names: Sequence[str], cache: Path) -> Path:
    """Its name changes with the encoder, its weights, the picture size, every file's name and size."""
    size = encoder.input_shape[1]
    files = "".join(f"{name}:{dataset.path(name).stat().st_size};" for name in names)
    key = hashlib.sha256(f"{fingerprint(encoder)}{size}{files}".encode()).hexdigest()[:24]
    return cache / f"{key}.bytes.npy"


def has_room(encoder: keras.Model, pictures: int, cache: Path) -> bool:
    """Whether the disk has room for the regions of P pictures, and a tenth more."""
    cache.mkdir(parents=True, exist_ok=True)
    needed = stored_regions.size(pictures, *encoder.output_shape[1:])
    return 1.1 * needed <= shutil.disk_usage(cache).free


class ComputedRegions:
    """Regions float16[P, R, C] that an encoder computes whenever they are read.

    Args:
        as_stored: rounded as ``StoredRegions`` are.
    """

    def __init__(self, encoder: keras.Model, paths: Sequence[Path], as_stored: bool = False) -> None:
        self._encoder, self._paths, self._as_stored = encoder, paths, as_stored
        self._one_at_a_time = threading.Lock()

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, rows: Rows) -> NDArray[np.float16]:
        """Regions float16[B, R, C] of B rows."""
        paths = self._paths[rows] if isinstance(rows, slice) else [self._paths[row] for row in rows]
        with self._one_at_a_time:
            regions = np.concatenate(list(_encoded(self._encoder, paths)))
        return stored_regions.rounded(regions) if self._as_stored else regions


def _compute(encoder: keras.Model, paths: Sequence[Path], target: Path, label: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    for leftover in target.parent.glob("*.tmp"):  # of a killed process
        if time.time() - leftover.stat().st_mtime > _STALE_AFTER:
            leftover.unlink(missing_ok=True)
    temporary = target.with_suffix(f".{os.getpid()}.tmp")
    regions_shape = encoder.output_shape[1:-1]
    shape = (len(paths), *regions_shape, encoder.output_shape[-1] + stored_regions.SCALE_BYTES)
    with temporary.open("wb") as file:  # not mapped: what is written to a map counts as memory
        header = {"descr": np.dtype(np.int8).str, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        for regions in track(_encoded(encoder, paths), label, -(-len(paths) // _BATCH)):
            file.write(stored_regions.encode(regions).tobytes())
    temporary.replace(target)


def _encoded(encoder: keras.Model, paths: Sequence[Path]) -> Iterator[NDArray[np.float16]]:
    """Regions float16[B, R, C], a batch at a time; the next pictures are decoded meanwhile."""
    size = encoder.input_shape[1]
    chunks = [paths[i : i + _BATCH] for i in range(0, len(paths), _BATCH)]
    for pixels in map_in_background(lambda chunk: _squares(chunk, size), chunks, ahead=3):
        yield np.asarray(encoder.predict_on_batch(pixels)).astype(np.float16)


def _squares(paths: Iterable[Path], size: int) -> NDArray[np.uint8]:
    return np.stack([images.square(images.read(path), size) for path in paths])


def _is_readable(path: Path) -> bool:
    try:
        images.read(path)
    except ImageError:
        return False
    return True


def region_loader(regions: Regions) -> BatchLoader:
    """Loads batches float16[B, R, C] of regions float16[P, R, C] that were computed before."""
    return lambda rows: np.asarray(regions[rows])


def augmented_image_loader(
    dataset: Dataset, captions: ReferenceCaptions, size: int, seed: int, epoch: int
) -> BatchLoader:
    """Loads pictures as uint8[B, S, S, 3], cropped, flipped and recoloured at random, anew each epoch.

    Pictures whose captions say left or right are not flipped.
    """
    names = list(captions)
    may_flip = [not any(_LEFT_OR_RIGHT.search(caption) for caption in captions[name]) for name in names]

    def load(rows: Sequence[int]) -> NDArray[np.uint8]:
        """Pictures uint8[B, S, S, 3] of B row numbers."""
        random = np.random.default_rng([seed, epoch, *rows])
        return np.stack([_augment(dataset.path(names[row]), size, may_flip[row], random) for row in rows])

    return load


def _augment(path: Path, size: int, may_flip: bool, random: np.random.Generator) -> NDArray[np.uint8]:
    """A crop of 65–100 % of the area, perhaps flipped; brightness, contrast and colour within 20 %."""
    picture = Image.fromarray(images.read(path))
    width, height = picture.size
    share = np.sqrt(random.uniform(0.65, 1.0))
    stretch = np.exp(random.uniform(-0.1, 0.1))
    w, h = min(width, width * share * stretch), min(height, height * share / stretch)
    left, top = random.uniform(0, width - w), random.uniform(0, height - h)
    picture = picture.resize((size, size), Image.Resampling.BICUBIC, box=(left, top, left + w, top + h))
    if may_flip and random.random() < 0.5:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    enhancers: tuple[Callable[[Image.Image], ImageEnhance._Enhance], ...] = (
        ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color,
    )  # fmt: skip
    for enhancer in enhancers:
        picture = enhancer(picture).enhance(random.uniform(0.8, 1.2))
    return np.asarray(picture)
