"""Twelve scenes, drawn from scratch. ``python -m captioner.drawings.scenes`` draws the files anew.

Each function paints one on an empty canvas; what it shows is described in ``collection``.
"""

from __future__ import annotations

import sys
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from captioner.drawings.backgrounds import blades, meadow, mountains, rock, sky, snow, water
from captioner.drawings.canvas import Canvas, Point
from captioner.drawings.collection import DRAWINGS, FOLDER
from captioner.drawings.figures import RUNNING, Clothes, Coat, Pose, cat, dog, person
from captioner.drawings.objects import METAL, bicycle, football, slide, sofa, splash

QUALITY = 60  # of the WebP files, which a test keeps below 25 kB each

BLACK_DOG = Coat((44, 42, 46), (64, 62, 66), (28, 26, 30), (60, 110, 190))
WINTER = Clothes((226, 60, 40), (30, 60, 120), bare_arms=False, helmet=(30, 30, 36))


def dog_with_ball(canvas: Canvas) -> None:
    meadow(canvas)
    canvas.shadow((300, 372), (170, 20))
    dog(canvas, (370, 270), 150, RUNNING, Coat())
    canvas.paint(canvas.ellipse((496, 222), (17, 17)), (236, 216, 60), depth=7)
    blades(canvas, 360)


def two_dogs(canvas: Canvas) -> None:
    meadow(canvas, 150)
    for middle, row in ((170, 352), (440, 394)):
        canvas.shadow((middle, row), (120, 16))
    dog(canvas, (210, 272), 112, RUNNING, BLACK_DOG, open_mouth=False)
    dog(canvas, (500, 306), 122, RUNNING, Coat(), open_mouth=False)
    blades(canvas, 376)


def surfer(canvas: Canvas) -> None:
    sky(canvas, 120, 0.3)
    water(canvas, 100, 480, (22, 92, 128), (70, 140, 170))
    crest: list[Point] = [(-40, 330), (60, 188), (190, 106), (330, 86), (470, 115), (700, 185)]
    wave = canvas.polygon([*crest, (700, 420), (300, 470), (-40, 500)])
    canvas.wash([(90, (120, 196, 200)), (230, (30, 122, 148)), (480, (14, 78, 112))], wave)
    canvas.tint(0.2 * canvas.noise(40, 160, 5), wave)
    inner: list[Point] = [(700, 215), (470, 145), (330, 120), (200, 150), (80, 250), (-20, 400)]
    lip = canvas.polygon([*crest, *inner], blur=5)
    canvas.blend((246, 250, 252), lip * np.clip(0.8 + 0.6 * canvas.noise(26, 18, 5), 0, 1))
    foam = canvas.below(400, 26, 20) * np.clip(0.5 + 0.8 * canvas.noise(60, 16, 5), 0, 1)
    canvas.blend((240, 248, 250), foam)
    board: list[Point] = [(210, 352), (300, 366), (420, 352), (462, 330), (400, 340), (300, 350)]
    canvas.paint(canvas.polygon(board), (250, 244, 220), depth=3)
    splash(canvas, (220, 362), (80, 26), 160)
    pose = Pose(
        shoulder=(0.9, -1.9),
        head=(1.3, -2.95),
        near_arm=((2.1, -2.0), (2.9, -2.6)),
        far_arm=((-0.2, -2.5), (-1.2, -2.7)),
        near_leg=((1.1, 0.7), (1.5, 2.0)),
        far_leg=((-0.9, 0.9), (-1.3, 2.3)),
    )
    suit = Clothes((30, 34, 44), (30, 34, 44), (214, 164, 130), bare_arms=False)
    person(canvas, (310, 280), 30, pose, suit)


def football_player(canvas: Canvas) -> None:
    meadow(canvas, 140)
    canvas.shadow((320, 436), (80, 12))
    canvas.shadow((458, 440), (26, 6))
    pose = Pose(
        shoulder=(-0.1, -2.4),
        head=(0.15, -3.4),
        near_arm=((-1.0, -1.5), (-1.7, -0.9)),
        far_arm=((0.9, -1.7), (1.6, -1.2)),
        near_leg=((1.2, 1.2), (2.3, 2.6)),
        far_leg=((-0.3, 1.8), (-0.7, 3.5)),
    )
    shirt = Clothes((206, 40, 36), (244, 244, 244), (30, 30, 34), bare_legs=True)
    person(canvas, (310, 290), 42, pose, shirt)
    football(canvas, (455, 420), 20)
    blades(canvas, 425, 900)


