"""What is too large, too costly or too rare is refused, in a sentence, before it is decoded."""

from __future__ import annotations

import struct
import zlib
from functools import partial
from pathlib import Path

import pytest
from PIL import Image, ImageFile

from captioner import image_headers, image_limits, images
from captioner.errors import ImageError
from tests.image_files import FILES, HEIGHT, WIDTH, encoded


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
        (b"hello, I am a text", "cannot be read as a picture. JPEG, PNG, WebP, HEIC"),
        (b"\xff\xd8\xff", "damaged or cut short, or a rare kind"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "cannot be read as a picture"),
        (b"%PDF-1.7 and so on", "cannot be read as a picture"),
        (b"\0\0\0\x14ftypisom\0\0\0\0mp42" + bytes(30), "cannot be read as a picture"),
        (encoded(Image.new("RGB", (9, 9)), "TIFF", compression="jpeg"), "a TIFF with jpeg compression"),
        (encoded(Image.new("F", (9, 9)), "TIFF"), "32 bits a value"),
        (FILES["jpeg"][: len(FILES["jpeg"]) // 2], "damaged or cut short"),
        (FILES["progressive"][:-200], "damaged or cut short"),
        (FILES["png"][: len(FILES["png"]) // 2], "damaged or cut short"),
        (FILES["webp"][: len(FILES["webp"]) // 2], "damaged or cut short"),
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
    for source, name in ((path, "picture.jpg"), (data, "this file")):
        with pytest.raises(ImageError, match=sentence) as caught:
            images.read(source)
        assert name in str(caught.value)


@pytest.mark.parametrize("seed", sorted(FILES))
def test_only_a_baseline_jpeg_may_be_larger_than_what_is_decoded_whole(
    seed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    decode = partial(images._decode_here, format="AVIF")
    monkeypatch.setattr(images, "_decode_in_child", lambda data, name: decode(data, name=name))
    monkeypatch.setattr(images, "MAX_SIDE", 12)
    for limit in ("MAX_DECODED", "MAX_HEIC"):
        monkeypatch.setattr(image_limits, limit, HEIGHT * WIDTH - 1)
    if seed == "jpeg":
        assert images.read(FILES[seed]).shape == (8, 12, 3)
    else:
        with pytest.raises(ImageError, match="baseline"):
            images.read(FILES[seed])


@pytest.mark.parametrize("error", [AssertionError(), struct.error("odd"), RuntimeError("odd"), KeyError(3)])
def test_whatever_pillow_raises_is_the_files_fault(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(ImageFile.ImageFile, "load", fail)
    with pytest.raises(ImageError, match=f"damaged.*{error or 'AssertionError'}"):
        images.read(FILES["png"])


@pytest.mark.parametrize("error", [AssertionError, MemoryError])
def test_what_is_not_the_files_fault_is_a_bug(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise error

    name = "load" if error is MemoryError else "_opaque"
    monkeypatch.setattr(ImageFile.ImageFile if error is MemoryError else images, name, fail)
    with pytest.raises(error):
        images.read(FILES["png"])


def tiff(tags: dict[int, tuple[int, int]]) -> bytes:
    """A grey TIFF of 20 × 10 pixels and no data but zeros, from ``{tag: (count, value)}``."""
    usual = {256: (1, 20), 257: (1, 10), 258: (1, 8), 259: (1, 1), 262: (1, 1), 273: (1, 200), 279: (1, 200)}
    entries = sorted((usual | tags).items())
    table = b"".join(struct.pack("<HHII", tag, 4, *entry) for tag, entry in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + table + bytes(500_000)


@pytest.mark.parametrize(
    ("tags", "sentence"),
    [
        ({273: (image_headers.MAX_TIFF_VALUES + 1, 200)}, "strips"),
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
    ("format", "mode", "most"),
    [
        ("WEBP", "RGB", "MAX_WEBP"),
        ("WEBP", "RGBA", "MAX_LAYERED"),
        ("HEIF", "RGBA", "MAX_LAYERED"),
        ("HEIF", "RGB", "MAX_HEIC"),
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
    decode = partial(images._decode_here, format="AVIF")
    monkeypatch.setattr(images, "_decode_in_child", lambda data, name: decode(data, name=name))
    monkeypatch.setattr(image_limits, most, 200)
    assert images.read(data).shape == (10, 20, 3)
    monkeypatch.setattr(image_limits, most, 199)
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
    start = {"png": 33, "jpeg": 2, "gif": FILES["gif"].index(b",\0\0\0\0")}[seed]  # behind the head
    data = (
        FILES[seed][:start]
        + segment * (image_headers.MAX_SEGMENTS if len(segment) < 20 else 1)
        + FILES[seed][start:]
    )
    with pytest.raises(ImageError, match=r"more than 20000 (segments|chunks|blocks)"):
        images.read(data)


def test_a_heic_with_all_its_colours_may_have_fewer_pixels_than_one_of_a_phone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    picture = Image.new("RGB", (20, 10), (200, 100, 0))
    monkeypatch.setattr(image_limits, "MAX_DECODED", 199)
    assert images.read(encoded(picture, "HEIF", chroma=420)).shape == (10, 20, 3)
    with pytest.raises(ImageError, match="megapixels"):
        images.read(encoded(picture, "HEIF", chroma=444))
