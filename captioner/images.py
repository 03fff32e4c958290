"""A picture on disk, in memory or uploaded → uint8[H, W, 3], then the square that the encoder expects."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, UnidentifiedImageError

from captioner import image_headers
from captioner.child_process import ROOT
from captioner.errors import ImageError
from captioner.fair_lock import FairLock
from captioner.image_headers import MAX_EXIF, MAX_SCANS, MAX_SEGMENTS, MAX_VALUES, READ

MAX_BYTES = 30_000_000
MAX_PIXELS = 50_000_000  # of a baseline JPEG: decoded at a fraction of its size, it takes 25 MB at its peak
MAX_DECODED = 12_500_000  # of all else, and a phone's 4032 × 3024: up to 230 MB; a free container has 700 MB
MAX_LAYERED = 8_000_000  # of a WebP, HEIC, AVIF or TIFF with transparency or four inks: up to 220 MB
MAX_WEBP = 10_000_000  # without either: Pillow holds two canvases of an animation, also of what is none
CHILD_MEMORY = 260_000_000  # bytes that the process for an AVIF may write to; it starts with 30 MB
CHILD_SECONDS = 60
REFUSED = 2  # its exit code when the file is at fault, told on standard output
MIN_SIDE = 8  # pixels; below this there is nothing to see
SIDE = 1000  # pixels; what is larger is made smaller at once

# Of a TIFF, as Pillow names them. A JPEG in a TIFF could have any number of scans.
TIFF_COMPRESSIONS = ("raw", "packbits", "tiff_lzw", "tiff_deflate", "tiff_adobe_deflate")

Source = str | Path | bytes | BinaryIO

# One picture at a time, whoever it is from: two peaks together would not fit.
_DECODING = FairLock()

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
    """Decode a picture of one of the formats ``READ``, upright and opaque.

    The orientation is applied, transparency laid over white, the first frame of an animation and the first
    page of a TIFF taken.

    Returns:
        uint8[H, W, 3], neither side above ``SIDE``.

    Raises:
        ImageError: unreadable, truncated, of another format, or beyond ``MAX_BYTES``, ``MAX_PIXELS`` or,
            unless it is a baseline JPEG, ``MAX_DECODED``.
    """
    name = str(source) if isinstance(source, str | Path) else "the picture"
    data = _bytes(source, name)
    format = image_headers.identify(data)
    if format is None:
        raise ImageError(
            f"{name} is not a picture that can be read here. {READ} files can: save it as one of these and "
            "try again."
        )
    if format == "AVIF":
        return _apart(data, name)
    return _read(data, format, name)


def _read(data: bytes, format: str, name: str) -> NDArray[np.uint8]:
    most = _check_header(data, format, name)
    with _DECODING, _blamed(name):
        if format == "HEIF":
            _register_heif()
        image = Image.open(io.BytesIO(data), formats=(format,))
    with _DECODING, image:
        return _decoded(image, name, most)


def _apart(data: bytes, name: str) -> NDArray[np.uint8]:
    """An AVIF, decoded in a process of its own with little memory: its frames may have another size than its
    head claims, and dav1d decodes them at that."""
    command = [sys.executable, "-X", "utf8", "-m", "captioner.images", name]
    calm = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    try:
        with _DECODING:
            ended = subprocess.run(
                command,
                input=data,
                capture_output=True,
                check=False,
                timeout=CHILD_SECONDS,
                cwd=ROOT,
                env=calm,
            )
    except subprocess.TimeoutExpired as error:
        raise _rare(name, "an AVIF that takes too long") from error
    if ended.returncode == REFUSED:
        raise ImageError(ended.stdout.decode())
    if ended.returncode < 0 or b"MemoryError" in ended.stderr:
        raise _rare(name, "an AVIF that takes too much memory")
    if ended.returncode:
        raise RuntimeError(ended.stderr.decode(errors="replace"))
    height, width = struct.unpack("<II", ended.stdout[:8])
    return np.frombuffer(ended.stdout, np.uint8, offset=8).reshape(height, width, 3)


def _child(name: str) -> int:
    """Decode an AVIF from standard input: height and width as two uint32, then the pixels."""
    with suppress(ImportError, ValueError, OSError):  # not on Windows
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (CHILD_MEMORY, CHILD_MEMORY))
    try:
        found = _read(sys.stdin.buffer.read(), "AVIF", name)
    except ImageError as error:
        sys.stdout.buffer.write(str(error).encode())
        return REFUSED
    sys.stdout.buffer.write(struct.pack("<II", *found.shape[:2]) + found.tobytes())
    return 0


def _check_header(data: bytes, format: str, name: str) -> int:
    """The most pixels it may have; an ``ImageError`` for what would exhaust memory or time on opening it."""
    if format == "JPEG":
        jpeg = image_headers.jpeg(data)
        if jpeg.scans > MAX_SCANS:
            raise _rare(name, f"a JPEG in more than {MAX_SCANS} scans")
        if jpeg.segments > MAX_SEGMENTS:
            raise _rare(name, f"a JPEG in more than {MAX_SEGMENTS} segments")
        if jpeg.exif > MAX_EXIF:
            raise _rare(name, "a JPEG with over 1 MB of EXIF")
        return MAX_DECODED if jpeg.whole else MAX_PIXELS
    if format == "PNG" and image_headers.png_chunks(data) > MAX_SEGMENTS:
        raise _rare(name, f"a PNG in more than {MAX_SEGMENTS} chunks")
    if format == "GIF" and image_headers.gif_blocks(data) > MAX_SEGMENTS:
        raise _rare(name, f"a GIF with more than {MAX_SEGMENTS} blocks before its picture")
    if format == "TIFF" and image_headers.tiff_values(data) > MAX_VALUES:
        raise _rare(name, f"a TIFF in more than {MAX_VALUES} strips")
    return MAX_DECODED


def _decoded(image: Image.Image, name: str, most: int) -> NDArray[np.uint8]:
    if most < MAX_PIXELS:
        _check_size(image, name, MAX_PIXELS)
    remedy = "" if most == MAX_PIXELS else " or save it as an ordinary (baseline) JPEG"
    _check_size(image, name, min(most, _most(image)), remedy)
    _check_kind(image, name)
    with _blamed(name):
        # A JPEG twice as large as that is decoded at a half or less, many times faster.
        image.draft("RGB", (SIDE, SIDE))
    _check_size(image, name, MAX_DECODED)  # a long and narrow JPEG stays as it is
    with _blamed(name):
        image.load()  # at that size: ``thumbnail`` would ask for another
    turn = _turn(image, name)
    opaque = _opaque(image, name)
    return np.asarray(opaque if turn is None else opaque.transpose(turn))


def _most(image: Image.Image) -> int:
    """Pixels that are decoded in the memory there is, by what was measured of each format."""
    if image.format not in ("WEBP", "HEIF", "AVIF", "TIFF"):
        return MAX_PIXELS
    if len(image.getbands()) > 3 or image.has_transparency_data:
        return MAX_LAYERED
    return MAX_WEBP if image.format == "WEBP" else MAX_DECODED


def _check_kind(image: Image.Image, name: str) -> None:
    """Refuse what takes a decoder minutes or any amount of memory, or has no agreed brightness."""
    compression = image.info.get("compression")
    if image.format == "BMP" and compression not in (0, 3):  # run lengths, which Pillow decodes in Python
        raise _rare(name, "a compressed BMP")
    if image.format == "TIFF":
        if compression not in TIFF_COMPRESSIONS:
            raise _rare(name, f"a TIFF with {compression} compression")
        with _blamed(name):
            tags = image.getexif()
            tile = tags.get(ExifTags.Base.TileWidth, 1) * tags.get(ExifTags.Base.TileLength, 1)
        if not isinstance(tile, int) or tile > MAX_DECODED:
            raise _rare(name, "a TIFF in huge tiles")
    if image.mode in ("I", "F"):
        raise _rare(name, "a picture with 32 bits a value")


def _turn(image: Image.Image, name: str) -> Image.Transpose | None:
    """How to turn it upright; a TIFF and a HEIC already are, once they are loaded."""
    if image.format in ("TIFF", "HEIF") or len(image.info.get("exif", b"")) > MAX_EXIF:
        return None
    with _blamed(name):
        return _UPRIGHT.get(image.getexif().get(ExifTags.Base.Orientation, 1))


def _register_heif() -> None:
    import pillow_heif  # late: it takes time and memory, and few pictures need it

    pillow_heif.register_heif_opener(decode_threads=1, thumbnails=False, depth_images=False, aux_images=False)


@contextmanager
def _blamed(name: str) -> Iterator[None]:
    """Whatever Pillow raises on a file is that file's fault, and Pillow raises nearly everything.

    Only Pillow's own calls belong inside: what our code raises is a bug.
    """
    try:
        yield
    except MemoryError:
        raise
    except UnidentifiedImageError as error:
        raise ImageError(
            f"{name} is damaged or cut short, or a rare kind of its format. Try another copy of it, or save "
            "it as an ordinary JPEG."
        ) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_large(name, MAX_PIXELS) from error
    except Exception as error:
        reason = str(error) or type(error).__name__
        raise ImageError(f"{name} is damaged or cut short ({reason}). Try another copy of it.") from error


def _rare(name: str, kind: str) -> ImageError:
    return ImageError(f"{name} is {kind}, which is not read here. Save it as an ordinary JPEG and try again.")


def _too_large(name: str, most: int, remedy: str = "") -> ImageError:
    return ImageError(
        f"{name} has more than {most // 10**6} megapixels. Make it smaller{remedy} and try again."
    )


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
        raise _too_large(name, most, remedy)
    if min(width, height) < MIN_SIDE:
        raise ImageError(
            f"{name} measures {width} × {height} pixels; at least {MIN_SIDE} × {MIN_SIDE} are needed."
        )


def _opaque(image: Image.Image, name: str) -> Image.Image:
    """RGB over white, at most ``SIDE`` wide and high; 16-bit greys are scaled, not clipped."""
    if image.mode.startswith("I"):
        image = Image.fromarray((np.asarray(image, np.float32) / 257).astype(np.uint8))
    mode = "RGBA" if image.has_transparency_data else "RGB"
    if image.mode != mode:
        with _blamed(name):
            image = image.convert(mode)
    image.thumbnail((SIDE, SIDE))  # only now: a palette cannot be averaged
    if mode == "RGB":
        return image
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


if __name__ == "__main__":
    sys.exit(_child(sys.argv[1]))
