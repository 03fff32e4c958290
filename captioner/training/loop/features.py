"""The encoder's regions of every picture, computed once and cached; or augmented pictures for fine-tuning."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

from captioner import images
from captioner.data.datasets import Dataset, ReferenceCaptions
from captioner.errors import CaptionerError, ImageError
from captioner.progress import track
from captioner.training.loop import stored_regions
from captioner.training.loop.batches import BatchLoader, map_in_background
from captioner.training.loop.stored_regions import Regions, StoredRegions

_BATCH = 32  # pictures
_STALE_AFTER = 3600.0  # seconds without a write to a temporary file
_LAYER_NUMBER = re.compile(r'_\d+"')
_LEFT_OR_RIGHT = re.compile(r"\b(left|right)\b", re.IGNORECASE)


def without_unreadable(dataset: Dataset) -> Dataset:
    """The dataset without the pictures that cannot be decoded, which it names as skipped."""
    names = [name for captions in dataset.splits.values() for name in captions]
    with ThreadPoolExecutor(2) as pool:
        checks = pool.map(lambda name: _is_readable(dataset.path(name)), names)
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
) -> StoredRegions:
    """Regions float16[P, R, C] of P pictures, memory-mapped, from the cache when it has them.

    The key changes with the encoder, its weights, the picture size, and the name and size of every file.

    Raises:
        ImageError: a picture cannot be decoded.
        CaptionerError: the disk has too little room for them.
    """
    size = encoder.input_shape[1]
    files = "".join(f"{name}:{dataset.path(name).stat().st_size};" for name in names)
    key = hashlib.sha256(f"{fingerprint(encoder)}{size}{files}".encode()).hexdigest()[:24]
    path = cache / f"{key}.bytes.npy"
    if not path.is_file():
        print(disk_cost(encoder, len(names), cache), flush=True)
        _compute(encoder, [dataset.path(name) for name in names], path, label)
    return StoredRegions(path)


def disk_cost(encoder: keras.Model, pictures: int, cache: Path) -> str:
    """What the regions of P pictures take, and what the disk has, as a sentence.

    Raises:
        CaptionerError: it has less.
    """
    cache.mkdir(parents=True, exist_ok=True)
    needed = stored_regions.size(pictures, *encoder.output_shape[1:])
    free = shutil.disk_usage(cache).free
    sentence = f"the regions of {pictures:,} pictures take {_gigabytes(needed)} in {cache}, where "
    sentence += f"{_gigabytes(free)} are free"
    if needed > free:
        raise CaptionerError(f"{sentence}. Make room, or name a folder on another disk with --cache.")
    return sentence


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:.2f} GB"


def compute_regions(encoder: keras.Model, dataset: Dataset, names: Sequence[str]) -> NDArray[np.float16]:
    """Regions float16[P, R, C] of P pictures, not cached: for an encoder that is being trained."""
    return np.concatenate(
        list(_stream(encoder, [dataset.path(name) for name in names], "encoding the dev split"))
    )


def _compute(encoder: keras.Model, paths: Sequence[Path], target: Path, label: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    for leftover in target.parent.glob("*.tmp"):  # of a killed process
        if time.time() - leftover.stat().st_mtime > _STALE_AFTER:
            leftover.unlink(missing_ok=True)
    temporary = target.with_suffix(f".{os.getpid()}.tmp")
    regions_shape = encoder.output_shape[1:-1]
    shape = (len(paths), *regions_shape, encoder.output_shape[-1] + stored_regions.SCALE_BYTES)
    out = np.lib.format.open_memmap(temporary, "w+", np.int8, shape)
    start = 0
    for regions in _stream(encoder, paths, label):
        out[start : start + len(regions)] = stored_regions.encode(regions)
        start += len(regions)
    out.flush()
    temporary.replace(target)


def _stream(encoder: keras.Model, paths: Sequence[Path], label: str) -> Iterator[NDArray[np.float16]]:
    """Regions float16[B, R, C], a batch at a time; the next pictures are decoded meanwhile."""
    size = encoder.input_shape[1]
    chunks = [paths[i : i + _BATCH] for i in range(0, len(paths), _BATCH)]
    loaded = map_in_background(lambda chunk: _squares(chunk, size), chunks, ahead=3)
    for pixels in track(loaded, label, len(chunks)):
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
    return lambda rows: regions[rows]


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
