"""A file that is damaged, hostile or no picture becomes a sentence, before it becomes a burden."""

from __future__ import annotations

import io
import struct
import subprocess
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFile

from captioner import image_headers, images
from captioner.errors import ImageError
from tests.picture_files import HEIGHT, SEEDS, WIDTH, encoded


def huge_png(width: int, height: int) -> bytes:
    """A PNG of a few bytes that claims to be of any size."""
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = b"IDAT" + zlib.compress(bytes(100))
    chunks = (struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in (head, data))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "is empty"),
        (b"hello, I am a text", "not a picture that can be read here. JPEG, PNG, WebP, HEIC"),
        (b"\xff\xd8\xff", "damaged or cut short, or a rare kind"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a picture that can be read here"),
        (b"%PDF-1.7 and so on", "not a picture that can be read here"),
        (b"\0\0\0\x14ftypisom\0\0\0\0mp42" + bytes(30), "not a picture that can be read here"),
        (encoded(Image.new("RGB", (9, 9)), "TIFF", compression="jpeg"), "a TIFF with jpeg compression"),
        (encoded(Image.new("F", (9, 9)), "TIFF"), "32 bits a value"),
        (SEEDS["jpeg"][: len(SEEDS["jpeg"]) // 2], "damaged or cut short"),
        (SEEDS["progressive"][:-200], "damaged or cut short"),
        (SEEDS["png"][: len(SEEDS["png"]) // 2], "damaged or cut short"),
        (SEEDS["webp"][: len(SEEDS["webp"]) // 2], "damaged or cut short"),
        (encoded(Image.new("RGB", (1, 1))), "1 × 1 pixels"),
        (encoded(Image.new("RGB", (7, 900))), "7 × 900 pixels"),
        (huge_png(4100, 3100), "12 megapixels.*smaller or save it as an ordinary .baseline. JPEG and try"),
        (huge_png(8000, 8000), "50 megapixels"),  # whatever the format
        (huge_png(10_000, 10_000), "megapixels"),  # Pillow warns
        (huge_png(60_000, 60_000), "megapixels"),  # Pillow refuses
        (huge_png(2**31 - 1, 2**31 - 1), "megapixels"),
        (huge_png(0, 20), "damaged|pixels"),
    ],
)
def test_what_is_no_good_picture_is_refused_in_a_sentence(tmp_path: Path, data: bytes, sentence: str) -> None:
    path = tmp_path / "picture.jpg"
    path.write_bytes(data)
    for source, name in ((path, "picture.jpg"), (data, "the picture")):
        with pytest.raises(ImageError, match=sentence) as caught:
            images.read(source)
        assert name in str(caught.value)


@pytest.mark.parametrize("seed", sorted(SEEDS))
def test_only_a_baseline_jpeg_may_be_larger_than_what_is_decoded_whole(
    seed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "_apart", lambda data, name: images._read(data, "AVIF", name))  # here
    monkeypatch.setattr(images, "SIDE", 12)
    monkeypatch.setattr(images, "MAX_DECODED", HEIGHT * WIDTH - 1)
    if seed == "jpeg":
        assert images.read(SEEDS[seed]).shape == (8, 12, 3)
    else:
        with pytest.raises(ImageError, match="baseline"):
            images.read(SEEDS[seed])


@given(
    st.sampled_from(sorted(SEEDS)),
    st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=8),
    st.integers(0, 2000),
)
def test_damage_gives_a_picture_or_a_sentence(seed: str, changes: list[tuple[int, int]], cut: int) -> None:
    data = bytearray(SEEDS[seed])
    for place, value in changes:
        data[place % len(data)] = value
    try:
        found = images.read(bytes(data[: -(cut % len(data)) or None]))
    except ImageError:
        return
    assert found.dtype == np.uint8
    assert found.ndim == 3


def jpeg_of_scans(count: int) -> bytes:
    """A progressive JPEG whose last scan comes again and again."""
    data = SEEDS["progressive"]
    last = data.rindex(b"\xff\xda")
    return data[:-2] + data[last:-2] * (count - data.count(b"\xff\xda")) + data[-2:]


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
    data = SEEDS["jpeg"][:2] + segment + SEEDS["jpeg"][2:] + jpeg_of_scans(200)
    assert image_headers.jpeg(data).scans == 1


def scan_by_component(data: bytes) -> bytes:
    """A baseline JPEG whose first scan brings one component of three, as cameras never write it."""
    start = data.index(b"\xff\xda")
    return data[:start] + b"\xff\xda\0\x08\1\1\0\0\x3f\0" + data[start + 14 :]


@pytest.mark.parametrize(
    ("data", "whole"),
    [
        (SEEDS["jpeg"], False),
        (encoded(Image.new("L", (20, 20)), "JPEG"), False),
        (encoded(Image.new("CMYK", (20, 20)), "JPEG", restart_marker_rows=1), False),
        (SEEDS["progressive"], True),
        (scan_by_component(SEEDS["jpeg"]), True),
        (SEEDS["jpeg"].replace(b"\xff\xc0", b"\xff\xc9"), True),  # arithmetic coding
        (SEEDS["jpeg"].replace(b"\xff\xc0", b"\xff\xc3"), True),  # lossless
    ],
)
def test_a_jpeg_that_libjpeg_holds_whole_is_told(data: bytes, whole: bool) -> None:
    assert image_headers.jpeg(data).whole == whole
    large = data.replace(struct.pack(">HH", 20, 20), struct.pack(">HH", 4000, 4000))
    large = large.replace(struct.pack(">HH", HEIGHT, WIDTH), struct.pack(">HH", 4000, 4000))
    if whole:
        with pytest.raises(ImageError, match=r"12 megapixels|rare kind"):
            images.read(large)
    else:
        assert images.read(large).shape == (1000, 1000, 3)  # the missing rows are grey


def test_a_palette_that_is_missing_is_the_files_fault() -> None:
    data = SEEDS["palette"].replace(b"PLTE", b"plTe")  # of no importance, so that Pillow does not check it
    with pytest.raises(ImageError, match="damaged"):
        images.read(data)


@pytest.mark.parametrize("format", ["PNG", "WEBP"])
def test_exif_of_an_unheard_kind_is_the_files_fault(format: str) -> None:
    data = encoded(Image.new("RGB", (20, 10)), format, exif=b"II\x2b\0\x08\0\0\0\xff\xff")
    with pytest.raises(ImageError, match="damaged"):
        images.read(data)


@pytest.mark.parametrize("error", [AssertionError(), struct.error("odd"), RuntimeError("odd"), KeyError(3)])
def test_whatever_pillow_raises_is_the_files_fault(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(ImageFile.ImageFile, "load", fail)
    with pytest.raises(ImageError, match=f"damaged.*{error or 'AssertionError'}"):
        images.read(SEEDS["png"])


@pytest.mark.parametrize("error", [AssertionError, MemoryError])
def test_what_is_not_the_files_fault_is_a_bug(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise error

    name = "load" if error is MemoryError else "_opaque"
    monkeypatch.setattr(ImageFile.ImageFile if error is MemoryError else images, name, fail)
    with pytest.raises(error):
        images.read(SEEDS["png"])


def tiff(tags: dict[int, tuple[int, int]]) -> bytes:
    """A grey TIFF of 20 × 10 pixels and no data but zeros, from ``{tag: (count, value)}``."""
    usual = {256: (1, 20), 257: (1, 10), 258: (1, 8), 259: (1, 1), 262: (1, 1), 273: (1, 200), 279: (1, 200)}
    entries = sorted((usual | tags).items())
    table = b"".join(struct.pack("<HHII", tag, 4, *entry) for tag, entry in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + table + bytes(500_000)


@pytest.mark.parametrize(
    ("tags", "sentence"),
    [
        ({273: (image_headers.MAX_VALUES + 1, 200)}, "strips"),
        ({322: (1, 60_000), 323: (1, 60_000), 324: (1, 200), 325: (1, 200)}, "huge tiles"),
        ({322: (2, 200), 323: (1, 10), 324: (1, 200), 325: (1, 200)}, "huge tiles|damaged"),
    ],
)
def test_a_tiff_is_refused_for_its_tables(tags: dict[int, tuple[int, int]], sentence: str) -> None:
    """Many strips, and tiles larger than any picture, which libtiff would unpack whole."""
    assert (images.read(tiff({})) == 0).all()
    with pytest.raises(ImageError, match=sentence):
        images.read(tiff(tags))


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
def test_the_brands_of_a_container_tell_how_it_is_coded(brands: bytes, format: str | None) -> None:
    assert image_headers.identify(struct.pack(">I", len(brands) + 8) + b"ftyp" + brands + b"avif") == format


@pytest.mark.parametrize("seed", sorted(SEEDS))
def test_every_format_is_known_by_its_first_bytes(seed: str) -> None:
    with Image.open(io.BytesIO(SEEDS[seed])) as image:
        assert image_headers.identify(SEEDS[seed]) == image.format


@pytest.mark.parametrize(
    ("format", "mode", "most"),
    [
        ("WEBP", "RGB", "MAX_WEBP"),
        ("WEBP", "RGBA", "MAX_LAYERED"),
        ("HEIF", "RGBA", "MAX_LAYERED"),
        ("AVIF", "RGBA", "MAX_LAYERED"),
        ("TIFF", "CMYK", "MAX_LAYERED"),
        ("TIFF", "RGB", "MAX_DECODED"),
        ("PNG", "RGBA", "MAX_DECODED"),
    ],
)
def test_a_format_that_takes_more_memory_may_have_fewer_pixels(
    format: str, mode: str, most: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = encoded(Image.new(mode, (20, 10), (200,) * len(mode)), format)
    monkeypatch.setattr(images, "_apart", lambda data, name: images._read(data, "AVIF", name))  # here
    monkeypatch.setattr(images, most, 200)
    assert images.read(data).shape == (10, 20, 3)
    monkeypatch.setattr(images, most, 199)
    with pytest.raises(ImageError, match="megapixels"):
        images.read(data)


@pytest.mark.parametrize(
    ("seed", "segment"),
    [
        ("jpeg", b"\xff\xe5\0\2"),
        ("jpeg", b"\xff\xd8"),
        ("png", struct.pack(">I", 0) + b"juNk\0\0\0\0"),
        ("gif", b"!\xfe\1a\0"),
        ("gif", b"!\xfe" + b"\1a" * image_headers.MAX_SEGMENTS + b"\0"),
    ],
)
def test_a_file_of_very_many_segments_is_refused(seed: str, segment: bytes) -> None:
    start = {"png": 33, "jpeg": 2, "gif": SEEDS["gif"].index(b",\0\0\0\0")}[seed]  # behind the head
    data = (
        SEEDS[seed][:start]
        + segment * (image_headers.MAX_SEGMENTS if len(segment) < 20 else 1)
        + SEEDS[seed][start:]
    )
    with pytest.raises(ImageError, match=r"more than 20000 (segments|chunks|blocks)"):
        images.read(data)


def test_the_usual_blocks_of_a_gif_are_few() -> None:
    image = Image.new("P", (20, 10))
    data = encoded(
        image, "GIF", comment=b"a" * 3000, save_all=True, append_images=[image], loop=0, duration=9
    )
    assert image_headers.gif_blocks(data) < 30
    assert images.read(data).shape == (10, 20, 3)


def test_an_avif_that_takes_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "CHILD_SECONDS", 0.001)
    with pytest.raises(ImageError, match="an AVIF that takes too long"):
        images.read(SEEDS["avif"])


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
        images.read(SEEDS["avif"])
