"""A damaged or hostile file, or one that is no picture, is refused with a sentence before it costs memory."""

from __future__ import annotations

import io
import struct
import subprocess

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from captioner import image_headers, images
from captioner.errors import ImageError
from tests.image_files import FILES, HEIGHT, WIDTH, encoded, jpeg_of_scans


@given(
    st.sampled_from(sorted(FILES)),
    st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=8),
    st.integers(0, 2000),
)
def test_damage_gives_a_picture_or_a_sentence(seed: str, changes: list[tuple[int, int]], cut: int) -> None:
    data = bytearray(FILES[seed])
    for place, value in changes:
        data[place % len(data)] = value
    try:
        result = images.read(bytes(data[: -(cut % len(data)) or None]))
    except ImageError:
        return
    assert result.dtype == np.uint8
    assert result.ndim == 3


@pytest.mark.parametrize("count", [10, 100, 101, 5000])
def test_a_jpeg_may_have_a_hundred_scans(count: int) -> None:
    data = jpeg_of_scans(count)
    assert image_headers.jpeg(data).scans == min(count, image_headers.MAX_SCANS + 1)
    if count <= image_headers.MAX_SCANS:
        assert images.read(data).shape == (HEIGHT, WIDTH, 3)
    else:
        with pytest.raises(ImageError, match="a JPEG in more than 100 scans"):
            images.read(data)


def test_scans_are_counted_in_the_picture_only() -> None:
    """Not in a thumbnail of its EXIF block, nor in what follows its end."""
    segment = b"\xff\xe1" + struct.pack(">H", 2 + 400) + b"\xff\xda\0\2" * 100
    data = FILES["jpeg"][:2] + segment + FILES["jpeg"][2:] + jpeg_of_scans(200)
    assert image_headers.jpeg(data).scans == 1


def scan_by_component(data: bytes) -> bytes:
    """A baseline JPEG whose first scan brings one component of three, as cameras never write it."""
    start = data.index(b"\xff\xda")
    return data[:start] + b"\xff\xda\0\x08\1\1\0\0\x3f\0" + data[start + 14 :]


@pytest.mark.parametrize(
    ("data", "whole"),
    [
        (FILES["jpeg"], False),
        (encoded(Image.new("L", (20, 20)), "JPEG"), False),
        (encoded(Image.new("CMYK", (20, 20)), "JPEG", restart_marker_rows=1), False),
        (FILES["progressive"], True),
        (scan_by_component(FILES["jpeg"]), True),
        (FILES["jpeg"].replace(b"\xff\xc0", b"\xff\xc9"), True),  # arithmetic coding
        (FILES["jpeg"].replace(b"\xff\xc0", b"\xff\xc3"), True),  # lossless
    ],
)
def test_a_jpeg_that_libjpeg_holds_whole_is_recognised(data: bytes, whole: bool) -> None:
    assert image_headers.jpeg(data).buffered == whole
    large = data.replace(struct.pack(">HH", 20, 20), struct.pack(">HH", 4000, 4000))
    large = large.replace(struct.pack(">HH", HEIGHT, WIDTH), struct.pack(">HH", 4000, 4000))
    if whole:
        with pytest.raises(ImageError, match=r"12 megapixels|rare kind"):
            images.read(large)
    else:
        assert images.read(large).shape == (1000, 1000, 3)  # the missing rows are grey


def test_a_palette_that_is_missing_is_the_files_fault() -> None:
    data = FILES["palette"].replace(b"PLTE", b"plTe")  # of no importance, so that Pillow does not check it
    with pytest.raises(ImageError, match="damaged"):
        images.read(data)


@pytest.mark.parametrize("format", ["PNG", "WEBP"])
def test_exif_of_an_unknown_type_is_the_files_fault(format: str) -> None:
    data = encoded(Image.new("RGB", (20, 10)), format, exif=b"II\x2b\0\x08\0\0\0\xff\xff")
    with pytest.raises(ImageError, match="damaged"):
        images.read(data)


@pytest.mark.parametrize(
    ("brands", "format"),
    [
        (b"heic\0\0\0\0mif1heic", "HEIF"),
        (b"mif1\0\0\0\0mif1heic", "HEIF"),
        (b"mif1\0\0\0\0mif1avif", "AVIF"),
        (b"avif\0\0\0\0mif1miaf", "AVIF"),
        (b"mif1\0\0\0\0mif1miaf", "HEIF"),
        (b"isom\0\0\0\0mp41", None),
        (b"crx \0\0\0\1crx isom", None),
    ],
)
def test_the_brands_of_a_container_identify_its_format(brands: bytes, format: str | None) -> None:
    assert image_headers.identify(struct.pack(">I", len(brands) + 8) + b"ftyp" + brands + b"avif") == format


@pytest.mark.parametrize("seed", sorted(FILES))
def test_every_format_is_known_by_its_first_bytes(seed: str) -> None:
    with Image.open(io.BytesIO(FILES[seed])) as image:
        assert image_headers.identify(FILES[seed]) == image.format


def test_the_usual_blocks_of_a_gif_are_few() -> None:
    image = Image.new("P", (20, 10))
    data = encoded(
        image, "GIF", comment=b"a" * 3000, save_all=True, append_images=[image], loop=0, duration=9
    )
    assert image_headers.gif_blocks(data) < 30
    assert images.read(data).shape == (10, 20, 3)


def test_an_avif_that_takes_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "CHILD_TIMEOUT", 0.001)
    with pytest.raises(ImageError, match="an AVIF that takes too long"):
        images.read(FILES["avif"])


@pytest.mark.parametrize(
    ("code", "complaint", "error"),
    [(-9, b"", ImageError), (1, b"MemoryError", ImageError), (1, b"KeyError: 3", RuntimeError)],
)
def test_a_decoder_that_crashes_is_the_files_fault_and_a_bug_is_not(
    code: int, complaint: bytes, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = subprocess.CompletedProcess([], code, b"", complaint)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: ended)
    with pytest.raises(error, match=r"too much memory|KeyError"):
        images.read(FILES["avif"])
