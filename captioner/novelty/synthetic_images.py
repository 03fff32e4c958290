"""Synthetic images to test the novelty detector with.

Generated images and strongly blurred photographs are clearly out of distribution. Negatives and photographs
upside down keep edges and colours; they show the limits of the detector.

Every generator takes a random generator and returns an image uint8[SIDE, SIDE, 3]; every alteration takes
and returns uint8[H, W, 3].
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

Pixels = NDArray[np.uint8]  # uint8[H, W, 3]
Generate = Callable[[np.random.Generator], Pixels]

SIDE = 448  # pixels
BLUR = 0.035  # radius divided by the width
LETTERS = tuple("aeionrstl")


def noise(rng: np.random.Generator) -> Pixels:
    """Squares of random colours, 1 to 56 pixels wide: uint8[SIDE, SIDE, 3]."""
    size = int(rng.choice([1, 4, 14, 56]))
    colours = rng.integers(0, 256, (SIDE // size, SIDE // size, 3), dtype=np.uint8)
    return np.kron(colours, np.ones((size, size, 1), np.uint8))


def flat(rng: np.random.Generator) -> Pixels:
    """One random colour: uint8[SIDE, SIDE, 3]."""
    return np.full((SIDE, SIDE, 3), _colour(rng), np.uint8)


def gradient(rng: np.random.Generator) -> Pixels:
    """A linear gradient between two random colours, in a random direction: uint8[SIDE, SIDE, 3]."""
    angle, (first, last) = rng.uniform(0, 2 * np.pi), (_colour(rng), _colour(rng))
    y, x = np.mgrid[0:SIDE, 0:SIDE] / SIDE - 0.5
    share = np.clip(x * np.cos(angle) + y * np.sin(angle) + 0.5, 0, 1)[..., None]
    return np.asarray((1 - share) * first + share * last, np.uint8)


def page(rng: np.random.Generator) -> Pixels:
    """Lines of black random text on white: uint8[SIDE, SIDE, 3]."""
    image, pen = _canvas()
    size = int(rng.integers(10, 22))
    font = ImageFont.load_default(size)
    for y in range(20, SIDE - 30, 3 * size // 2):
        words = ("".join(rng.choice(LETTERS, rng.integers(1, 9))) for _ in range(rng.integers(4, 9)))
        pen.text((20, y), " ".join(words), "black", font)
    return np.asarray(image)


def chart(rng: np.random.Generator) -> Pixels:
    """A bar chart with labels and values: uint8[SIDE, SIDE, 3]."""
    image, pen = _canvas()
    font, bars, colour = ImageFont.load_default(14), int(rng.integers(3, 12)), _colour(rng)
    for y in np.linspace(30, SIDE - 60, bars).astype(int).tolist():
        width = int(rng.integers(10, SIDE - 160))
        pen.text((10, y), "".join(rng.choice(LETTERS, 6)), "black", font)
        pen.rectangle((90, y, 90 + width, y + 200 // bars), colour)
        pen.text((100 + width, y), f"{width // 3} %", "black", font)
    return np.asarray(image)


def lines(rng: np.random.Generator) -> Pixels:
    """Black lines and outlines on white: uint8[SIDE, SIDE, 3]."""
    image, pen = _canvas()
    for _ in range(rng.integers(5, 25)):
        box, stroke = _box(rng), int(rng.integers(2, 6))
        draw = (pen.line, pen.ellipse, pen.rectangle)[rng.integers(3)]
        draw(box, **{"fill" if draw == pen.line else "outline": "black"}, width=stroke)
    return np.asarray(image)


def shapes(rng: np.random.Generator) -> Pixels:
    """Overlapping coloured shapes with black outlines: uint8[SIDE, SIDE, 3]."""
    image, pen = _canvas(_colour(rng))
    for _ in range(rng.integers(4, 14)):
        draw = (pen.ellipse, pen.rectangle)[rng.integers(2)]
        draw(_box(rng), fill=_colour(rng), outline="black", width=3)
    return np.asarray(image)


def blurred(image: Pixels) -> Pixels:
    """Gaussian blur of uint8[H, W, 3], its radius ``BLUR`` times the width: uint8[H, W, 3]."""
    return np.asarray(Image.fromarray(image).filter(ImageFilter.GaussianBlur(BLUR * image.shape[1])))


GENERATED: Mapping[str, Generate] = {
    "noise": noise,
    "flat colours": flat,
    "gradients": gradient,
    "pages of text": page,
    "charts": chart,
    "line drawings": lines,
    "coloured shapes": shapes,
}
ALTERED: Mapping[str, Callable[[Pixels], Pixels]] = {
    "strongly blurred photographs": blurred,
    "very dark photographs": lambda image: image // 8,
    "negatives": lambda image: 255 - image,
    "photographs upside down": lambda image: image[::-1, ::-1],
}


def _canvas(colour: tuple[int, ...] | str = "white") -> tuple[Image.Image, ImageDraw.ImageDraw]:
    image = Image.new("RGB", (SIDE, SIDE), colour)
    return image, ImageDraw.Draw(image)


def _colour(rng: np.random.Generator) -> tuple[int, ...]:
    return tuple(rng.integers(0, 256, 3).tolist())


def _box(rng: np.random.Generator) -> tuple[int, ...]:
    """Left, top, right, bottom."""
    x, y = np.sort(rng.integers(0, SIDE, (2, 2)), axis=1).tolist()
    return x[0], y[0], x[1] + 5, y[1] + 5