def climber(canvas: Canvas) -> None:
    sky(canvas, 480)
    edge: list[Point] = [(160, -20), (220, 60), (190, 150), (250, 240), (220, 340), (260, 500)]
    rock(canvas, canvas.polygon([*edge, (700, 520), (700, -40)], smooth=False))
    canvas.paint(canvas.limb([(352, -10), (340, 230)], [4, 4]), (220, 60, 50), depth=1)
    pose = Pose(
        shoulder=(0.1, -2.3),
        head=(0.2, -3.3),
        near_arm=((1.1, -2.9), (1.2, -4.1)),
        far_arm=((-0.8, -2.9), (-0.9, -3.9)),
        near_leg=((1.2, 0.6), (1.0, 2.0)),
        far_leg=((-0.9, 1.0), (-0.8, 2.6)),
    )
    person(canvas, (330, 270), 38, pose, Clothes((206, 44, 40), (50, 60, 90), helmet=(236, 190, 40)))


def skier(canvas: Canvas) -> None:
    sky(canvas, 260, 0.2)
    mountains(canvas, [(0, 170), (100, 90), (180, 150), (300, 40), (420, 140), (520, 80), (640, 160)])
    slope = canvas.polygon([(-20, 190), (200, 230), (420, 320), (680, 400), (680, 520), (-20, 520)])
    canvas.wash([(180, (240, 246, 252)), (480, (210, 226, 246))], slope)
    canvas.tint(0.05 * canvas.noise(160, 40, 5), slope)
    canvas.tint(-0.25 * canvas.ellipse((300, 400), (120, 10), 16, blur=4))
    for right, down in ((0, 0), (14, 12)):
        ski = [(210 + right, 345 + down), (390 + right, 397 + down), (408 + right, 392 + down)]
        canvas.paint(canvas.limb(ski, [7, 7, 5]), (220, 50, 40), depth=2)
    pose = Pose(
        shoulder=(0.8, -1.9),
        head=(1.2, -2.9),
        near_arm=((1.6, -1.0), (2.3, -0.9)),
        far_arm=((0.0, -1.2), (0.9, -0.6)),
        near_leg=((1.0, 0.9), (0.5, 2.4)),
        far_leg=((0.7, 0.7), (0.1, 2.1)),
    )
    canvas.paint(canvas.limb([(376, 252), (330, 390)], [4, 3]), (50, 50, 60), depth=1)
    person(canvas, (290, 290), 36, pose, WINTER)
    splash(canvas, (220, 360), (70, 22), 200)


def cyclist(canvas: Canvas) -> None:
    meadow(canvas, 200)
    path = canvas.polygon([(-20, 400), (640, 370), (700, 480), (-20, 500)], blur=5)
    canvas.wash([(380, (176, 148, 108)), (480, (150, 120, 84))], path)
    canvas.tint(0.12 * canvas.noise(30, 10, 5), path)
    canvas.shadow((330, 432), (150, 10))
    bicycle(canvas, (230, 380), (430, 380), 52)
    pose = Pose(
        shoulder=(1.3, -1.8),
        head=(1.9, -2.75),
        near_arm=((1.9, -0.7), (2.85, -0.3)),
        far_arm=((2.0, -0.8), (2.9, -0.3)),
        near_leg=((1.15, 1.1), (0.75, 2.6)),
        far_leg=((1.2, 0.4), (0.9, 1.8)),
    )
    jersey = Clothes((30, 110, 190), (34, 34, 40), (230, 230, 230), bare_legs=True, helmet=(220, 40, 36))
    person(canvas, (288, 270), 40, pose, jersey)


def child_on_swing(canvas: Canvas) -> None:
    meadow(canvas, 190)
    for post in ([(120, -10), (60, 460)], [(560, -10), (600, 450)]):
        canvas.paint(canvas.limb(post, [12, 14]), (134, 112, 88), depth=4)
    canvas.shadow((330, 440), (90, 12))
    pose = Pose(
        shoulder=(-0.5, -2.2),
        head=(-0.5, -3.2),
        near_arm=((0.3, -1.8), (0.35, -2.9)),
        far_arm=((-0.2, -2.2), (0.0, -3.0)),
        near_leg=((1.5, 0.1), (2.5, 0.9)),
        far_leg=((1.4, 0.2), (2.3, 1.1)),
    )
    canvas.paint(canvas.limb([(300, -10), (286, 330)], [4, 4]), METAL, depth=1)
    canvas.paint(canvas.limb([(240, 330), (350, 326)], [14, 14]), (40, 60, 110), depth=3)
    girl = Clothes((236, 120, 160), (60, 90, 160), (240, 240, 240), hair=(120, 76, 40))
    canvas.paint(canvas.limb([(266, 150), (252, 214)], [34, 22]), girl.hair, depth=6, texture=0.06)
    person(canvas, (300, 310), 46, pose, girl)
    canvas.paint(canvas.limb([(330, -10), (316, 326)], [4, 4]), METAL, depth=1)


