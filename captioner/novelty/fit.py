"""Fits the novelty detector of a bundle, its centroids and threshold, and measures its detection rates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from captioner import images
from captioner.bundle import manifest, ratings
from captioner.bundle import storage as bundles
from captioner.bundle.manifest import NOVELTY
from captioner.bundle.storage import Bundle
from captioner.data.datasets import Dataset
from captioner.data.examples import spread
from captioner.novelty import synthetic_images
from captioner.novelty.detector import SCALE, NoveltyDetector, mean_direction, normalized
from captioner.progress import track

CENTROIDS = 16
ITERATIONS = 30  # of k-means
MAX_TRAINING_IMAGES = 1500  # to compute centroids from; more of them do not improve detection
FALSE_POSITIVE_RATE = 0.01  # on the images that set the threshold
MIN_IMAGES = 100  # to set the threshold, and as many others to check it
IMAGES_PER_KIND = 40  # synthetic images of every kind

Regions = NDArray[np.float32]


class Encoder(Protocol):
    """What ``fit`` needs of a ``Captioner``; tests pass a fake."""

    bundle: Bundle

    def encode(self, image: NDArray[np.uint8]) -> Regions:
        """Encode an image uint8[H, W, 3] as regions float32[1, R, C]."""


def fit_and_write(encoder: Encoder, dataset: Dataset) -> NoveltyDetector | None:
    """Fit a detector and write it into the bundle; returns and raises as ``fit`` does."""
    detector = fit(encoder, dataset)
    if detector:
        files = {NOVELTY: manifest.canonical(detector.to_json())}
        bundles.replace(encoder.bundle.folder, {**files, **ratings.file(encoder.bundle)})
    return detector


def fit(encoder: Encoder, dataset: Dataset) -> NoveltyDetector | None:
    """A detector for an encoder; None with fewer than ``MIN_IMAGES`` images for threshold or false positives.

    Centroids, threshold and false positives are measured on disjoint images: training images, on which the
    encoder was fitted, for the centroids; dev images for the threshold; test images for the false positives.
    Where there is no test split, the dev split is halved.

    Raises:
        DatasetError: the model was trained on another split of the images.
        ImageError: an image cannot be read.
    """
    dataset.require_split_name(encoder.bundle.config.split_name)
    threshold_images, test_images, split = _unseen_images(dataset)
    if min(len(threshold_images), len(test_images)) < MIN_IMAGES:
        return None
    names = spread(list(dataset.splits["train"]), MAX_TRAINING_IMAGES)
    training = _encode_all(encoder, dataset, names, "training pictures")
    centroids = spherical_k_means(np.array([mean_direction(regions) for regions in training]))
    detector = NoveltyDetector(centroids, 0.0, dataset.split_name, split, len(test_images), 0, {})
    encoded = _encode_all(encoder, dataset, threshold_images, "pictures for the threshold")
    similarities = [detector.similarity(regions) for regions in encoded]
    detector = replace(detector, threshold=round(float(np.quantile(similarities, FALSE_POSITIVE_RATE)), 6))
    encoded = _encode_all(encoder, dataset, test_images, "pictures to check it")
    false_positives = _count_novel(detector, encoded)
    photographs = [images.read(dataset.path(name)) for name in spread(test_images, IMAGES_PER_KIND)]
    detected = _detection_rates(encoder, detector, photographs)
    return replace(detector, false_positives=false_positives, detected=detected)


def _unseen_images(dataset: Dataset) -> tuple[list[str], list[str], str]:
    """Names of the images for the threshold, of those for the false positives, and the split of these."""
    dev = list(dataset.splits["dev"])
    if "test" in dataset.splits:
        return dev, list(dataset.splits["test"]), "test"
    return dev[::2], dev[1::2], "dev"


def _encode_all(encoder: Encoder, dataset: Dataset, names: Sequence[str], label: str) -> Iterator[Regions]:
    for name in track(names, label, len(names)):
        yield encoder.encode(images.read(dataset.path(name)))


def _count_novel(detector: NoveltyDetector, encoded: Iterable[Regions]) -> int:
    return sum(detector.similarity(regions) < detector.threshold for regions in encoded)


def _detection_rates(
    encoder: Encoder, detector: NoveltyDetector, photographs: Sequence[NDArray[np.uint8]]
) -> dict[str, tuple[int, int]]:
    """Detected and tested synthetic images, by kind."""
    kinds = {
        kind: [generate(np.random.default_rng(seed)) for seed in range(IMAGES_PER_KIND)]
        for kind, generate in synthetic_images.GENERATED.items()
    }
    kinds |= {
        kind: [alter(photo) for photo in photographs] for kind, alter in synthetic_images.ALTERED.items()
    }
    return {
        kind: (_count_novel(detector, map(encoder.encode, pictures)), len(pictures))
        for kind, pictures in kinds.items()
    }


def spherical_k_means(directions: NDArray[np.float64]) -> tuple[tuple[int, ...], ...]:
    """Cluster unit vectors float64[B, C] by cosine (Dhillon and Modha 2001, "Concept Decompositions").

    Returns:
        int[K, C], K at most ``CENTROIDS``: unit centroids times ``SCALE``, rounded. Deterministic.
    """
    count = min(CENTROIDS, len(directions))
    centroids = directions[np.random.default_rng(0).choice(len(directions), count, replace=False)]
    for _ in range(ITERATIONS):
        nearest = (directions @ centroids.T).argmax(axis=1)
        sums = np.array([directions[nearest == index].sum(axis=0) for index in range(count)])
        # The centroid of an empty cluster stays unchanged.
        centroids = normalized(np.where(sums.any(axis=1, keepdims=True), sums, centroids))
    return tuple(map(tuple, np.rint(SCALE * centroids).astype(int).tolist()))
