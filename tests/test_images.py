"""Whatever people upload becomes uint8[H, W, 3], upright and opaque, or a sentence that says why not."""

from __future__ import annotations

import io
import itertools
import logging
import struct
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import ExifTags, Image

from captioner import images
from captioner.errors import ImageError
from tests.image_files import FILES, HEIGHT, UPRIGHT, WIDTH, encoded

# How a camera held in each way stores the upright picture (EXIF tag 274).
STORED: dict[int, Callable[[NDArray[Any]], NDArray[Any]]] = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a),
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: np.rot90(a, -1),
}
LOSSLESS: dict[str, dict[str, Any]] = {"PNG": {}, "WEBP": {"lossless": True}, "TIFF": {}}
FAITHFUL = LOSSLESS | {
    "JPEG": {"quality": 95, "subsampling": 0},
    "HEIF": {"quality": -1, "chroma": 444},
    "AVIF": {"quality": 95, "subsampling": "4:4:4", "speed": 10},
}


@pytest.mark.parametrize("format", ["JPEG", "TIFF"])
def test_what_a_file_says_about_its_picture_is_never_logged(
    format: str, caplog: pytest.LogCaptureFixture
) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Artist] = "Zelda"
    data = encoded(Image.fromarray(UPRIGHT), format, exif=exif.tobytes())
    with caplog.at_level(logging.DEBUG):
        images.read(data)
    assert "Zelda" not in caplog.text


def test_path_text_bytes_and_file_are_read_alike(tmp_path: Path) -> None:
    data = FILES["jpeg"]
    path = tmp_path / "picture.jpg"
    path.write_bytes(data)
    with path.open("rb") as file:
        result = [images.read(source) for source in (path, str(path), data, io.BytesIO(data), file)]

    assert all(np.array_equal(result[0], other) for other in result[1:])
    assert (result[0].dtype.name, result[0].shape) == ("uint8", (HEIGHT, WIDTH, 3))


@pytest.mark.parametrize("format", FAITHFUL)
@pytest.mark.parametrize("orientation", STORED)
def test_pictures_are_turned_upright(orientation: int, format: str) -> None:
    """Once: a HEIC is written with a rotation of its own beside the EXIF."""
    exif = Image.Exif()
    exif[274] = orientation
    stored = Image.fromarray(np.ascontiguousarray(STORED[orientation](UPRIGHT)))
    result = images.read(encoded(stored, format, exif=exif.tobytes(), **FAITHFUL[format]))

    assert result.shape == UPRIGHT.shape
    assert np.abs(result.astype(int) - UPRIGHT).max() <= (0 if format in LOSSLESS else 12)


@pytest.mark.parametrize("format", ["PNG", "WEBP", "HEIF", "AVIF", "TIFF"])
@pytest.mark.parametrize("alpha", [0, 51, 255])
def test_transparency_is_laid_over_white(alpha: int, format: str) -> None:
    image = Image.new("RGBA", (20, 10), (200, 100, 0, alpha))
    expected = np.array([255, 255, 255]) + alpha / 255 * (np.array([200, 100, 0]) - 255)
    options = FAITHFUL[format] | ({"exact": True} if format == "WEBP" else {})
    result = images.read(encoded(image, format, **options))

    np.testing.assert_allclose(
        result, np.broadcast_to(expected, result.shape), atol=1 if format in LOSSLESS else 4
    )


@pytest.mark.parametrize("mode", ["P", "L", "RGB"])
def test_a_transparent_colour_is_white(mode: str) -> None:
    image = Image.new(mode, (20, 10))
    transparency = (0, 0, 0) if mode == "RGB" else 0

    assert (images.read(encoded(image, transparency=transparency)) == 255).all()


FORMATS = ("PNG", "HEIF", "AVIF", "TIFF", "GIF", "BMP")
NO_SUCH_FILES = {("LA", "BMP"), ("I;16", "BMP"), ("I;16", "GIF")}


