"""A picture on disk, in memory or uploaded → uint8[H, W, 3], then the square that the encoder expects."""

from __future__ import annotations

import io
import threading
import warnings
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, UnidentifiedImageError

from captioner.errors import ImageError

FORMATS = ("JPEG", "PNG", "WEBP")
SUFFIXES = ("jpg", "jpeg", "png", "webp")
MAX_BYTES = 30_000_000
MAX_PIXELS = 50_000_000  # of a baseline JPEG: decoded at a fraction of its size, it takes 25 MB at its peak
MAX_DECODED = 12_500_000  # of all else, and a phone's 4032 × 3024: up to 230 MB; a free container has 700 MB
MIN_SIDE = 8  # pixels; below this there is nothing to see
SIDE = 1000  # pixels; what is larger is made smaller at once

Source = str | Path | bytes | BinaryIO

# One picture at a time, whoever it is from: two peaks together would not fit.
_DECODING = threading.Lock()

# Once, as ``warnings.catch_warnings`` inside ``read`` would let threads undo each other's filters.
warnings.simplefilter("error", Image.DecompressionBombWarning)

# EXIF orientation → how to turn the picture upright. ``ImageOps.exif_transpose`` would write the EXIF block
# anew, and fails where another tag in it is odd.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def read(source: Source) -> NDArray[np.uint8]:
    """Decode a JPEG, PNG or WebP, upright and opaque.

    The EXIF orientation is applied, transparency laid over white, an animation's first frame taken.

    Returns:
        uint8[H, W, 3], neither side above ``SIDE``.

    Raises:
        ImageError: unreadable, truncated, of another format, or beyond ``MAX_BYTES``, ``MAX_PIXELS`` or,
            unless it is a baseline JPEG, ``MAX_DECODED``.
    """
    name = str(source) if isinstance(source, str | Path) else "the picture"
    data = _bytes(source, name)
    try:
        with _DECODING, Image.open(io.BytesIO(data), formats=FORMATS) as image:
            _check_size(image, name, MAX_PIXELS)
            # libjpeg holds the whole of a progressive JPEG, at whatever size it is decoded.
            if image.format in ("PNG", "WEBP") or "progressive" in image.info:
                _check_size(image, name, MAX_DECODED, " or save it as an ordinary (baseline) JPEG")
            # A JPEG twice as large as that is decoded at a half or less, many times faster.
            image.draft("RGB", (SIDE, SIDE))
            _check_size(image, name, MAX_DECODED)  # a long and narrow JPEG stays as it is
            image.load()  # at that size: ``thumbnail`` would ask for another
            turn = _UPRIGHT.get(image.getexif().get(ExifTags.Base.Orientation, 1))
            opaque = _opaque(image)
            return np.asarray(opaque if turn is None else opaque.transpose(turn))
    except UnidentifiedImageError as error:
        raise ImageError(
            f"{name} is not a JPEG, PNG or WebP picture. Save it as one of these and try again."
        ) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError(
            f"{name} has more than {MAX_PIXELS // 10**6} megapixels. Make it smaller and try again."
        ) from error
    except (OSError, ValueError, SyntaxError, IndexError, TypeError) as error:  # what Pillow raises on damage
        raise ImageError(f"{name} is damaged or cut short ({error}). Try another copy of it.") from error


def square(image: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Squash uint8[H, W, 3] to uint8[size, size, 3], bicubic, uncropped, as the training pictures are."""
    if image.shape[:2] == (size, size):
        return image
    return np.asarray(Image.fromarray(image).resize((size, size), Image.Resampling.BICUBIC))


def _bytes(source: Source, name: str) -> bytes:
    try:
        if isinstance(source, str | Path):
            with Path(source).open("rb") as file:
                data = file.read(MAX_BYTES + 1)
        else:
            data = source if isinstance(source, bytes) else source.read(MAX_BYTES + 1)
    except OSError as error:
        raise ImageError(f"{name} cannot be opened ({error.strerror or error}). Check the path.") from error
    if not data:
        raise ImageError(f"{name} is empty. Try another copy of it.")
    if len(data) > MAX_BYTES:
        raise ImageError(f"{name} is over {MAX_BYTES // 10**6} MB. Make it smaller and try again.")
    return data


def _check_size(image: Image.Image, name: str, most: int, remedy: str = "") -> None:
    width, height = image.size
    if width * height > most:
        raise ImageError(
            f"{name} has more than {most // 10**6} megapixels. Make it smaller{remedy} and try again."
        )
    if min(width, height) < MIN_SIDE:
        raise ImageError(
            f"{name} measures {width} × {height} pixels; at least {MIN_SIDE} × {MIN_SIDE} are needed."
        )


def _opaque(image: Image.Image) -> Image.Image:
    """RGB over white, at most ``SIDE`` wide and high; 16-bit greys are scaled, not clipped."""
    if image.mode.startswith("I"):
        image = Image.fromarray((np.asarray(image, np.float32) / 257).astype(np.uint8))
    mode = "RGBA" if image.has_transparency_data else "RGB"
    if image.mode != mode:
        image = image.convert(mode)
    image.thumbnail((SIDE, SIDE))  # only now: a palette cannot be averaged
    if mode == "RGB":
        return image
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
