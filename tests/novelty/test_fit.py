"""The novelty detector is fitted on pictures that the model was not trained on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from captioner.__main__ import main
from captioner.bundle import manifest, ratings, reader
from captioner.bundle import storage as bundles
from captioner.bundle.manifest import NOVELTY, RATINGS_FILE
from captioner.bundle.storage import Bundle
from captioner.data.datasets import Dataset
from captioner.errors import DatasetError, ImageError
from captioner.inference.captioner import Captioner
from captioner.novelty import fit, synthetic_images
from captioner.novelty.detector import NoveltyDetector, normalized
from tests import tiny

SIZES = {"train": 40, "dev": 100, "test": 120}
IMAGES_PER_KIND = 6


@pytest.fixture(autouse=True)
def _few_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fit, "IMAGES_PER_KIND", IMAGES_PER_KIND)


class ColourEncoder:
    """An encoder whose channels are red, green and blue; it records what it encodes."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self.seen: list[tuple[int, ...]] = []

    def encode(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.seen.append(tuple(image[0, 0].tolist()))
        return np.asarray(image.mean(axis=(0, 1), dtype=np.float32)[None, None])


def encoder(folder: Path, **changes: str) -> ColourEncoder:
    return ColourEncoder(bundles.write(folder, tiny.required_files(tiny.config(**changes))))


def data(folder: Path, sizes: dict[str, int], name: str = "official") -> Dataset:
    """Reddish pictures, all different; the greenest ones of a split come first."""
    folder.mkdir()
    splits: dict[str, dict[str, tuple[str, ...]]] = {}
    for split, size in sizes.items():
        splits[split] = {f"{split}{index}.png": ("a red square",) for index in range(size)}
        for index, file in enumerate(splits[split]):
            Image.new("RGB", (8, 8), (200, size - index, 0)).save(folder / file)
    return Dataset(folder, name, splits)


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return data(tmp_path / "images", SIZES)


def fitted(encoder: ColourEncoder, dataset: Dataset) -> NoveltyDetector:
    detector = fit.fit(encoder, dataset)
    assert detector
    return detector


def test_the_threshold_is_set_on_one_split_and_checked_on_another(tmp_path: Path, dataset: Dataset) -> None:
    detector = fitted(encoder(tmp_path / "artifacts"), dataset)
    colours = [np.array([[[200, green, 0]]], np.float32) for green in range(1, SIZES["dev"] + 1)]
    near = sorted(detector.similarity(colour) for colour in colours)
    assert near[0] <= detector.threshold <= near[1] + 1e-6, "one in a hundred"
    assert (detector.split, detector.images, detector.split_name) == ("test", SIZES["test"], "official")
    greener = SIZES["test"] - SIZES["dev"]
    assert greener <= detector.false_positives <= greener + 1


def test_fitting_is_deterministic(tmp_path: Path, dataset: Dataset) -> None:
    assert fitted(encoder(tmp_path / "a"), dataset) == fitted(encoder(tmp_path / "b"), dataset)


def test_every_kind_of_synthetic_image_is_tested(tmp_path: Path, dataset: Dataset) -> None:
    detector = fitted(encoder(tmp_path / "artifacts"), dataset)
    assert list(detector.detected) == [*synthetic_images.GENERATED, *synthetic_images.ALTERED]
    assert {total for _, total in detector.detected.values()} == {IMAGES_PER_KIND}
    assert detector.detected["pages of text"] == (IMAGES_PER_KIND, IMAGES_PER_KIND), "white is not red"
    assert detector.detected["photographs upside down"][0] <= IMAGES_PER_KIND / 2, (
        "their colours are the same"
    )


def test_without_a_test_split_halves_of_dev_are_used(tmp_path: Path) -> None:
    kaggle = data(tmp_path / "images", {"train": 20, "dev": 2 * fit.MIN_IMAGES}, "kaggle")
    model = encoder(tmp_path / "artifacts", split_name="kaggle")
    detector = fitted(model, kaggle)
    assert (detector.split, detector.images, detector.split_name) == ("dev", fit.MIN_IMAGES, "kaggle")


@pytest.mark.parametrize("split", ["dev", "test"])
def test_too_few_pictures_give_no_detector(tmp_path: Path, split: str) -> None:
    few = data(tmp_path / "images", {**SIZES, split: fit.MIN_IMAGES - 1})
    model = encoder(tmp_path / "artifacts")
    before = model.bundle.checksum
    assert fit.fit_and_write(model, few) is None
    assert model.seen == [], "no picture is encoded"
    assert bundles.load(model.bundle.folder).checksum == before


def test_another_split_name_is_refused(tmp_path: Path, dataset: Dataset) -> None:
    with pytest.raises(DatasetError, match="trained on the kaggle split"):
        fit.fit(encoder(tmp_path / "artifacts", split_name="kaggle"), dataset)


def test_a_picture_that_cannot_be_read_is_named(tmp_path: Path, dataset: Dataset) -> None:
    dataset.path("dev3.png").write_bytes(b"no picture")
    with pytest.raises(ImageError, match=r"dev3\.png"):
        fit.fit(encoder(tmp_path / "artifacts"), dataset)


def test_the_detector_is_written_into_the_bundle(tmp_path: Path, dataset: Dataset) -> None:
    model = ColourEncoder(tiny.rated(encoder(tmp_path / "artifacts").bundle))
    detector = fit.fit_and_write(model, dataset)
    assert detector
    sealed = bundles.load(model.bundle.folder)
    written = (sealed.folder / NOVELTY).read_bytes()
    assert reader.decode(reader.parse_object(written, NOVELTY), NoveltyDetector, NOVELTY) == detector
    assert manifest.canonical(reader.parse(written, NOVELTY)) == written
    before = model.bundle.files
    changed = {name for name, entry in sealed.files.items() if before.get(name) != entry}
    assert changed == {NOVELTY, RATINGS_FILE}
    assert model.bundle.checksum in ratings.checksums(sealed), "what people said before counts on"


def test_centroids_are_at_the_clusters() -> None:
    rng = np.random.default_rng(0)
    clusters = np.eye(5)[rng.integers(0, 5, 200)] + rng.normal(0, 0.01, (200, 5))
    result = normalized(np.array(fit.spherical_k_means(normalized(clusters)), np.float64))
    assert len(result) == fit.CENTROIDS
    assert (result @ np.eye(5)).max(axis=0) == pytest.approx(np.ones(5), abs=0.01)


def test_fewer_pictures_than_centroids_are_centroids_themselves() -> None:
    assert sorted(fit.spherical_k_means(np.eye(3))) == [(0, 0, 1000), (0, 1000, 0), (1000, 0, 0)]


@pytest.mark.parametrize("kind", synthetic_images.GENERATED)
def test_synthetic_images_differ_by_seed(kind: str) -> None:
    drawn = [synthetic_images.GENERATED[kind](np.random.default_rng(seed)) for seed in (0, 0, 1, 2, 3)]
    assert all(picture.shape == (synthetic_images.SIDE, synthetic_images.SIDE, 3) for picture in drawn)
    assert all(picture.dtype == np.uint8 for picture in drawn)
    assert (drawn[0] == drawn[1]).all()
    assert len({picture.tobytes() for picture in drawn}) == 4


@pytest.mark.parametrize("alteration", synthetic_images.ALTERED)
def test_a_changed_photograph_keeps_its_size(alteration: str) -> None:
    photograph = np.random.default_rng(0).integers(0, 256, (30, 50, 3), dtype=np.uint8)
    changed = synthetic_images.ALTERED[alteration](photograph)
    assert changed.shape == photograph.shape
    assert changed.dtype == np.uint8
    assert not (changed == photograph).all()


def test_the_command_prints_and_writes(
    tiny_bundle: Bundle,
    kaggle_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(fit, "MIN_IMAGES", 4)
    own = bundles.write(tmp_path / "own", {name: tiny_bundle.folder / name for name in tiny_bundle.files})
    command = ["novelty", "--bundle", str(own.folder), "--data", str(kaggle_folder)]

    assert main(command) == 0
    assert bundles.load(own.folder).checksum == own.checksum, "nothing is written unless asked for"
    assert main([*command, "--write"]) == 0
    detector = Captioner(bundles.load(own.folder)).warning_rules.novelty
    assert detector
    assert detector.images == 4
    assert capsys.readouterr().out == f"{detector}\n{detector}\nwritten to {own.folder}\n"


def test_the_command_says_that_pictures_are_few(
    tiny_bundle: Bundle, kaggle_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["familiar", "--bundle", str(tiny_bundle.folder), "--data", str(kaggle_folder), "--write"]
    assert main(command) == 2
    assert "at least 100 pictures" in capsys.readouterr().err
    assert bundles.load(tiny_bundle.folder).checksum == tiny_bundle.checksum
