"""A picture on disk, in memory or uploaded → uint8[H, W, 3], then the square that the encoder expects.

    file ──identify──> check_header ──> Pillow opens ──> check_opened ──> decode ──> turn upright ──> RGB

An AVIF is decoded in a child process (``python -m captioner.images``) with little memory.
"""

from __future__ import annotations

import io
import logging
import struct
import sys
import warnings
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

from captioner import child_process, image_headers, image_limits
from captioner.child_process import EXIT_REJECTED
from captioner.errors import ImageError
from captioner.fair_lock import FairLock
from captioner.image_headers import MAX_EXIF, READABLE_FORMATS
from captioner.image_limits import pillow_errors, unsupported

MAX_BYTES = 30_000_000
MAX_SIDE = 1000  # pixels; what is larger is made smaller at once
CHILD_MEMORY = 260_000_000  # bytes that the process for an AVIF may write to; it starts with 30 MB
CHILD_TIMEOUT = 60  # seconds

File: TypeAlias = str | Path | bytes | BinaryIO
Source: TypeAlias = File | Image.Image
Pixels: TypeAlias = NDArray[np.uint8]  # [H, W, 3]

# One picture at a time, for all visitors: two peaks of memory together would not fit.
_DECODING = FairLock()

# Once, as ``warnings.catch_warnings`` inside ``read`` would let threads undo each other's filters.
warnings.simplefilter("error", Image.DecompressionBombWarning)

# At DEBUG, Pillow logs what a camera or a person wrote into a file: names, places, comments.
logging.getLogger("PIL").setLevel(logging.INFO)

# EXIF orientation → the transpose that turns the picture upright. ``ImageOps.exif_transpose`` would rewrite
# the EXIF block, and fails on an invalid tag elsewhere in it.
_TRANSPOSE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def read(source: Source) -> NDArray[np.uint8]:
    """Decode a picture, upright and opaque.

    The orientation is applied, transparency laid over white, the first frame of an animation and the first
    page of a TIFF taken.

    Args:
        source: the path, the bytes or an open file in one of ``READABLE_FORMATS``, or a Pillow image.

    Returns:
        uint8[H, W, 3], neither side above ``MAX_SIDE``.

    Raises:
        ImageError: unreadable, truncated, of another format, or beyond ``MAX_BYTES`` or ``image_limits``.
    """
    if isinstance(source, Image.Image):
        return _from_pillow(source, "the picture")
    name = str(source) if isinstance(source, str | Path) else "this file"
    data = _bytes(source, name)
    format = image_headers.identify(data)
    if format is None:
        raise ImageError(
            f"{name} cannot be read as a picture. {READABLE_FORMATS} files can: save it as one of these and "
            "try again."
        )
    if format == "AVIF":
        return _decode_in_child(data, name)
    return _decode_here(data, format, name)


def square(image: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Squash uint8[H, W, 3] to uint8[size, size, 3], bicubic, uncropped, as the training pictures are."""
    if image.shape[:2] == (size, size):
        return image
    return np.asarray(Image.fromarray(image).resize((size, size), Image.Resampling.BICUBIC))


def _bytes(source: File, name: str) -> bytes:
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


def _from_pillow(image: Image.Image, name: str) -> NDArray[np.uint8]:
    image_limits.check_opened(image, name, image_limits.MAX_PIXELS)
    with pillow_errors(name):
        copy = image.copy()  # the caller's stays as it is
    copy.format = image.format
    return _to_array(copy, name)


def _decode_here(data: bytes, format: str, name: str) -> NDArray[np.uint8]:
    max_pixels = image_limits.check_header(data, format, name)
    with _DECODING, pillow_errors(name):
        if format == "HEIF":
            _register_heif()
        image = Image.open(io.BytesIO(data), formats=(format,))
    with _DECODING, image:
        image_limits.check_opened(image, name, max_pixels)
        with pillow_errors(name):
            # A JPEG twice as large as that is decoded at a half or less, many times faster.
            image.draft("RGB", (MAX_SIDE, MAX_SIDE))
        if format == "JPEG":
            image_limits.check_size(image, name, image_limits.MAX_DECODED)  # a narrow one stays as it is
        with pillow_errors(name):
            image.load()  # at that size: ``thumbnail`` would ask for another
        return _to_array(image, name)


def _register_heif() -> None:
    import pillow_heif  # late: it takes time and memory, and few pictures need it

    pillow_heif.register_heif_opener(decode_threads=1, thumbnails=False, depth_images=False, aux_images=False)


def _to_array(image: Image.Image, name: str) -> NDArray[np.uint8]:
    """A decoded picture as uint8[H, W, 3], upright, over white."""
    transpose = _orientation(image, name)
    opaque = _opaque(image, name)
    return np.asarray(opaque if transpose is None else opaque.transpose(transpose))


def _orientation(image: Image.Image, name: str) -> Image.Transpose | None:
    """How to turn it upright; a TIFF and a HEIC already are, once they are loaded."""
    if image.format in ("TIFF", "HEIF") or len(image.info.get("exif", b"")) > MAX_EXIF:
        return None
    with pillow_errors(name):
        return _TRANSPOSE.get(image.getexif().get(ExifTags.Base.Orientation, 1))


def _opaque(image: Image.Image, name: str) -> Image.Image:
    """RGB over white, at most ``MAX_SIDE`` wide and high; 16-bit greys are scaled, not clipped."""
    if image.mode.startswith("I"):
        image = Image.fromarray((np.asarray(image, np.float32) / 257).astype(np.uint8))
    mode = "RGBA" if image.has_transparency_data else "RGB"
    if image.mode != mode:
        with pillow_errors(name):
            image = image.convert(mode)
    image.thumbnail((MAX_SIDE, MAX_SIDE))  # only now: a palette cannot be averaged
    if mode == "RGB":
        return image
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


def _decode_in_child(data: bytes, name: str) -> NDArray[np.uint8]:
    """Decode an AVIF in a child process with little memory: its frames may be larger than its header says,
    and dav1d decodes them at that size."""
    from subprocess import TimeoutExpired  # late, as few pictures need it

    try:
        with _DECODING:
            child = child_process.run("captioner.images", name, timeout=CHILD_TIMEOUT, stdin=data)
    except TimeoutExpired as error:
        raise unsupported(name, "an AVIF that takes too long") from error
    if child.returncode == EXIT_REJECTED:
        raise ImageError(child.stdout.decode())
    if child.returncode < 0 or b"MemoryError" in child.stderr:
        raise unsupported(name, "an AVIF that takes too much memory")
    if child.returncode:
        raise RuntimeError(child.stderr.decode(errors="replace"))
    height, width = struct.unpack("<II", child.stdout[:8])
    return np.frombuffer(child.stdout, np.uint8, offset=8).reshape(height, width, 3)


def _child_main(name: str) -> int:
    """Decode an AVIF from standard input: height and width as two uint32, then the pixels."""
    with suppress(ImportError, ValueError, OSError):  # not on Windows
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (CHILD_MEMORY, CHILD_MEMORY))
    try:
        pixels = _decode_here(sys.stdin.buffer.read(), "AVIF", name)
    except ImageError as error:
        sys.stdout.buffer.write(str(error).encode())
        return EXIT_REJECTED
    sys.stdout.buffer.write(struct.pack("<II", *pixels.shape[:2]) + pixels.tobytes())
    return 0


if __name__ == "__main__":
    sys.exit(_child_main(sys.argv[1]))
