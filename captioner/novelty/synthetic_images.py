"""Pictures unlike a photograph, made by program: what a rule for unfamiliar pictures should notice.

The drawn ones and the strongly blurred are plain cases. A negative or a photograph upside down keeps its
edges and colours, so these show where a rule goes blind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

Pixels = NDArray[np.uint8]  # [H, W, 3]
Draw = Callable[[np.random.Generator], Pixels]

SIDE = 448  # pixels
BLUR = 0.035  # radius as a share of the width
LETTERS = tuple("aeionrstl")


def noise(chance: np.random.Generator) -> Pixels:
    """Squares of random colours, from single pixels up to an eighth of the side."""
    size = int(chance.choice([1, 4, 14, 56]))
    colours = chance.integers(0, 256, (SIDE // size, SIDE // size, 3), dtype=np.uint8)
    return np.kron(colours, np.ones((size, size, 1), np.uint8))


def flat(chance: np.random.Generator) -> Pixels:
    return np.full((SIDE, SIDE, 3), _colour(chance), np.uint8)


def gradient(chance: np.random.Generator) -> Pixels:
    """From one colour to another, in any direction."""
    angle, (first, last) = chance.uniform(0, 2 * np.pi), (_colour(chance), _colour(chance))
    y, x = np.mgrid[0:SIDE, 0:SIDE] / SIDE - 0.5
    share = np.clip(x * np.cos(angle) + y * np.sin(angle) + 0.5, 0, 1)[..., None]
    return np.asarray((1 - share) * first + share * last, np.uint8)


def page(chance: np.random.Generator) -> Pixels:
    """Lines of black text on white."""
    sheet, pen = _sheet()
    size = int(chance.integers(10, 22))
    font = ImageFont.load_default(size)
    for y in range(20, SIDE - 30, 3 * size // 2):
        words = ("".join(chance.choice(LETTERS, chance.integers(1, 9))) for _ in range(chance.integers(4, 9)))
        pen.text((20, y), " ".join(words), "black", font)
    return np.asarray(sheet)


def chart(chance: np.random.Generator) -> Pixels:
    """Bars with their names and figures, as this app draws them."""
    sheet, pen = _sheet()
    font, bars, colour = ImageFont.load_default(14), int(chance.integers(3, 12)), _colour(chance)
    for y in np.linspace(30, SIDE - 60, bars).astype(int).tolist():
        width = int(chance.integers(10, SIDE - 160))
        pen.text((10, y), "".join(chance.choice(LETTERS, 6)), "black", font)
        pen.rectangle((90, y, 90 + width, y + 200 // bars), colour)
        pen.text((100 + width, y), f"{width // 3} %", "black", font)
    return np.asarray(sheet)


def lines(chance: np.random.Generator) -> Pixels:
    """Black strokes and outlines on white."""
    sheet, pen = _sheet()
    for _ in range(chance.integers(5, 25)):
        box, stroke = _box(chance), int(chance.integers(2, 6))
        draw = (pen.line, pen.ellipse, pen.rectangle)[chance.integers(3)]
        draw(box, **{"fill" if draw == pen.line else "outline": "black"}, width=stroke)
    return np.asarray(sheet)


def shapes(chance: np.random.Generator) -> Pixels:
    """Plain coloured shapes with an outline, one over the other."""
    sheet, pen = _sheet(_colour(chance))
    for _ in range(chance.integers(4, 14)):
        draw = (pen.ellipse, pen.rectangle)[chance.integers(2)]
        draw(_box(chance), fill=_colour(chance), outline="black", width=3)
    return np.asarray(sheet)


def blurred(image: Pixels) -> Pixels:
    return np.asarray(Image.fromarray(image).filter(ImageFilter.GaussianBlur(BLUR * image.shape[1])))


DRAWN: Mapping[str, Draw] = {
    "noise": noise,
    "flat colours": flat,
    "gradients": gradient,
    "pages of text": page,
    "charts": chart,
    "line drawings": lines,
    "coloured shapes": shapes,
}
CHANGED: Mapping[str, Callable[[Pixels], Pixels]] = {
    "strongly blurred photographs": blurred,
    "very dark photographs": lambda image: image // 8,
    "negatives": lambda image: 255 - image,
    "photographs upside down": lambda image: image[::-1, ::-1],
}


def _sheet(colour: tuple[int, ...] | str = "white") -> tuple[Image.Image, ImageDraw.ImageDraw]:
    sheet = Image.new("RGB", (SIDE, SIDE), colour)
    return sheet, ImageDraw.Draw(sheet)


def _colour(chance: np.random.Generator) -> tuple[int, ...]:
    return tuple(chance.integers(0, 256, 3).tolist())


def _box(chance: np.random.Generator) -> tuple[int, ...]:
    """Left, top, right, bottom."""
    x, y = np.sort(chance.integers(0, SIDE, (2, 2)), axis=1).tolist()
    return x[0], y[0], x[1] + 5, y[1] + 5
