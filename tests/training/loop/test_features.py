"""Cached regions equal the encoder's; augmented pictures still fit their captions."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from captioner import images
from captioner.data import datasets
from captioner.data.datasets import Dataset
from captioner.errors import DatasetError
from captioner.training.loop import features, stored_regions
from captioner.training.loop.stored_regions import Regions, StoredRegions
from captioner.training.models.encoders import EncoderOptions
from captioner.training.models.encoders import build as build_encoder
from tests.tiny_flickr8k import NOT_FLIPPED, name, names
from tests.training import small


@pytest.fixture(scope="module")
def encoder() -> keras.Model:
    return small.encoder()


@pytest.fixture
def dataset(kaggle_folder: Path, tmp_path: Path) -> Dataset:
    """A copy, to be spoilt."""
    return datasets.load(shutil.copytree(kaggle_folder, tmp_path / "flickr8k"))


def cached(encoder: keras.Model, dataset: Dataset, cache: Path) -> Regions:
    return features.cached_regions(encoder, dataset, names("train"), cache, "looking")


def test_cached_regions_are_those_computed_now(
    encoder: keras.Model, tiny_dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(features, "_BATCH", 3)
    result = cached(encoder, tiny_dataset, tmp_path)
    squares = [images.square(images.read(tiny_dataset.path(n)), small.SIZE) for n in names("train")]

    assert isinstance(result, StoredRegions)
    assert (len(result), result.shape) == (8, (8, small.REGIONS, small.CHANNELS))
    computed = computed_regions(encoder, tiny_dataset)[:]
    np.testing.assert_allclose(computed, encoder(np.stack(squares)), rtol=2e-3, atol=1e-3)
    assert np.array_equal(result[:], stored_regions.decode(stored_regions.encode(computed)))
    assert np.array_equal(features.region_loader(result)([5, 2]), result[:][[5, 2]])


def computed_regions(encoder: keras.Model, dataset: Dataset) -> features.ComputedRegions:
    return features.ComputedRegions(encoder, [dataset.path(name) for name in names("train")])


def test_without_room_on_the_disk_the_same_regions_are_computed_when_read(
    encoder: keras.Model, tiny_dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = cached(encoder, tiny_dataset, tmp_path)[[5, 2]]
    (file,) = tmp_path.iterdir()
    assert file.stat().st_size - 128 == stored_regions.size(8, small.REGIONS, small.CHANNELS)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=100))
    assert isinstance(cached(encoder, tiny_dataset, tmp_path), StoredRegions), "it is there already"
    file.unlink()
    computed = cached(encoder, tiny_dataset, tmp_path)
    assert isinstance(computed, features.ComputedRegions)
    assert not [*tmp_path.iterdir()]
    np.testing.assert_allclose(computed[[5, 2]], stored, rtol=1e-3)
    assert np.array_equal(computed[2:4], computed[[2, 3]])


def test_cached_regions_are_not_computed_again(
    encoder: keras.Model, tiny_dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = cached(encoder, tiny_dataset, tmp_path)
    monkeypatch.setattr(features, "_compute", None)

    assert np.array_equal(cached(encoder, tiny_dataset, tmp_path)[:], result[:])


def test_the_key_follows_weights_size_and_files(dataset: Dataset, tmp_path: Path) -> None:
    cache, encoder = tmp_path / "cache", small.encoder()

    def files_after(change: Callable[[], object]) -> int:
        change()
        cached(encoder, dataset, cache)
        return len(list(cache.iterdir()))

    def other_weights() -> None:
        encoder.set_weights([weights + 0.1 for weights in encoder.get_weights()])

    def other_picture() -> None:
        Image.new("RGB", (70, 70)).save(dataset.path(name(0)))

    assert files_after(lambda: None) == 1
    assert files_after(other_weights) == 2
    assert files_after(other_picture) == 3
    cached(small.encoder(2 * small.SIZE), dataset, cache)
    features.cached_regions(encoder, dataset, names("dev"), cache, "looking")
    assert len(list(cache.iterdir())) == 5


def test_the_same_encoder_built_again_has_the_same_fingerprint() -> None:
    """Though Keras numbers its layers on."""
    options = EncoderOptions("mobilenet_edgetpu", "none", image_size=32)
    first, second = build_encoder(options), build_encoder(options)
    second.set_weights(first.get_weights())

    assert features.fingerprint(first) == features.fingerprint(second)


def test_an_unfinished_cache_file_is_never_used(
    encoder: keras.Model, tiny_dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(features, "_BATCH", 3)
    read, seen = images.read, 0

    def killed(path: Path) -> NDArray[np.uint8]:
        nonlocal seen
        seen += 1
        if seen > 5:
            raise KeyboardInterrupt
        return read(path)

    with monkeypatch.context() as patch:
        patch.setattr(images, "read", killed)
        with pytest.raises(KeyboardInterrupt):
            cached(encoder, tiny_dataset, tmp_path)
    assert not list(tmp_path.glob("*.npy"))

    result = cached(encoder, tiny_dataset, tmp_path)
    computed = computed_regions(encoder, tiny_dataset)[:]
    assert np.array_equal(result[:], stored_regions.decode(stored_regions.encode(computed)))


def test_only_stale_temporary_files_are_removed(
    encoder: keras.Model, tiny_dataset: Dataset, tmp_path: Path
) -> None:
    old, new = tmp_path / "x.1.tmp", tmp_path / "x.2.tmp"
    old.touch()
    new.touch()
    os.utime(old, (1e9, 1e9))
    cached(encoder, tiny_dataset, tmp_path)

    assert (old.exists(), new.exists()) == (False, True)


def test_unreadable_pictures_are_left_out_and_named(dataset: Dataset) -> None:
    dataset.path(name(1)).write_text("not a picture")
    dataset.path(name(9)).write_bytes(dataset.path(name(9)).read_bytes()[:300])
    result = features.without_unreadable(dataset)

    assert result.skipped == (f"skipped 2 pictures that cannot be decoded, such as {name(1)}",)
    assert name(1) not in result.splits["train"]
    assert name(9) not in result.splits["dev"]
    assert features.without_unreadable(result) == result


def test_a_split_without_a_readable_picture_is_refused(dataset: Dataset) -> None:
    for picture in names("dev"):
        dataset.path(picture).write_bytes(b"\xff\xd8\xff")
    with pytest.raises(DatasetError, match=r"no picture of the dev split is left .*cannot be decoded"):
        features.without_unreadable(dataset)


@pytest.fixture
def halves(dataset: Dataset) -> Dataset:
    """Every training picture is red on the left and blue on the right."""
    picture = Image.new("RGB", (60, 40), (200, 0, 0))
    picture.paste((0, 0, 200), (30, 0, 60, 40))
    for file in names("train"):
        picture.save(dataset.path(file), quality=100)
    return dataset


def augmented(dataset: Dataset, seed: int, epoch: int = 0) -> NDArray[np.uint8]:
    load = features.augmented_image_loader(dataset, dataset.splits["train"], 16, seed, epoch)
    return np.asarray(load(list(range(8))), np.uint8)


def test_augmentation_depends_on_seed_and_epoch_alone(tiny_dataset: Dataset) -> None:
    """And one seed's next epoch is not the next seed's."""
    first, again = (augmented(tiny_dataset, 1, 2) for _ in range(2))
    others = [augmented(tiny_dataset, seed, epoch) for seed, epoch in ((2, 1), (0, 3), (3, 0), (1, 1))]

    assert (first.dtype.name, first.shape) == ("uint8", (8, 16, 16, 3))
    assert np.array_equal(first, again)
    for other in others:
        assert all(not np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def test_a_picture_whose_captions_say_left_is_never_flipped(halves: Dataset) -> None:
    flipped = []
    for seed in range(20):
        reds = augmented(halves, seed)[..., 0].astype(int)
        flipped.append(reds[:, :, 0].mean(axis=1) < reds[:, :, -1].mean(axis=1))
    often = np.mean(flipped, axis=0)

    assert often[NOT_FLIPPED] == 0
    assert (np.abs(np.delete(often, NOT_FLIPPED) - 0.5) < 0.45).all()


def test_crops_keep_most_of_the_picture(halves: Dataset) -> None:
    """Both halves stay in view, and neither is stretched over nearly everything."""
    for seed in range(20):
        blue = (augmented(halves, seed)[..., 2] > 100).mean(axis=(1, 2))
        assert ((blue > 0.2) & (blue < 0.8)).all()


@pytest.mark.parametrize(
    ("caption", "sided"),
    [
        ("a man to the LEFT of a dog", True),
        ("on the right-hand side", True),
        ("a bright light", False),
        ("a dog leftover", False),
    ],
)
def test_left_and_right_are_words(caption: str, sided: bool) -> None:
    assert bool(features._LEFT_OR_RIGHT.search(caption)) == sided
