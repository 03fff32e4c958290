"""Attention as numbers for the overlay, and in words."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Attention = NDArray[np.float32]  # [h, w], sums to 1

DIGITS = 3  # decimal places of what is sent to the browser

ROWS = ("upper", "middle", "lower")
COLUMNS = ("left", "middle", "right")


# Shares of all the attention, from which on a description names a ninth, a column or a row of the image.
MOSTLY_NINTH, MOSTLY_THIRD, SOME_NINTH = 0.35, 0.55, 0.2


def normalised(attention: Attention) -> list[list[float]]:
    """Attention float[h, w] as rows of numbers, divided by the highest, so that each word's own peak is 1."""
    peak = max(float(attention.max()), 1e-9)
    return [[round(float(value) / peak, DIGITS) for value in row] for row in attention]


def describe_attention(attention: Attention) -> str:
    """Where most of the attention, float32[h, w], lies, as the end of "it looked …"."""
    rows, columns = attention.shape
    # Each cell becomes 3 × 3, so that thirds fall between cells whatever the grid.
    fine = np.repeat(np.repeat(attention, 3, axis=0), 3, axis=1) / 9
    ninths = fine.reshape(3, rows, 3, columns).sum(axis=(1, 3))
    row_shares, column_shares = ninths.sum(axis=1), ninths.sum(axis=0)
    row, column = divmod(int(ninths.argmax()), 3)
    if ninths[row, column] >= MOSTLY_NINTH:
        return f"mostly at {_ninth_name(row, column)}"
    if column_shares.max() >= MOSTLY_THIRD:
        return f"mostly at the {COLUMNS[int(column_shares.argmax())]}, from top to bottom"
    if row_shares.max() >= MOSTLY_THIRD:
        return f"mostly across the {ROWS[int(row_shares.argmax())]} part"
    if ninths[row, column] >= SOME_NINTH:
        return f"at much of the picture, most at {_ninth_name(row, column)}"
    return "all over the picture"


def _ninth_name(row: int, column: int) -> str:
    return "the centre" if row == column == 1 else f"the {ROWS[row]} {COLUMNS[column]}"
