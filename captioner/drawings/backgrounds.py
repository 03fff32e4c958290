"""Places for the drawings: meadow, sea, snow, rock."""

from __future__ import annotations

import numpy as np

from captioner.drawings.canvas import HEIGHT, WIDTH, Canvas, Colour, Layer, Point

GRASS: tuple[Colour, ...] = ((96, 150, 44), (150, 186, 76), (58, 110, 34), (120, 170, 60))


def sky(canvas: Canvas, horizon: float, clouds: float = 0.5) -> None:
    canvas.wash([(0, (92, 152, 214)), (horizon, (204, 226, 240))])
    cover = np.clip(canvas.noise(260, 60, 5) - 1 + clouds, 0, 1) * np.clip(1.2 - canvas.rows / horizon, 0, 1)
    canvas.blend((250, 250, 250), cover.astype(np.float32))


def meadow(canvas: Canvas, horizon: float = 180, *, trees: bool = True) -> None:
    """Grass in front of blurred trees; blades in front of an animal are drawn by ``blades``."""
    sky(canvas, horizon)
    if trees:
        wood = canvas.below(horizon - 60, 14, 3)
        canvas.wash([(horizon - 80, (58, 98, 50)), (horizon + 10, (36, 68, 34))], wood)
        canvas.tint(0.25 * canvas.noise(24, 20, 5), wood)
    ground = canvas.below(horizon, 2, 3)
    canvas.wash([(horizon, (124, 160, 62)), (HEIGHT, (70, 128, 38))], ground)
    canvas.tint(0.14 * canvas.noise(60, 14, 5), ground)
    canvas.soften(3, 1 - canvas.below(horizon + 20, 0, 30))
    canvas.strokes(9000, horizon + 5, HEIGHT + 20, 26, GRASS)


def blades(canvas: Canvas, top: float, count: int = 1500) -> None:
    canvas.strokes(count, top, HEIGHT + 20, 30, GRASS)


def water(
    canvas: Canvas, top: float, bottom: float, near: Colour, far: Colour, mask: Layer | None = None
) -> None:
    """Water with ripples that grow towards the bottom."""
    surface = canvas.below(top, 0, 1.5) * (1 - canvas.below(bottom, 6, 3)) if mask is None else mask
    canvas.wash([(top, far), (bottom, near)], surface)
    canvas.tint(0.12 * canvas.noise(160, 9, 4), surface)
    before = canvas.pixels.copy()
    light, dark = tuple(min(255, c + 60) for c in far), tuple(int(c * 0.7) for c in near)
    canvas.strokes(2600, top, bottom, 34, [light, dark, near], flat=True, width=3)  # type: ignore[list-item]
    canvas.pixels = before + (canvas.pixels - before) * surface[..., None]


def snow(canvas: Canvas, top: float, roughness: float = 10) -> Layer:
    ground = canvas.below(top, roughness, 3)
    canvas.wash([(top, (236, 242, 250)), (HEIGHT, (206, 222, 242))], ground)
    canvas.tint(0.05 * canvas.noise(180, 40, 5), ground)
    return ground


def mountains(
    canvas: Canvas, outline: list[Point], dark: Colour = (96, 108, 132), *, capped: bool = True
) -> None:
    """A ridge with rock and, if ``capped``, snow on its heights."""
    ridge = [(-20.0, float(HEIGHT)), *outline, (WIDTH + 20.0, float(HEIGHT))]
    mask = canvas.polygon(ridge, smooth=False)
    canvas.blend(dark, mask)
    slopes = canvas.noise(70, 130, 6)
    canvas.tint(0.3 * slopes, mask)
    if capped:
        top = min(y for _, y in outline)
        cover = np.clip((canvas.noise(50, 120, 6) * 70 + top + 120 - canvas.rows) / 25, 0, 1)
        canvas.blend(
            np.stack([246 + 16 * slopes, 250 + 12 * slopes, 255 + 4 * slopes], -1).clip(0, 255), cover * mask
        )


def rock(canvas: Canvas, mask: Layer, colour: Colour = (168, 132, 100)) -> None:
    """A face of rock with cracks, lit from the left."""
    canvas.paint(mask, colour, depth=10, texture=0)
    relief = canvas.noise(110, 200, 7)
    down, right = np.gradient(relief)
    canvas.tint(np.clip(-1.6 * right - 1.2 * down, -0.35, 0.35) + 0.12 * canvas.noise(30, 50, 5), mask)
    cracks = np.clip(1 - np.abs(canvas.noise(150, 320, 5)) * 26, 0, 1)
    canvas.tint(-0.5 * cracks, mask)
