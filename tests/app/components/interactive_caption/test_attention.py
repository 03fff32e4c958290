"""Attention in words and in numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from captioner.app.components.interactive_caption import attention as attentions


def looking(row: int, column: int, rows: int = 6, columns: int = 6) -> attentions.Attention:
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
    assert attentions.describe_attention(looking(row, column)) == f"mostly at {expected}"


@pytest.mark.parametrize("size", [1, 2, 5, 7, 14])
def test_even_attention_is_all_over_the_picture_whatever_the_grid(size: int) -> None:
    assert (
        attentions.describe_attention(np.full((size, size), 1 / size**2, np.float32))
        == "all over the picture"
    )


def test_a_column_and_a_row_have_names() -> None:
    column = np.zeros((6, 6), np.float32)
    column[:, 0] = 1 / 6
    assert attentions.describe_attention(column) == "mostly at the left, from top to bottom"
    assert attentions.describe_attention(column.T[::-1]) == "mostly across the lower part"


def test_words_describe_all_of_what_is_outlined() -> None:
    two = looking(0, 0) + looking(5, 5)
    assert attentions.describe_attention(two) == "mostly at the upper left and the lower right"
    assert attentions.describe_attention(two + 0.4 * looking(0, 5)) == attentions.describe_attention(two)
    three = two + looking(0, 5) + looking(1, 5)
    assert attentions.describe_attention(three) == "at several parts, most of all the upper right"


@given(some.lists(some.floats(0, 1, width=32), min_size=49, max_size=49))
def test_the_peak_of_every_word_is_one(values: list[float]) -> None:
    attention = np.array(values, np.float32).reshape(7, 7)
    rows = attentions.normalised(attention)
    assert [len(row) for row in rows] == [7] * 7
    assert all(0 <= value <= 1 for row in rows for value in row)
    assert attention.max() < 1e-6 or max(map(max, rows)) == 1
