"""Regions on disk in a byte a value, half of float16.

A byte holds the sign and the square root of a value, relative to the largest of its region. Roots, because
most values are small: the error is 1.1 % of their root mean square; with equal steps it is 3.0 %, as float8
2.6 % (EXPERIMENTS.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

STEPS = 127
SCALE_BYTES = 2  # a float16 behind the values of each region


Rows: TypeAlias = Sequence[int] | NDArray[np.int64] | slice


class Regions(Protocol):
    """Regions float16[P, R, C] of P pictures: an array, or what reads or computes rows when asked for."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: Any, /) -> Any: ...


class StoredRegions:
    """Regions float16[P, R, C] of a file; rows are read and decoded when they are asked for."""

    def __init__(self, path: Path) -> None:
        self._path = path
        pictures, regions, width = self._open().shape
        self.shape = (pictures, regions, width - SCALE_BYTES)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Rows) -> NDArray[np.float16]:
        """Regions float16[B, R, C] of B rows."""
        return decode(self._open()[rows])

    def _open(self) -> NDArray[np.int8]:
        """Anew each time: what an open map has read counts as this process's memory."""
        mapped: NDArray[np.int8] = np.load(self._path, mmap_mode="r", allow_pickle=False)
        return mapped


def rounded(regions: NDArray[np.floating]) -> NDArray[np.float16]:
    """Regions float16[B, R, C] as a file would give them back."""
    return decode(encode(regions))


def encode(regions: NDArray[np.floating]) -> NDArray[np.int8]:
    """Regions float[B, R, C] → int8[B, R, C + 2]."""
    values = np.asarray(regions, np.float32)
    roots = np.sqrt(np.abs(values))
    scale = (roots.max(axis=-1, keepdims=True) / STEPS).astype(np.float16)
    steps = np.divide(roots, scale, out=np.zeros_like(roots), where=scale > 0).round()
    codes = np.copysign(np.minimum(steps, STEPS), values).astype(np.int8)
    return np.concatenate([codes, scale.view(np.int8)], axis=-1)


def decode(stored: NDArray[np.int8]) -> NDArray[np.float16]:
    """int8[B, R, C + 2] → regions float16[B, R, C]: the inverse of ``encode``, up to rounding."""
    scale = np.ascontiguousarray(stored[..., -SCALE_BYTES:]).view(np.float16)
    roots = stored[..., :-SCALE_BYTES] * scale.astype(np.float32)
    return (roots * np.abs(roots)).astype(np.float16)


def size(pictures: int, regions: int, channels: int) -> int:
    """Bytes of P pictures' regions in a file."""
    return pictures * regions * (channels + SCALE_BYTES)
