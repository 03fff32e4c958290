"""Regions in a byte a value are those that were stored, within the error that is stated."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as some
from hypothesis.extra import numpy as arrays

from captioner.training.loop import stored_regions
from captioner.training.loop.stored_regions import STEPS, StoredRegions

values = some.floats(-1000, 1000, width=32)


@given(arrays.arrays(np.float32, (2, 3, 5), elements=values))
def test_no_value_is_further_off_than_a_step(regions: np.ndarray) -> None:
    decoded = stored_regions.decode(stored_regions.encode(regions)).astype(np.float64)
    roots, largest = np.sqrt(np.abs(regions)), np.sqrt(np.abs(regions).max(axis=2, keepdims=True))
    step = np.sign(decoded) * np.sqrt(np.abs(decoded)) - np.sign(regions) * roots
    assert (np.abs(step) <= 0.51 * largest / STEPS + 1e-3 * largest + 1e-3).all()
    assert (decoded * regions >= 0).all()


def test_a_file_takes_a_byte_a_value_and_gives_rows(tmp_path: Path) -> None:
    regions = np.maximum(np.random.default_rng(0).normal(size=(6, 4, 500)), -0.3).astype(np.float16)
    np.save(tmp_path / "r.npy", stored_regions.encode(regions))
    stored = StoredRegions(tmp_path / "r.npy")
    assert (len(stored), stored.shape) == (6, regions.shape)
    assert (tmp_path / "r.npy").stat().st_size - 128 == stored_regions.size(6, 4, 500) < 0.51 * regions.nbytes
    whole = stored[:]
    error = np.sqrt(np.square(whole.astype(float) - regions).mean() / np.square(regions.astype(float)).mean())
    assert whole.dtype == np.float16
    assert error < 0.015
    for rows in ([4, 1], np.array([5, 5]), slice(2, 4)):
        assert np.array_equal(stored[rows], whole[rows])