@pytest.mark.parametrize(
    ("mode", "format"),
    sorted({*itertools.product(("1", "L", "LA", "P", "RGB", "RGBA", "I;16"), FORMATS)} - NO_SUCH_FILES),
)
def test_every_kind_of_picture_becomes_three_bytes_a_pixel(mode: str, format: str) -> None:
    result = images.read(encoded(Image.new(mode, (20, 10)), format))
    assert (result.dtype.name, result.shape) == ("uint8", (10, 20, 3))


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
@pytest.mark.parametrize("brightest", [200, 65535])
def test_sixteen_bits_are_scaled_to_eight(brightest: int, format: str) -> None:
    """A dark picture stays dark: its scale does not depend on what is in it."""
    grey = np.linspace(0, brightest, 20 * 10).reshape(10, 20).astype(np.uint16)
    result = images.read(encoded(Image.fromarray(grey), format))

    np.testing.assert_allclose(result, np.repeat(grey[..., None] / 257, 3, axis=2), atol=1)


def test_a_palette_gives_its_colours() -> None:
    few = Image.fromarray(UPRIGHT // 128 * 255)
    assert np.array_equal(images.read(encoded(few.convert("P"))), np.asarray(few.convert("P").convert("RGB")))


@pytest.mark.parametrize("format", ["JPEG", "TIFF"])
def test_printers_colours_become_screen_colours(format: str) -> None:
    image = Image.new("CMYK", (32, 16), (0, 255, 255, 0))  # no cyan: red
    np.testing.assert_allclose(images.read(encoded(image, format))[0, 0], [255, 0, 0], atol=3)


@pytest.mark.parametrize("format", ["GIF", "BMP"])
def test_few_colours_are_kept(format: str) -> None:
    few = Image.fromarray(UPRIGHT // 128 * 255)
    assert np.array_equal(images.read(encoded(few, format)), np.asarray(few))


@pytest.mark.parametrize("compression", [None, "packbits", "tiff_lzw", "tiff_adobe_deflate"])
def test_usual_tiffs_are_read(compression: str | None) -> None:
    data = encoded(Image.fromarray(UPRIGHT), "TIFF", compression=compression)
    assert np.array_equal(images.read(data), UPRIGHT)


@pytest.mark.parametrize("format", ["PNG", "WEBP", "TIFF", "GIF", "HEIF", "AVIF"])
def test_the_first_frame_of_an_animation_is_taken(format: str) -> None:
    frames = [Image.new("RGB", (20, 10), colour) for colour in ("red", "green", "blue")]
    options = FAITHFUL.get(format, {})
    data = encoded(frames[0], format, save_all=True, append_images=frames[1:], **options)

    np.testing.assert_allclose(images.read(data)[5, 5], [255, 0, 0], atol=0 if format in LOSSLESS else 4)


def test_a_large_jpeg_is_decoded_smaller_and_looks_the_same() -> None:
    large = Image.fromarray(UPRIGHT).resize((3200, 2200), Image.Resampling.NEAREST)
    result = images.read(encoded(large, "JPEG", quality=95))
    small = images.square(result, 8).astype(int)

    assert result.shape == (688, 1000, 3)
    assert np.abs(small - images.square(np.asarray(large), 8)).max() <= 8


@pytest.mark.parametrize("format", FAITHFUL)
@pytest.mark.parametrize(
    ("mode", "size", "expected"),
    [
        *((mode, (1000, 700), (700, 1000)) for mode in ("P", "LA", "RGB", "RGBA")),
        ("RGB", (1500, 2000), (1000, 750)),
        ("RGB", (1100, 20), (18, 1000)),
    ],
)
def test_what_is_large_is_made_smaller_in_proportion(
    format: str, mode: str, size: tuple[int, int], expected: tuple[int, int]
) -> None:
    large = Image.fromarray(UPRIGHT // 128 * 255).resize(size, Image.Resampling.NEAREST).convert(mode)
    plain = large.convert("RGB")
    result = images.read(encoded(plain if format == "JPEG" else large, format, **FAITHFUL[format]))

    assert result.shape == (*expected, 3)
    assert np.abs(images.square(result, 8).astype(int) - images.square(np.asarray(plain), 8)).max() <= 12


@pytest.mark.parametrize("tag", [256, 296, 306])  # width, unit of resolution, date
def test_an_odd_tag_beside_the_orientation_does_no_harm(tag: int) -> None:
    """Cameras and editors write tags of the wrong type: here a fraction."""
    entries = struct.pack("<HHII", tag, 5, 1, 50) + struct.pack("<HHIHH", 274, 3, 1, 6, 0)
    entries = entries if tag < 274 else entries[12:] + entries[:12]
    exif = b"II*\0" + struct.pack("<IH", 8, 2) + entries + bytes(4) + bytes(12) + struct.pack("<II", 1, 3)
    stored = Image.fromarray(np.ascontiguousarray(STORED[6](UPRIGHT)))

    assert np.array_equal(images.read(encoded(stored, exif=exif)), UPRIGHT)


def test_the_smallest_picture_is_read() -> None:
    assert images.read(encoded(Image.new("RGB", (8, 8)))).shape == (8, 8, 3)


def test_too_many_bytes_are_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MAX_BYTES", 1000)
    (tmp_path / "large.jpg").write_bytes(bytes(1001))
    for source in (tmp_path / "large.jpg", bytes(1001), io.BytesIO(bytes(5000))):
        with pytest.raises(ImageError, match="is over 0 MB"):
            images.read(source)


def test_a_path_that_cannot_be_opened_is_reported(tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere.jpg", tmp_path):
        with pytest.raises(ImageError, match=r"cannot be opened \(.+\)"):
            images.read(path)


def test_two_pictures_are_never_decoded_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    before, open_image = list(warnings.filters), Image.open
    first, second = threading.Event(), threading.Event()
    overlapping: list[bool] = []

    def slow(*arguments: Any, **options: Any) -> Image.Image:
        if first.is_set():
            second.set()
        else:
            first.set()
            overlapping.append(second.wait(0.5))
        return open_image(*arguments, **options)

    monkeypatch.setattr(Image, "open", slow)
    with ThreadPoolExecutor(2) as pool:
        assert len(list(pool.map(images.read, [FILES["png"]] * 2))) == 2

    assert overlapping == [False]
    assert second.is_set()
    assert list(warnings.filters) == before


@pytest.mark.parametrize(("height", "width"), [(8, 8), (24, 36), (8, 500), (224, 224), (64, 64)])
def test_squares_are_squares(height: int, width: int) -> None:
    image = np.full((height, width, 3), (10, 100, 200), np.uint8)
    result = images.square(image, 64)

    assert (result.dtype.name, result.shape) == ("uint8", (64, 64, 3))
    assert (result == image[0, 0]).all()


def test_squaring_keeps_everything_in_view() -> None:
    image = np.zeros((40, 200, 3), np.uint8)
    image[:, 100:] = 255
    result = images.square(image, 32)

    assert (result[:, :14] == 0).all()
    assert (result[:, 18:] == 255).all()
    assert np.array_equal(images.square(result, 32), result)


@pytest.mark.parametrize("seed", sorted(set(FILES) - {"heic", "avif"}))
def test_a_pillow_image_is_read_as_its_file_is(seed: str) -> None:
    with Image.open(io.BytesIO(FILES[seed])) as image:
        np.testing.assert_array_equal(images.read(image), images.read(FILES[seed]))


def test_a_pillow_image_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MAX_SIDE", 12)
    image = Image.fromarray(UPRIGHT)
    assert images.read(image).shape == (8, 12, 3)
    assert image.size == (WIDTH, HEIGHT)


def test_a_pillow_image_without_agreed_brightness_is_refused() -> None:
    with pytest.raises(ImageError, match="32 bits a value"):
        images.read(Image.new("F", (20, 10)))


def test_a_turned_pillow_image_is_read_upright() -> None:
    image = Image.new("RGB", (20, 10))
    exif = image.getexif()
    exif[ExifTags.Base.Orientation] = 6
    file = io.BytesIO()
    image.save(file, "JPEG", exif=exif)

    with Image.open(file) as turned:
        assert images.read(turned).shape == (20, 10, 3)
