"""Attention as numbers for the overlay, and in words."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Attention = NDArray[np.float32]  # [h, w], sums to 1

DIGITS = 3  # decimal places of what is sent to the browser

ROWS = ("upper", "middle", "lower")
COLUMNS = ("left", "middle", "right")

# Share of the highest attention from which on a place is outlined in the browser, and described in words.
OUTLINE_LEVEL = 0.5
# Shares of the outlined area: from the first on a ninth is named, if all that are named make up the second.
MIN_NAMED, MIN_TOGETHER = 0.2, 0.65
MIN_SPREAD = 0.6  # share of the picture
RESOLUTION = 60  # places along each side at which the area is measured: the browser has one for each pixel


def normalised(attention: Attention) -> list[list[float]]:
    """Attention float[h, w] as rows of numbers, divided by the highest, so that each word's own peak is 1."""
    peak = max(float(attention.max()), 1e-9)
    return [[round(float(value) / peak, DIGITS) for value in row] for row in attention]


def describe_attention(attention: Attention) -> str:
    """The outlined part of the picture, from attention float32[h, w], as the end of "it looked …"."""
    outlined = _outlined(attention)
    ninths = outlined.reshape(3, RESOLUTION // 3, 3, RESOLUTION // 3).sum(axis=(1, 3)) / outlined.sum()
    named = ninths >= MIN_NAMED
    rows, columns = np.flatnonzero(named.any(axis=1)), np.flatnonzero(named.any(axis=0))
    if ninths[named].sum() >= MIN_TOGETHER:
        if len(rows) == 3 and len(columns) == 1:
            return f"mostly at the {COLUMNS[columns[0]]}, from top to bottom"
        if len(columns) == 3 and len(rows) == 1:
            return f"mostly across the {ROWS[rows[0]]} part"
        if named.sum() <= 2:
            return f"mostly at {' and '.join(_ninth_name(*place) for place in np.argwhere(named))}"
    if outlined.mean() >= MIN_SPREAD:
        return "all over the picture"
    return f"at several parts, most of all {_ninth_name(*divmod(int(ninths.argmax()), 3))}"


def _outlined(attention: Attention) -> NDArray[np.bool_]:
    """bool[60, 60] true where the browser draws the place within its outline, by the same arithmetic."""
    down, across = (_spline(count) for count in attention.shape)
    smooth = down @ attention @ across.T
    return np.asarray(smooth >= OUTLINE_LEVEL * smooth.max())


def _spline(count: int) -> NDArray[np.float64]:
    """float[60, count]: the weights of ``count`` values along a side at each place (cubic B-spline)."""
    places = (np.arange(RESOLUTION) + 0.5) / RESOLUTION * count - 0.5
    left = np.floor(places).astype(int)
    t = places - left
    four = [(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3]
    weights = np.zeros((RESOLUTION, count))
    for offset, weight in enumerate(four):
        np.add.at(weights, (np.arange(RESOLUTION), np.clip(left - 1 + offset, 0, count - 1)), weight / 6)
    return weights


def _ninth_name(row: int, column: int) -> str:
    return "the centre" if row == column == 1 else f"the {ROWS[row]} {COLUMNS[column]}"
