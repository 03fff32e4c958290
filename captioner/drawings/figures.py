"""People and dogs for the drawings, put together from joints."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from captioner.drawings.canvas import Canvas, Colour, Point

SKIN, HAIR = (224, 172, 138), (70, 46, 34)


@dataclass(frozen=True)
class Clothes:
    """Colours of a person."""

    top: Colour = (196, 48, 40)
    legs: Colour = (46, 62, 108)
    shoes: Colour = (40, 36, 36)
    skin: Colour = SKIN
    hair: Colour = HAIR
    bare_legs: bool = False  # shorts: below the knee is skin
    bare_arms: bool = True  # short sleeves: below the elbow is skin
    helmet: Colour | None = None


@dataclass(frozen=True)
class Pose:
    """Joints of a person, in units of the head's height, with the hip at 0, 0; y points down."""

    shoulder: Point = (0.0, -2.4)
    head: Point = (0.1, -3.5)
    near_arm: Sequence[Point] = ((0.3, -1.5), (0.6, -0.8))  # elbow, hand
    far_arm: Sequence[Point] = ((-0.4, -1.5), (-0.5, -0.7))
    near_leg: Sequence[Point] = ((0.3, 1.7), (0.3, 3.4))  # knee, foot
    far_leg: Sequence[Point] = ((-0.3, 1.7), (-0.3, 3.4))
    facing: int = 1  # right; −1: left


def person(canvas: Canvas, hip: Point, size: float, pose: Pose, clothes: Clothes) -> None:
    """Draw a person; ``size`` is the height of the head in pixels."""

    def at(joint: Point) -> Point:
        return hip[0] + joint[0] * size, hip[1] + joint[1] * size

    depth = max(2.0, 0.22 * size)
    _leg(canvas, hip, [at(joint) for joint in pose.far_leg], size, clothes, shade=0.72)
    _arm(canvas, at(pose.shoulder), [at(joint) for joint in pose.far_arm], size, clothes, shade=0.72)
    neck = canvas.limb([at(pose.shoulder), at(pose.head)], [0.5 * size, 0.45 * size])
    canvas.paint(neck, _darker(clothes.skin, 0.85), depth=depth)
    torso = canvas.limb([at(pose.shoulder), hip], [1.45 * size, 1.15 * size])
    hips = canvas.limb([hip, (hip[0], hip[1] + 0.15 * size)], [1.15 * size, 1.1 * size])
    canvas.paint(hips, clothes.legs, depth=depth)
    canvas.paint(torso, clothes.top, depth=1.6 * depth, texture=0.045)
    _leg(canvas, hip, [at(joint) for joint in pose.near_leg], size, clothes)
    shirt = canvas.limb([at(pose.shoulder), (hip[0], hip[1] - 0.25 * size)], [1.4 * size, 1.2 * size])
    canvas.paint(shirt, clothes.top, depth=1.6 * depth, texture=0.045)
    _head(canvas, at(pose.head), size, pose.facing, clothes)
    _arm(canvas, at(pose.shoulder), [at(joint) for joint in pose.near_arm], size, clothes)


def _leg(
    canvas: Canvas, hip: Point, joints: Sequence[Point], size: float, clothes: Clothes, shade: float = 1
) -> None:
    knee, foot = joints
    depth = max(2.0, 0.2 * size)
    lower = clothes.skin if clothes.bare_legs else clothes.legs
    canvas.paint(canvas.limb([knee, foot], [0.62 * size, 0.4 * size]), _darker(lower, shade), depth=depth)
    canvas.paint(
        canvas.limb([hip, knee], [0.92 * size, 0.66 * size]), _darker(clothes.legs, shade), depth=depth
    )
    slope = math.atan2(foot[1] - knee[1], foot[0] - knee[0]) - math.pi / 2
    toe = foot[0] + 0.5 * size * math.cos(slope), foot[1] + 0.5 * size * math.sin(slope) + 0.05 * size
    canvas.paint(
        canvas.limb([foot, toe], [0.42 * size, 0.34 * size]), _darker(clothes.shoes, shade), depth=depth
    )


def _arm(
    canvas: Canvas, shoulder: Point, joints: Sequence[Point], size: float, clothes: Clothes, shade: float = 1
) -> None:
    elbow, hand = joints
    depth = max(2.0, 0.16 * size)
    lower = clothes.skin if clothes.bare_arms else clothes.top
    canvas.paint(canvas.limb([elbow, hand], [0.42 * size, 0.3 * size]), _darker(lower, shade), depth=depth)
    canvas.paint(canvas.ellipse(hand, (0.2 * size, 0.2 * size)), _darker(clothes.skin, shade), depth=depth)
    canvas.paint(
        canvas.limb([shoulder, elbow], [0.58 * size, 0.46 * size]), _darker(clothes.top, shade), depth=depth
    )


