"""Pictures for the eye: fitted to the screen, cut to a thumbnail, lit where the model looked."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

Pixels = NDArray[np.uint8]  # [H, W, 3]
Attention = NDArray[np.float32]  # [h, w], sums to 1

VEIL = (14, 22, 32)  # nearly black; light and dark need no colour vision
DARKEST = 0.82  # share of the veil where the model did not look at all
BRIGHT = 4.0  # so many times the average attention, a place is fully lit: a flat map stays dim all over

ROWS = ("upper", "middle", "lower")
COLUMNS = ("left", "middle", "right")


def fitted(image: Pixels, side: int) -> Pixels:
    """At most ``side`` pixels wide and high, in proportion; never larger than it was."""
    small = Image.fromarray(image)
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
    return np.asarray(small)


def thumbnail(image: Pixels, size: tuple[int, int] = (320, 240)) -> Pixels:
    """Cut to (width, height) around the centre, so that a row of them is even."""
    return np.asarray(ImageOps.fit(Image.fromarray(image), size, Image.Resampling.LANCZOS))


def lit(image: Pixels, attention: Attention) -> Pixels:
    """The picture, veiled where the model did not look.

    The encoder sees the whole picture squashed to a square, so the grid is stretched over all of it.
    """
    height, width = image.shape[:2]
    peak = max(float(attention.max()), BRIGHT / attention.size)
    light = Image.fromarray(attention.astype(np.float32) / peak)
    smooth = np.asarray(light.resize((width, height), Image.Resampling.BILINEAR))[..., None]
    veil = DARKEST * (
        1 - np.clip(smooth, 0, 1) ** 0.7
    )  # the eye tells dark shades apart better than bright ones
    return np.asarray(image * (1 - veil) + np.array(VEIL) * veil + 0.5, np.uint8)


def place(attention: Attention) -> str:
    """Where most of the attention lies, as the end of "it looked …"."""
    rows, columns = attention.shape
    # Each cell becomes 3 × 3, so that thirds fall between cells whatever the grid.
    fine = np.repeat(np.repeat(attention, 3, axis=0), 3, axis=1) / 9
    thirds = fine.reshape(3, rows, 3, columns).sum(axis=(1, 3))
    down, across = thirds.sum(axis=1), thirds.sum(axis=0)
    row, column = divmod(int(thirds.argmax()), 3)
    if thirds[row, column] >= 0.35:
        return f"mostly at {_zone(row, column)}"
    if across.max() >= 0.55:
        return f"mostly at the {COLUMNS[int(across.argmax())]}, from top to bottom"
    if down.max() >= 0.55:
        return f"mostly across the {ROWS[int(down.argmax())]} part"
    if thirds[row, column] >= 0.2:
        return f"at much of the picture, most at {_zone(row, column)}"
    return "all over the picture"


def _zone(row: int, column: int) -> str:
    return "the centre" if row == column == 1 else f"the {ROWS[row]} {COLUMNS[column]}"