def swimmer(canvas: Canvas) -> None:
    canvas.wash([(0, (150, 190, 120)), (120, (120, 160, 90))])
    canvas.tint(0.3 * canvas.noise(30, 24, 5))
    canvas.soften(4, 1 - canvas.below(150))
    deck = canvas.below(120)
    canvas.wash([(120, (226, 216, 200)), (190, (210, 200, 184))], deck)
    canvas.tint(0.04 * canvas.noise(40, 8, 4), deck)
    water(canvas, 185, 510, (30, 140, 190), (90, 196, 220))
    canvas.tint(-0.3 * canvas.ellipse((330, 400), (80, 16), blur=10))
    pose = Pose(
        shoulder=(0.2, -2.2),
        head=(0.4, -3.2),
        near_arm=((1.2, -2.7), (1.7, -3.7)),
        far_arm=((-0.8, -2.8), (-1.2, -3.8)),
        near_leg=((1.0, 0.7), (0.5, 2.1)),
        far_leg=((-0.6, 1.0), (-1.2, 2.0)),
    )
    skin = (224, 172, 138)
    person(canvas, (320, 240), 44, pose, Clothes(skin, (220, 70, 40), skin, bare_legs=True))
    splash(canvas, (330, 420), (110, 36), 300)


def hiker(canvas: Canvas) -> None:
    sky(canvas, 300)
    mountains(canvas, [(0, 200), (110, 110), (200, 180), (330, 60), (450, 170), (560, 100), (640, 180)])
    snow(canvas, 330, 16)
    canvas.tint(-0.25 * canvas.ellipse((330, 436), (70, 8), blur=4))
    pose = Pose(
        shoulder=(0.2, -2.4),
        head=(0.4, -3.4),
        near_arm=((0.9, -1.5), (1.5, -0.9)),
        far_arm=((-0.4, -1.4), (0.3, -0.8)),
        near_leg=((0.6, 1.6), (0.4, 3.3)),
        far_leg=((-0.3, 1.6), (-1.0, 3.1)),
    )
    backpack = canvas.polygon([(262, 226), (300, 214), (304, 300), (262, 306)])
    canvas.paint(backpack, (40, 110, 70), depth=6)
    canvas.paint(canvas.limb([(358, 272), (370, 436)], [4, 3]), (60, 60, 66), depth=1)
    coat = Clothes((232, 184, 40), (46, 50, 66), bare_arms=False, hair=(40, 60, 130))
    person(canvas, (302, 306), 37, pose, coat)


def child_on_slide(canvas: Canvas) -> None:
    meadow(canvas, 170)
    chute = slide(canvas)
    pose = Pose(
        shoulder=(-0.5, -2.1),
        head=(-0.3, -3.1),
        near_arm=((0.4, -2.6), (1.0, -3.4)),
        far_arm=((-1.2, -2.6), (-1.6, -3.4)),
        near_leg=((1.2, 0.5), (2.4, 1.5)),
        far_leg=((1.3, 0.3), (2.6, 1.2)),
    )
    person(canvas, (330, 250), 40, pose, Clothes((40, 120, 200), (70, 70, 90), (240, 240, 240)))
    edge = canvas.limb([(x - 16, y + 34) for x, y in chute[1:]], [12] * 4)
    canvas.paint(edge, (186, 30, 30), depth=4)


def cat_on_sofa(canvas: Canvas) -> None:
    sofa(canvas)
    cat(canvas)


SCENES = {
    "surfer": surfer,
    "football-player": football_player,
    "two-dogs": two_dogs,
    "skier": skier,
    "dog-with-ball": dog_with_ball,
    "climber": climber,
    "cyclist": cyclist,
    "swimmer": swimmer,
    "child-on-swing": child_on_swing,
    "hiker": hiker,
    "cat-on-sofa": cat_on_sofa,
    "child-on-slide": child_on_slide,
}


def draw(name: str) -> Image.Image:
    """The drawing of that name: always the same, 640 × 480 pixels."""
    canvas = Canvas(zlib.crc32(name.encode()))
    SCENES[name](canvas)
    return canvas.finish()


def main(folder: Path = FOLDER) -> int:
    """Draw all files anew."""
    for drawing in DRAWINGS:
        draw(Path(drawing.name).stem).save(folder / drawing.name, "WEBP", quality=QUALITY, method=6)
        print(f"{drawing.name}: {drawing.shows}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
