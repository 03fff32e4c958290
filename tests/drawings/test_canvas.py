"""The painter's tools: what is random is repeatable, shapes are where they should be, light falls on them."""

from __future__ import annotations

import numpy as np

from captioner.drawings.canvas import HEIGHT, SCALE, WIDTH, Canvas


def at(canvas: Canvas, x: float, y: float) -> float:
    """Brightness of a point, from 0 to 255."""
    return float(canvas.pixels[int(y * SCALE), int(x * SCALE)].mean())


def test_the_same_seed_draws_the_same() -> None:
    first, again, other = (Canvas(seed).noise(50, 20) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_shape_covers_its_inside_only() -> None:
    canvas = Canvas(0)
    for mask in (
        canvas.ellipse((300, 200), (60, 30)),
        canvas.polygon([(240, 170), (360, 170), (360, 230), (240, 230)]),
        canvas.limb([(240, 200), (360, 200)], [40, 40]),
    ):
        assert mask[200 * SCALE, 300 * SCALE] == 1
        assert mask[200 * SCALE, 100 * SCALE] == mask[20 * SCALE, 300 * SCALE] == 0


def test_a_shape_is_lit_at_the_upper_left() -> None:
    canvas = Canvas(0)
    canvas.paint(canvas.ellipse((300, 200), (60, 60)), (120, 120, 120), depth=12, texture=0)
    assert at(canvas, 264, 164) > at(canvas, 300, 200) + 5 > at(canvas, 336, 236) + 10


def test_a_gradient_runs_from_top_to_bottom() -> None:
    canvas = Canvas(0)
    canvas.wash([(0, (0, 0, 0)), (HEIGHT, (200, 200, 200))])
    assert at(canvas, 10, 5) < at(canvas, 600, 240) < at(canvas, 10, 470)


def test_a_finished_drawing_has_the_size_that_its_coordinates_are_given_in() -> None:
    assert Canvas(0).finish().size == (WIDTH, HEIGHT)
