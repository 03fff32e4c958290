"""Finds the novelty detector of a bundle, and measures what it detects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from captioner import images
from captioner.bundle import manifest
from captioner.bundle import storage as bundles
from captioner.bundle.manifest import NOVELTY
from captioner.bundle.storage import Bundle
from captioner.data.flickr8k import Dataset
from captioner.data.samples import spread
from captioner.errors import DatasetError
from captioner.novelty import synthetic_images
from captioner.novelty.detector import SCALE, NoveltyDetector, mean_direction, normalized
from captioner.progress import track

CENTROIDS = 16
ITERATIONS = 30  # of k-means
MAX_TRAINING_IMAGES = 1500  # that the centroids are found from; with all of them they are no better
FALSE_POSITIVE_RATE = 0.01  # on the images that set the threshold
MIN_IMAGES = 100  # to set a threshold, and as many others to check it
IMAGES_PER_KIND = 40  # synthetic images of every kind

Regions = NDArray[np.float32]


class Encoder(Protocol):
    """What a detector is calibrated for: a ``Captioner``, or a stand-in for it."""

    bundle: Bundle

    def encode(self, image: NDArray[np.uint8]) -> Regions:
        """uint8[H, W, 3] → float32[1, R, C]."""


def write(encoder: Encoder, dataset: Dataset) -> NoveltyDetector | None:
    """Calibrate a detector and seal it into the bundle; as ``calibrate``."""
    detector = calibrate(encoder, dataset)
    if detector:
        bundles.replace(encoder.bundle.folder, {NOVELTY: manifest.canonical(detector.to_json())})
    return detector


def calibrate(encoder: Encoder, dataset: Dataset) -> NoveltyDetector | None:
    """A detector for an encoder; None where fewer than ``MIN_IMAGES`` images set its threshold or check it.

    The centroids come from training images. The threshold does not, as the encoder was trained on those, and
    neither does it come from the images on which the false positives are counted.

    Raises:
        DatasetError: the model was trained on another split of the images.
        ImageError: an image cannot be read.
    """
    if dataset.name != encoder.bundle.config.split_name:
        raise DatasetError(
            f"this model was trained on the {encoder.bundle.config.split_name} split. "
            f"Measure it on that one, not on the {dataset.name} split."
        )
    calibrating, checking, split = _held_out_images(dataset)
    if min(len(calibrating), len(checking)) < MIN_IMAGES:
        return None
    names = spread(list(dataset.splits["train"]), MAX_TRAINING_IMAGES)
    training = _encoded(encoder, dataset, names, "training pictures")
    found = spherical_k_means(np.array([mean_direction(regions) for regions in training]))
    detector = NoveltyDetector(found, 0.0, dataset.name, split, len(checking), 0, {})
    encoded = _encoded(encoder, dataset, calibrating, "pictures for the threshold")
    similarities = [detector.similarity(regions) for regions in encoded]
    detector = replace(detector, threshold=round(float(np.quantile(similarities, FALSE_POSITIVE_RATE)), 6))
    false_positives = _count_novel(detector, _encoded(encoder, dataset, checking, "pictures to check it"))
    photographs = [images.read(dataset.path(name)) for name in spread(checking, IMAGES_PER_KIND)]
    detected = _detection_rates(encoder, detector, photographs)
    return replace(detector, false_positives=false_positives, detected=detected)


def _held_out_images(dataset: Dataset) -> tuple[list[str], list[str], str]:
    """Images that set the threshold, images that check it, and the split of the latter."""
    dev = list(dataset.splits["dev"])
    if "test" in dataset.splits:
        return dev, list(dataset.splits["test"]), "test"
    return dev[::2], dev[1::2], "dev"


def _encoded(encoder: Encoder, dataset: Dataset, names: Sequence[str], label: str) -> Iterator[Regions]:
    for name in track(names, label, len(names)):
        yield encoder.encode(images.read(dataset.path(name)))


def _count_novel(detector: NoveltyDetector, encoded: Iterable[Regions]) -> int:
    return sum(detector.similarity(regions) < detector.threshold for regions in encoded)


def _detection_rates(
    encoder: Encoder, detector: NoveltyDetector, photographs: Sequence[NDArray[np.uint8]]
) -> dict[str, tuple[int, int]]:
    """How many synthetic images of every kind are detected, and of how many."""
    kinds = {
        kind: [generate(np.random.default_rng(seed)) for seed in range(IMAGES_PER_KIND)]
        for kind, generate in synthetic_images.GENERATED.items()
    }
    kinds |= {
        kind: [alter(photo) for photo in photographs] for kind, alter in synthetic_images.ALTERED.items()
    }
    return {
        kind: (_count_novel(detector, map(encoder.encode, made)), len(made)) for kind, made in kinds.items()
    }


def spherical_k_means(directions: NDArray[np.float64]) -> tuple[tuple[int, ...], ...]:
    """Up to ``CENTROIDS`` centroids, times ``SCALE`` and rounded: int[K, C], of float64[B, C] of length 1.

    Deterministic. Source: Dhillon and Modha 2001, "Concept Decompositions for Large Sparse Text Data".
    """
    count = min(CENTROIDS, len(directions))
    found = directions[np.random.default_rng(0).choice(len(directions), count, replace=False)]
    for _ in range(ITERATIONS):
        nearest = (directions @ found.T).argmax(axis=1)
        sums = np.array([directions[nearest == index].sum(axis=0) for index in range(count)])
        # A centroid that is the nearest of none stays where it was.
        found = normalized(np.where(sums.any(axis=1, keepdims=True), sums, found))
    return tuple(map(tuple, np.rint(SCALE * found).astype(int).tolist()))