def _head(canvas: Canvas, centre: Point, size: float, facing: int, clothes: Clothes) -> None:
    x, y = centre
    depth = max(2.0, 0.3 * size)
    canvas.paint(
        canvas.ellipse((x - 0.04 * size * facing, y - 0.08 * size), (0.48 * size, 0.54 * size)),
        clothes.helmet or clothes.hair,
        depth=depth,
    )
    face = canvas.ellipse((x + 0.1 * size * facing, y + 0.08 * size), (0.37 * size, 0.43 * size))
    canvas.paint(face, clothes.skin, depth=depth)
    if clothes.helmet:
        canvas.paint(
            canvas.ellipse((x - 0.02 * size * facing, y - 0.24 * size), (0.52 * size, 0.36 * size)),
            clothes.helmet,
            depth=depth,
        )
    else:
        canvas.paint(
            canvas.ellipse((x, y - 0.3 * size), (0.46 * size, 0.3 * size)), clothes.hair, depth=depth
        )
    canvas.paint(
        canvas.ellipse((x + 0.26 * size * facing, y + 0.05 * size), (0.045 * size, 0.06 * size)),
        (30, 24, 22),
        depth=1,
    )


@dataclass(frozen=True)
class Coat:
    """Colours of a dog."""

    body: Colour = (176, 112, 56)
    belly: Colour = (236, 214, 180)
    ears: Colour = (112, 66, 32)
    collar: Colour | None = (190, 36, 36)


# Legs of a dog: knee and paw of each, in units of its height at the shoulder, from the shoulder or the hip.
RUNNING: Mapping[str, Sequence[Point]] = {
    "far_front": ((0.3, 0.3), (0.62, 0.42)),
    "near_front": ((0.36, 0.18), (0.74, 0.24)),
    "far_back": ((-0.3, 0.34), (-0.62, 0.5)),
    "near_back": ((-0.2, 0.4), (-0.52, 0.62)),
}


def dog(
    canvas: Canvas,
    shoulder: Point,
    size: float,
    legs: Mapping[str, Sequence[Point]],
    coat: Coat,
    facing: int = 1,
    tail: Sequence[Point] = ((-0.25, -0.2), (-0.55, -0.42)),
    open_mouth: bool = True,
) -> None:
    """Draw a dog from the side; ``size`` is its height at the shoulder in pixels."""

    def at(x: float, y: float, origin: Point = shoulder) -> Point:
        return origin[0] + facing * x * size, origin[1] + y * size

    depth, hip = 0.1 * size, at(-0.92, 0.02)
    for name in ("far_back", "far_front"):
        _paw(canvas, hip if "back" in name else shoulder, legs[name], size, facing, _darker(coat.body, 0.66))
    canvas.paint(
        canvas.limb([hip, *(at(*joint, hip) for joint in tail)], [0.16 * size, 0.13 * size, 0.07 * size]),
        coat.body,
        depth=0.6 * depth,
        texture=0.07,
    )
    body = [
        at(0.16, -0.22),
        at(-0.3, -0.2),
        at(-0.8, -0.25),
        at(-1.1, -0.1),
        at(-1.08, 0.14),
        at(-0.75, 0.15),
        at(-0.35, 0.26),
        at(0.02, 0.32),
        at(0.24, 0.12),
    ]
    canvas.paint(canvas.polygon(body), coat.body, depth=1.5 * depth, texture=0.09)
    chest = canvas.polygon([at(0.22, 0.0), at(0.05, 0.3), at(-0.4, 0.25), at(-0.05, 0.17)], blur=0.03 * size)
    canvas.paint(chest, coat.belly, depth=depth, texture=0.07)
    for name in ("near_back", "near_front"):
        _paw(canvas, hip if "back" in name else shoulder, legs[name], size, facing, coat.body)
    _dog_head(canvas, shoulder, size, facing, coat, open_mouth=open_mouth)


def _paw(
    canvas: Canvas, joint: Point, leg: Sequence[Point], size: float, facing: int, colour: Colour
) -> None:
    knee, paw = ((joint[0] + facing * x * size, joint[1] + y * size) for x, y in leg)
    canvas.paint(
        canvas.limb([joint, knee, paw], [0.42 * size, 0.2 * size, 0.12 * size]),
        colour,
        depth=0.07 * size,
        texture=0.07,
    )
    toe = paw[0] + facing * 0.08 * size, paw[1] + 0.01 * size
    canvas.paint(
        canvas.limb([paw, toe], [0.13 * size, 0.11 * size]), _lighter(colour, 0.25), depth=0.04 * size
    )


