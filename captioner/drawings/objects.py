"""Things in the drawings: foam, a ball, a bicycle, a slide, a sofa."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageDraw

from captioner.drawings.canvas import SCALE, Canvas, Colour, Point

METAL: Colour = (120, 120, 126)


def splash(canvas: Canvas, centre: Point, radii: Point, drops: int = 260) -> None:
    """Foam and drops, or snow dust, around a place."""
    foam = canvas.ellipse(centre, radii, blur=min(radii) * 0.35)
    canvas.blend((248, 252, 255), foam * np.clip(0.6 + canvas.noise(16, 10, 4), 0, 1))
    across, up = canvas.random.normal(0, 1, (2, drops))
    layer = Image.new("L", canvas.shape[::-1])
    draw = ImageDraw.Draw(layer)
    for x, y, size in zip(across, np.abs(up), canvas.random.random(drops) ** 2, strict=True):
        column = (centre[0] + x * radii[0] * 0.7) * SCALE
        row = (centre[1] - y * radii[1] * 1.3) * SCALE
        radius = (1.1 + 2.2 * size) * SCALE
        draw.ellipse([column - radius, row - radius, column + radius, row + radius], fill=235)
    canvas.blend((246, 251, 255), np.asarray(layer, np.float32) / 255)


def football(canvas: Canvas, centre: Point, radius: float) -> None:
    x, y = centre
    canvas.paint(canvas.ellipse(centre, (radius, radius)), (246, 246, 246), depth=radius / 2)
    canvas.paint(canvas.ellipse(centre, (0.28 * radius, 0.28 * radius)), (30, 30, 34), depth=1)
    for turn in (0.3, 1.6, 2.9, 4.2, 5.4):
        spot = x + 0.72 * radius * math.cos(turn), y + 0.72 * radius * math.sin(turn)
        patch = canvas.ellipse(spot, (0.2 * radius, 0.24 * radius), math.degrees(turn))
        canvas.paint(patch, (30, 30, 34), depth=1)


def bicycle(canvas: Canvas, rear: Point, front: Point, radius: float, frame: Colour = (210, 40, 36)) -> None:
    """A bicycle seen from its right side, with the hubs of its wheels at ``rear`` and ``front``."""
    for hub in (rear, front):
        _wheel(canvas, hub, radius)
    length = front[0] - rear[0]
    pedals = rear[0] + 0.45 * length, rear[1] + 4
    seat = rear[0] + 0.3 * length, rear[1] - 92
    bars = front[0] - 0.16 * length, front[1] - 98
    top, bottom = (bars[0], bars[1] + 14), (bars[0] + 4, bars[1] + 20)
    for tube in ([rear, seat], [rear, pedals], [pedals, seat], [pedals, bottom], [seat, top], [bars, front]):
        canvas.paint(canvas.limb(tube, [7, 7]), frame, depth=2)
    saddle = canvas.limb([(seat[0] - 16, seat[1] - 4), (seat[0] + 14, seat[1] - 2)], [10, 7])
    canvas.paint(saddle, (30, 30, 34), depth=2)
    grip = [bars, (bars[0] + 10, bars[1] - 14), (bars[0] + 26, bars[1] - 12)]
    canvas.paint(canvas.limb(grip, [6, 6, 6]), (40, 40, 46), depth=2)


def _wheel(canvas: Canvas, hub: Point, radius: float) -> None:
    tyre = canvas.ellipse(hub, (radius, radius)) - canvas.ellipse(hub, (radius - 7, radius - 7))
    canvas.paint(np.clip(tyre, 0, 1), (34, 34, 38), depth=2)
    for spoke in range(8):
        x, y = (0.88 * radius * f(spoke * math.pi / 8) for f in (math.cos, math.sin))
        canvas.lines([(hub[0] - x, hub[1] - y), (hub[0] + x, hub[1] + y)], 1.2, (170, 170, 176), 0.6)


def slide(canvas: Canvas) -> list[Point]:
    """A playground's slide with its ladder. Returns the chute, for its front edge."""
    for x in (120.0, 190.0):
        canvas.paint(canvas.limb([(x, 110), (x, 440)], [12, 12]), (240, 190, 40), depth=4)
    for y in range(170, 440, 44):
        canvas.paint(canvas.limb([(120, y), (190, y)], [8, 8]), (60, 90, 170), depth=2)
    canvas.shadow((400, 430), (210, 12))
    chute: list[Point] = [(170, 150), (230, 170), (400, 330), (500, 400), (590, 408)]
    for lower, width, colour in ((14, 64, (206, 40, 36)), (2, 40, (236, 84, 70))):
        band = canvas.limb([(x, y + lower) for x, y in chute], [width] * len(chute))
        canvas.paint(band, colour, depth=8)
    return chute


def sofa(canvas: Canvas) -> None:
    """A wall, and a sofa that fills the lower part of the picture."""
    canvas.wash([(0, (232, 214, 190)), (300, (220, 196, 166))])
    back = canvas.polygon([(-20, 200), (640, 190), (680, 520), (-20, 520)], smooth=False)
    canvas.paint(back, (70, 104, 150), depth=20, texture=0.06)
    canvas.paint(canvas.limb([(-20, 210), (660, 200)], [60, 60]), (84, 120, 168), depth=16, texture=0.06)
    canvas.paint(canvas.ellipse((320, 420), (230, 46)), (62, 94, 138), depth=20)
