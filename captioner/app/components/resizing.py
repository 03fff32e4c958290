"""Images for display, scaled down or cropped."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageOps

from captioner.images import Pixels


def scaled_down(image: Pixels, side: int) -> Pixels:
    """Scale uint8[H, W, 3] down to at most ``side`` pixels wide and high, in proportion."""
    small = Image.fromarray(image)
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
    return np.asarray(small)


def thumbnail(image: Pixels, size: tuple[int, int] = (320, 240)) -> Pixels:
    """Crop uint8[H, W, 3] around the centre to ``size``, (width, height) in pixels."""
    return np.asarray(ImageOps.fit(Image.fromarray(image), size, Image.Resampling.LANCZOS))
