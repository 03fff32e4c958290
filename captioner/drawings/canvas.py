"""A painter's tools: soft light on every shape, and textures of sky, water, grass, sand and snow."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

Colour = tuple[int, int, int]
Point = tuple[float, float]
Layer = NDArray[np.floating[Any]]  # float[H, W]

WIDTH, HEIGHT = 640, 480  # pixels of a finished drawing, in which all coordinates are given
SCALE = 2  # drawn so many times larger, then reduced: smooth edges
LIGHT = (-0.6, -0.8)  # where light comes from: the upper left
SPLINE_STEPS = 8  # points of a smooth outline between two given ones


class Canvas:
    """A picture that is being painted: float[2 · 480, 2 · 640, 3], from 0 to 255.

    Everything random comes from ``seed``, so that a drawing is always the same.
    """

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.shape = HEIGHT * SCALE, WIDTH * SCALE
        self.pixels = np.zeros((*self.shape, 3), np.float32)
        self.rows, self.columns = (axis.astype(np.float32) / SCALE for axis in np.indices(self.shape))

    def noise(self, across: float, down: float, octaves: int = 4) -> Layer:
        """Smooth noise, about −1 to 1; its largest spots measure ``across`` × ``down`` pixels."""
        total = np.zeros(self.shape, np.float32)
        for octave in range(octaves):
            spot = max(1.0, down / 2**octave), max(1.0, across / 2**octave)
            size = max(2, round(HEIGHT / spot[0])), max(2, round(WIDTH / spot[1]))
            spots = Image.fromarray(self.random.normal(0, 1, size).astype(np.float32))
            total += np.asarray(spots.resize(self.shape[::-1], Image.Resampling.BICUBIC)) / 1.7**octave
        return np.asarray(total / (2 * np.abs(total).std() + np.float32(1e-6)))

    def wash(self, stops: Sequence[tuple[float, Colour]], mask: Layer | None = None) -> None:
        """Fill from top to bottom with a gradient through (row, colour)."""
        rows = [row for row, _ in stops]
        channels = [np.interp(self.rows, rows, [colour[c] for _, colour in stops]) for c in range(3)]
        self.blend(np.stack(channels, axis=-1).astype(np.float32), mask)

    def blend(self, colour: NDArray[np.floating[Any]] | Colour, mask: Layer | None = None) -> None:
        """Cover with a colour, or float[H, W, 3], where the mask is 1."""
        cover = np.float32(1) if mask is None else mask[..., None]
        self.pixels += (np.asarray(colour, np.float32) - self.pixels) * cover

    def tint(self, amount: Layer, mask: Layer | None = None) -> None:
        """Make brighter where the amount is above 0, darker where it is below: 1 doubles, −1 gives black."""
        if mask is not None:
            amount = amount * mask
        self.pixels *= np.maximum(0, 1 + amount)[..., None]

    def below(self, row: float, roughness: float = 0.0, softness: float = 1.0) -> Layer:
        """Mask of everything below a row, with an uneven edge ``roughness`` pixels high."""
        edge = row + (roughness * self.noise(90, HEIGHT * 4) if roughness else np.float32(0))
        return np.clip((self.rows - edge) / softness + 0.5, 0, 1).astype(np.float32)

    def polygon(self, points: Sequence[Point], *, smooth: bool = True, blur: float = 0.0) -> Layer:
        """Mask of a closed outline; ``smooth`` rounds it through its points."""
        outline = _spline(points) if smooth else points
        mask = Image.new("L", self.shape[::-1])
        ImageDraw.Draw(mask).polygon([(x * SCALE, y * SCALE) for x, y in outline], fill=255)
        return _layer(mask, blur)

    def ellipse(self, centre: Point, radii: Point, degrees: float = 0.0, blur: float = 0.0) -> Layer:
        """Mask of an ellipse, turned clockwise."""
        turn = math.radians(degrees)
        around = [2 * math.pi * step / 24 for step in range(24)]
        outline = [_turned(centre, radii[0] * math.cos(a), radii[1] * math.sin(a), turn) for a in around]
        return self.polygon(outline, blur=blur)

    def lines(self, points: Sequence[Point], width: float, colour: Colour, strength: float = 0.8) -> None:
        """Thin straight lines from point to point."""
        self.blend(colour, np.float32(strength) * self.limb(points, [width] * len(points)))

    def limb(self, joints: Sequence[Point], widths: Sequence[float]) -> Layer:
        """Mask of a rounded band along joints, so many pixels wide at each."""
        mask = Image.new("L", self.shape[::-1])
        draw = ImageDraw.Draw(mask)
        path = [(*joint, width) for joint, width in zip(joints, widths, strict=True)]
        for (x0, y0, w0), (x1, y1, w1) in pairwise(path):
            steps = max(2, int(math.hypot(x1 - x0, y1 - y0) * SCALE))
            for step in range(steps + 1):
                share = step / steps
                x, y = x0 + (x1 - x0) * share, y0 + (y1 - y0) * share
                r = (w0 + (w1 - w0) * share) / 2
                draw.ellipse([(x - r) * SCALE, (y - r) * SCALE, (x + r) * SCALE, (y + r) * SCALE], fill=255)
        return _layer(mask, 0.0)

    def paint(self, mask: Layer, colour: Colour, *, depth: float = 5.0, texture: float = 0.035) -> None:
        """Paint a shape as if it were round: lit at the upper left, in shade at the lower right.

        ``depth`` is how far the rounding reaches in from the edge, in pixels.
        """
        down, right = np.gradient(_blurred(mask, depth))
        slope = (LIGHT[0] * right + LIGHT[1] * down) * (-depth * SCALE)
        brightness: Layer = np.asarray(1 + np.clip(0.9 * slope, -0.5, 0.45), np.float32)
        if texture:
            brightness += texture * self.noise(5, 5, 2)
        self.blend(np.asarray(colour, np.float32) * brightness[..., None], mask)

    def shadow(self, centre: Point, radii: Point, strength: float = 0.5) -> None:
        """A soft shadow on the ground."""
        self.tint(-strength * self.ellipse(centre, radii, blur=min(radii) * 0.6))

    def strokes(
        self,
        count: int,
        top: float,
        bottom: float,
        length: float,
        colours: Sequence[Colour],
        *,
        lean: float = 0.3,
        flat: bool = False,
        width: int = 2,
    ) -> None:
        """Brush strokes between two rows, longer towards the bottom: blades of grass, or ``flat`` ripples."""
        layer = Image.new("RGBA", self.shape[::-1])
        draw = ImageDraw.Draw(layer)
        depth = np.sort(self.random.random(count) ** 0.7)
        for share in depth:
            x, y = self.random.random() * WIDTH, top + share * (bottom - top)
            reach = length * (0.25 + share) * (0.6 + 0.8 * self.random.random())
            tip = (x + reach, y) if flat else (x + reach * self.random.normal(0, lean), y - reach)
            colour = colours[int(self.random.integers(len(colours)))]
            line = [x * SCALE, y * SCALE, tip[0] * SCALE, tip[1] * SCALE]
            draw.line(line, fill=(*colour, 150), width=width)
        layer = layer.filter(ImageFilter.GaussianBlur(0.6 * SCALE))
        array = np.asarray(layer, np.float32)
        self.blend(array[..., :3], array[..., 3] / 255)

    def soften(self, radius: float, mask: Layer) -> None:
        """Out of focus where the mask is 1."""
        blurred = self.image(SCALE).filter(ImageFilter.GaussianBlur(radius * SCALE))
        self.blend(np.asarray(blurred, np.float32), mask)

    def finish(self, grain: float = 0.015) -> Image.Image:
        """The drawing: with the paper's grain and slightly darker corners."""
        distance = np.hypot((self.columns - WIDTH / 2) / WIDTH, (self.rows - HEIGHT / 2) / HEIGHT)
        self.tint(-0.35 * np.maximum(0, distance - 0.35) + grain * self.noise(5, 5, 2))
        return self.image(1)

    def image(self, scale: int) -> Image.Image:
        full = Image.fromarray(np.clip(self.pixels, 0, 255).astype(np.uint8))
        return full if scale == SCALE else full.resize((WIDTH, HEIGHT), Image.Resampling.BOX)