def _dog_head(
    canvas: Canvas, shoulder: Point, size: float, facing: int, coat: Coat, *, open_mouth: bool
) -> None:
    def at(x: float, y: float) -> Point:
        return shoulder[0] + facing * x * size, shoulder[1] + y * size

    depth = 0.07 * size
    canvas.paint(
        canvas.limb([at(0.02, -0.02), at(0.36, -0.42)], [0.46 * size, 0.34 * size]),
        coat.body,
        depth=1.3 * depth,
        texture=0.08,
    )
    if coat.collar:
        canvas.paint(
            canvas.limb([at(0.12, -0.34), at(0.38, -0.2)], [0.07 * size] * 2), coat.collar, depth=0.4 * depth
        )
    if open_mouth:
        canvas.paint(
            canvas.limb([at(0.5, -0.38), at(0.76, -0.33)], [0.16 * size, 0.1 * size]),
            _darker(coat.body, 0.75),
            depth=depth,
        )
        canvas.paint(
            canvas.limb([at(0.6, -0.36), at(0.74, -0.3)], [0.07 * size, 0.09 * size]),
            (226, 110, 120),
            depth=0.5 * depth,
        )
    canvas.paint(
        canvas.limb([at(0.5, -0.48), at(0.84, -0.44)], [0.24 * size, 0.17 * size]), coat.belly, depth=depth
    )
    canvas.paint(
        canvas.ellipse(at(0.44, -0.54), (0.24 * size, 0.21 * size)),
        coat.body,
        depth=1.2 * depth,
        texture=0.07,
    )
    canvas.paint(canvas.ellipse(at(0.9, -0.48), (0.06 * size, 0.05 * size)), (28, 22, 22), depth=0.4 * depth)
    canvas.paint(canvas.ellipse(at(0.55, -0.57), (0.034 * size, 0.04 * size)), (24, 18, 16), depth=1)
    canvas.paint(canvas.ellipse(at(0.56, -0.582), (0.012 * size, 0.012 * size)), (250, 250, 250), depth=1)
    ear = [at(0.3, -0.72), at(0.42, -0.66), at(0.36, -0.38), at(0.22, -0.34), at(0.18, -0.52)]
    canvas.paint(canvas.polygon(ear), coat.ears, depth=depth, texture=0.06)


def _darker(colour: Colour, share: float) -> Colour:
    return tuple(round(channel * share) for channel in colour)  # type: ignore[return-value]


def _lighter(colour: Colour, share: float) -> Colour:
    return tuple(round(channel + (255 - channel) * share) for channel in colour)  # type: ignore[return-value]


def cat(canvas: Canvas, fur: Colour = (150, 150, 154)) -> None:
    """Draw a cat that sits and looks out of the picture, in its middle."""
    tail = [(430, 410), (510, 380), (520, 300), (480, 270)]
    canvas.paint(canvas.limb(tail, [34, 30, 26, 18]), fur, depth=8, texture=0.08)
    body: list[Point] = [(250, 250), (330, 230), (400, 270), (440, 380), (410, 430), (240, 432), (220, 350)]
    canvas.paint(canvas.polygon(body), fur, depth=26, texture=0.09)
    for x in (268.0, 330.0):
        canvas.paint(canvas.limb([(x, 330), (x, 431)], [44, 36]), _lighter(fur, 0.15), depth=10, texture=0.07)
    ears: list[list[Point]] = [[(222, 190), (216, 110), (270, 150)], [(310, 150), (362, 110), (358, 190)]]
    for ear in ears:
        canvas.paint(canvas.polygon(ear, smooth=False), fur, depth=8)
        x, y = (sum(axis) / 3 for axis in zip(*ear, strict=True))
        inner = [(x + 0.55 * (px - x), y + 4 + 0.55 * (py - y)) for px, py in ear]
        canvas.paint(canvas.polygon(inner, smooth=False), (226, 160, 160), depth=4)
    canvas.paint(canvas.ellipse((290, 200), (80, 66)), fur, depth=20, texture=0.08)
    for x in (258.0, 322.0):
        canvas.paint(canvas.ellipse((x, 194), (16, 15)), (196, 206, 90), depth=3)
        canvas.paint(canvas.ellipse((x, 194), (5, 13)), (20, 20, 20), depth=1)
        canvas.paint(canvas.ellipse((x - 4, 188), (3, 3)), (255, 255, 255), depth=1)
    canvas.paint(canvas.ellipse((290, 232), (30, 20)), (226, 222, 220), depth=6)
    canvas.paint(canvas.ellipse((290, 220), (8, 6)), (220, 120, 130), depth=2)
    for side in (-1, 1):
        for tip in (214, 228, 242):
            canvas.lines([(290 + side * 18, 230), (290 + side * 92, tip)], 1.4, (250, 250, 250))
