"""Which pictures are refused before or while they are decoded: what would take too much memory or time.

Every refusal is an ``ImageError``. The limits are what was measured to fit a free container's 700 MB.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from PIL import ExifTags, Image, UnidentifiedImageError

from captioner import image_headers
from captioner.errors import ImageError
from captioner.image_headers import MAX_EXIF, MAX_SCANS, MAX_SEGMENTS, MAX_TIFF_VALUES

MAX_PIXELS = 50_000_000  # of a baseline JPEG: decoded at a fraction of its size, it takes 25 MB at its peak
MAX_DECODED = 12_500_000  # pixels of all else, and of a phone's 4032 × 3024: up to 230 MB
MAX_HEIC = 25_000_000  # pixels of a HEIC with halved colours (4:2:0), as phones save it: up to 220 MB
MAX_LAYERED = 8_000_000  # pixels of a WebP, HEIC, AVIF or TIFF with transparency or CMYK: up to 220 MB
MAX_WEBP = 10_000_000  # pixels of one without; Pillow allocates two canvases, as for an animation
MIN_SIDE = 8  # pixels; smaller pictures show nothing

# Of a TIFF, as Pillow names them. A JPEG in a TIFF could have any number of scans.
TIFF_COMPRESSIONS = ("raw", "packbits", "tiff_lzw", "tiff_deflate", "tiff_adobe_deflate")


def check_header(data: bytes, format: str, name: str) -> int:
    """How many pixels a file of this format may have.

    Raises:
        ImageError: merely opening it would exhaust memory or time.
    """
    if format == "JPEG":
        jpeg = image_headers.jpeg(data)
        if jpeg.scans > MAX_SCANS:
            raise unsupported(name, f"a JPEG in more than {MAX_SCANS} scans")
        if jpeg.segments > MAX_SEGMENTS:
            raise unsupported(name, f"a JPEG in more than {MAX_SEGMENTS} segments")
        if jpeg.exif > MAX_EXIF:
            raise unsupported(name, "a JPEG with over 1 MB of EXIF")
        return MAX_DECODED if jpeg.buffered else MAX_PIXELS
    if format == "PNG" and image_headers.png_chunks(data) > MAX_SEGMENTS:
        raise unsupported(name, f"a PNG in more than {MAX_SEGMENTS} chunks")
    if format == "GIF" and image_headers.gif_blocks(data) > MAX_SEGMENTS:
        raise unsupported(name, f"a GIF with more than {MAX_SEGMENTS} blocks before its picture")
    if format == "TIFF" and image_headers.tiff_values(data) > MAX_TIFF_VALUES:
        raise unsupported(name, f"a TIFF in more than {MAX_TIFF_VALUES} strips")
    return MAX_HEIC if format == "HEIF" else MAX_DECODED


def check_opened(image: Image.Image, name: str, max_pixels: int) -> None:
    """Whether an opened, not yet decoded picture may be decoded.

    Raises:
        ImageError: it has too many pixels or too few, or it is of a kind that takes a decoder minutes or any
            amount of memory, or has no agreed brightness.
    """
    check_size(image, name, MAX_PIXELS)
    check_size(image, name, min(max_pixels, _max_pixels(image)), " or save it as an ordinary (baseline) JPEG")
    compression = image.info.get("compression")
    if image.format == "BMP" and compression not in (0, 3):  # run lengths, which Pillow decodes in Python
        raise unsupported(name, "a compressed BMP")
    if image.format == "TIFF":
        if compression not in TIFF_COMPRESSIONS:
            raise unsupported(name, f"a TIFF with {compression} compression")
        with pillow_errors(name):
            tags = image.getexif()
            tile = tags.get(ExifTags.Base.TileWidth, 1) * tags.get(ExifTags.Base.TileLength, 1)
        if not isinstance(tile, int) or tile > MAX_DECODED:
            raise unsupported(name, "a TIFF in huge tiles")
    if image.mode in ("I", "F"):
        raise unsupported(name, "a picture with 32 bits a value")


def check_size(image: Image.Image, name: str, max_pixels: int, advice: str = "") -> None:
    """Raise an ``ImageError`` for more pixels than that, or a side below ``MIN_SIDE``."""
    width, height = image.size
    if width * height > max_pixels:
        raise _too_large(name, max_pixels, advice)
    if min(width, height) < MIN_SIDE:
        raise ImageError(
            f"{name} measures {width} × {height} pixels; at least {MIN_SIDE} × {MIN_SIDE} are needed."
        )


def _max_pixels(image: Image.Image) -> int:
    """How many pixels of its format fit into memory, as measured."""
    if image.format not in ("WEBP", "HEIF", "AVIF", "TIFF"):
        return MAX_PIXELS
    if len(image.getbands()) > 3 or image.has_transparency_data:
        return MAX_LAYERED
    if image.format == "HEIF" and image.info.get("chroma") == 420:
        return MAX_HEIC
    return MAX_WEBP if image.format == "WEBP" else MAX_DECODED


@contextmanager
def pillow_errors(name: str) -> Iterator[None]:
    """Any error that Pillow raises on a file becomes an ``ImageError``; it raises nearly every type.

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


def unsupported(name: str, kind: str) -> ImageError:
    return ImageError(f"{name} is {kind}, which is not read here. Save it as an ordinary JPEG and try again.")


def _too_large(name: str, max_pixels: int, advice: str = "") -> ImageError:
    return ImageError(
        f"{name} has more than {max_pixels // 10**6} megapixels. Make it smaller{advice} and try again."
    )
