"""Pictures as they are drawn, and attention in words."""

from __future__ import annotations

import numpy as np
import pytest

from captioner.app.components import attention_overlay

GREY = np.full((30, 60, 3), 200, np.uint8)


def looking(row: int, column: int, rows: int = 6, columns: int = 6) -> attention_overlay.Attention:
    attention = np.zeros((rows, columns), np.float32)
    attention[row, column] = 1
    return attention


@pytest.mark.parametrize(
    ("row", "column", "expected"),
    [
        (0, 0, "the upper left"),
        (5, 0, "the lower left"),
        (5, 5, "the lower right"),
        (2, 3, "the centre"),
        (0, 3, "the upper middle"),
        (3, 5, "the middle right"),
    ],
)
def test_places_have_names(row: int, column: int, expected: str) -> None:
    assert attention_overlay.describe_attention(looking(row, column)) == f"mostly at {expected}"


@pytest.mark.parametrize("size", [1, 2, 5, 7, 14])
def test_even_attention_is_all_over_the_picture_whatever_the_grid(size: int) -> None:
    assert (
        attention_overlay.describe_attention(np.full((size, size), 1 / size**2, np.float32))
        == "all over the picture"
    )


def test_a_column_and_a_row_have_names() -> None:
    column = np.zeros((6, 6), np.float32)
    column[:, 0] = 1 / 6
    assert attention_overlay.describe_attention(column) == "mostly at the left, from top to bottom"
    assert attention_overlay.describe_attention(column.T[::-1]) == "mostly across the lower part"


def test_a_picture_is_made_smaller_in_proportion_and_never_larger() -> None:
    assert attention_overlay.scaled_down(GREY, 60).shape == (30, 60, 3)
    assert attention_overlay.scaled_down(GREY, 20).shape == (10, 20, 3)
    assert attention_overlay.thumbnail(GREY, (16, 12)).shape == (12, 16, 3)
