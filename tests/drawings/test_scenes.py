"""The files can be drawn anew."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from captioner.drawings import scenes
from captioner.drawings.collection import BY_NAME, DRAWINGS

NAME = "hiker.webp"
MAX_DIFFERENCE = 6  # of 255, on average: what the WebP file loses


def test_every_drawing_has_its_scene() -> None:
    assert [f"{name}.webp" for name in scenes.SCENES] == [drawing.name for drawing in DRAWINGS]


def test_a_scene_gives_the_committed_drawing() -> None:
    drawn = np.asarray(scenes.draw(Path(NAME).stem), float)
    with Image.open(io.BytesIO(BY_NAME[NAME].read())) as image:
        assert np.abs(drawn - np.asarray(image.convert("RGB"), float)).mean() < MAX_DIFFERENCE
