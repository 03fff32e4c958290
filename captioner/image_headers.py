"""What the header of a picture file says: its format, and what would exhaust a server on decoding."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

READABLE_FORMATS = "JPEG, PNG, WebP, HEIC, AVIF, GIF, TIFF and BMP"
MAX_SCANS = 100  # of a JPEG; Pillow's progressive ones have 10. Each costs a pass over the whole picture.
MAX_SEGMENTS = 20_000  # of a JPEG, PNG or GIF, some of which Pillow keeps in memory; 30 MB have 7,500 of 4 kB
MAX_EXIF = 1_000_000  # bytes; Pillow makes a Python number of every two of them
MAX_TIFF_VALUES = 100_000  # of a TIFF tag, such as the offset of every row, for the same reason

_SIGNATURES = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"BM", "BMP"),
)
_HEVC = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs"}
_AV1 = {b"avif", b"avis"}

# The next marker, as libjpeg finds it: stuffed zeros, fill bytes and restarts belong to the data.
_MARKER = re.compile(rb"\xff([^\x00\x01\xff\xd0-\xd7])")
_SOI, _EOI, _SOS, _APP1 = 0xD8, 0xD9, 0xDA, 0xE1
_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOF0 … SOF15
_SEQUENTIAL = {0xC0, 0xC1}  # baseline and extended, Huffman-coded


def identify(data: bytes) -> str | None:
    """Pillow's name of the format; None if it is not one of ``READABLE_FORMATS``."""
    for signature, name in _SIGNATURES:
        if data.startswith(signature):
            return name
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    return _iso_format(data) if data[4:8] == b"ftyp" else None


def _iso_format(data: bytes) -> str | None:
    """ISO/IEC 23008-12: the main brand, then the compatible ones; ``mif1`` alone leaves the coding open."""
    brands = [data[start : start + 4] for start in (8, *range(16, min(_u32(data), 256), 4))]
    for brand in brands:
        if brand in _HEVC:
            return "HEIF"
        if brand in _AV1:
            return "AVIF"
    return "HEIF" if brands[0] in (b"mif1", b"msf1") else None


def _u32(data: bytes) -> int:
    return int.from_bytes(data[:4], "big")


@dataclass(frozen=True)
class Jpeg:
    """What its segments say."""

    scans: int = 0
    segments: int = 0
    exif: int = 0  # bytes
    buffered: bool = False  # libjpeg has to keep all coefficients in memory


def jpeg(data: bytes) -> Jpeg:
    """Walk a JPEG's segments (ITU-T T.81, B.1.1) up to its end or a bound, without decoding.

    libjpeg decodes row by row only where one scan brings all components of a sequential frame; of any other
    it keeps all coefficients, at whatever size it is decoded (jdinput.c, ``has_multiple_scans``).
    """
    scans = segments = exif = components = offset = 0
    buffered = False
    while max(scans / MAX_SCANS, segments / MAX_SEGMENTS) <= 1 and (match := _MARKER.search(data, offset)):
        marker, offset = match[1][0], match.end()
        segments += 1
        if marker == _EOI:
            break
        if marker == _SOI:
            continue
        length = int.from_bytes(data[offset : offset + 2], "big")
        if marker in _FRAMES:
            components = max(components, data[offset + 7] if offset + 7 < len(data) else 0)
            buffered |= marker not in _SEQUENTIAL
        elif marker == _SOS:
            scans += 1
            buffered |= offset + 2 >= len(data) or data[offset + 2] < components
        elif marker == _APP1 and data.startswith(b"Exif\0\0", offset + 2):
            exif += length
        offset += max(length, 2)
    return Jpeg(scans, segments, exif, buffered)


def png_chunks(data: bytes) -> int:
    """How many chunks a PNG has; no more than one above ``MAX_SEGMENTS`` are counted."""
    chunks, offset = 0, 8
    while offset < len(data) and chunks <= MAX_SEGMENTS:
        chunks += 1
        offset += 12 + _u32(data[offset : offset + 4])
    return chunks


def gif_blocks(data: bytes) -> int:
    """How many blocks, with their parts, come before the first image; Pillow joins a comment's one by one."""
    flags = data[10] if len(data) > 10 else 0
    blocks, offset = 0, 13 + (6 << (flags & 7) if flags & 0x80 else 0)
    while offset < len(data) and data[offset] != ord(",") and blocks <= MAX_SEGMENTS:
        blocks += 1
        extension = data[offset] == ord("!")
        offset += 2 if extension else 1
        while extension and offset < len(data) and data[offset] and blocks <= MAX_SEGMENTS:
            blocks += 1
            offset += 1 + data[offset]
        offset += extension
    return blocks


def tiff_values(data: bytes) -> int:
    """The most numbers in a tag of the first directory of a TIFF (bytes and texts are not made numbers)."""
    order = "<" if data.startswith(b"II") else ">"
    try:
        (start,) = struct.unpack_from(f"{order}I", data, 4)
        (entries,) = struct.unpack_from(f"{order}H", data, start)
        tags = struct.iter_unpack(f"{order}HHI4x", data[start + 2 : start + 2 + 12 * entries][: 12 * entries])
        return max((count for _, kind, count in tags if kind not in (1, 2, 7)), default=0)
    except struct.error:
        return 0  # Pillow finds out
