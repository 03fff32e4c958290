"""Small picture files of every format."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pillow_heif
from PIL import Image

HEIGHT, WIDTH = 24, 36
UPRIGHT = np.kron(
    np.random.default_rng(0).integers(0, 256, (HEIGHT // 12, WIDTH // 12, 3), dtype=np.uint8),
    np.ones((12, 12, 1), np.uint8),
)
pillow_heif.register_heif_opener()  # here it writes, too


def encoded(image: Image.Image, format: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


FILES = {
    "jpeg": encoded(Image.fromarray(UPRIGHT), "JPEG"),
    "progressive": encoded(Image.fromarray(UPRIGHT), "JPEG", progressive=True),
    "png": encoded(Image.fromarray(UPRIGHT)),
    "palette": encoded(Image.fromarray(UPRIGHT).convert("P"), transparency=1),
    "webp": encoded(Image.fromarray(UPRIGHT), "WEBP"),
    "lossless": encoded(Image.fromarray(UPRIGHT), "WEBP", lossless=True),
    "heic": encoded(Image.fromarray(UPRIGHT), "HEIF"),
    "avif": encoded(Image.fromarray(UPRIGHT), "AVIF", speed=10),
    "gif": encoded(Image.fromarray(UPRIGHT), "GIF"),
    "tiff": encoded(Image.fromarray(UPRIGHT), "TIFF"),
    "lzw": encoded(Image.fromarray(UPRIGHT), "TIFF", compression="tiff_lzw"),
    "bmp": encoded(Image.fromarray(UPRIGHT), "BMP"),
}


def jpeg_of_scans(count: int) -> bytes:
    """A progressive JPEG whose last scan comes again and again."""
    data = FILES["progressive"]
    last = data.rindex(b"\xff\xda")
    return data[:-2] + data[last:-2] * (count - data.count(b"\xff\xda")) + data[-2:]