def _turned(centre: Point, x: float, y: float, turn: float) -> Point:
    return (
        centre[0] + x * math.cos(turn) - y * math.sin(turn),
        centre[1] + x * math.sin(turn) + y * math.cos(turn),
    )


def _spline(points: Sequence[Point]) -> list[Point]:
    """A closed Catmull-Rom spline through the points."""
    p = np.asarray(points, float)
    before, after, last = np.roll(p, 1, 0), np.roll(p, -1, 0), np.roll(p, -2, 0)
    curve = []
    for t in np.arange(SPLINE_STEPS) / SPLINE_STEPS:
        curve.append(
            0.5
            * (
                2 * p
                + (after - before) * t
                + (2 * before - 5 * p + 4 * after - last) * t**2
                + (3 * p - before - 3 * after + last) * t**3
            )
        )
    return [tuple(point) for point in np.stack(curve, 1).reshape(-1, 2)]


def _layer(mask: Image.Image, blur: float) -> Layer:
    if blur:
        mask = mask.filter(ImageFilter.GaussianBlur(blur * SCALE))
    return np.asarray(mask, np.float32) / 255


def _blurred(mask: Layer, radius: float) -> Layer:
    image = Image.fromarray((mask * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(radius * SCALE))
    return np.asarray(image, np.float32) / 255
