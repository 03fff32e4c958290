"""Out-of-distribution detection: how similar an image is to the training images, and when it is novel.

An image is represented by the direction of its mean region with negative values set to 0: only encoders that
standardise their regions have negative values, and with these flat colours and blur would not be detected.
Centroids of such directions, found by spherical k-means, stand for the training images. The cosine with the
nearest one is the similarity. ``fit`` finds centroids and threshold.

Distances that depend on length (Euclidean, Mahalanobis) detect almost nothing: novel images activate the
encoder less, and so lie nearer to the mean of the training images than those images themselves.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from captioner.bundle.manifest import NOVELTY
from captioner.bundle.schema import NoveltyParameters
from captioner.bundle.storage import Bundle
from captioner.errors import PULL_AGAIN, BundleError

SCALE = 1000  # a centroid's coordinates are whole thousandths


class NoveltyDetector(NoveltyParameters, frozen=True, forbid_unknown_fields=True, dict=True):
    """Compares images with the centroids of the training images; stored as novelty.json."""

    def similarity(self, regions: NDArray[np.float32]) -> float:
        """Cosine of the mean of regions float32[1, R, C] with the nearest centroid; 0 if all are 0."""
        return float((self._units @ mean_direction(regions)).max())

    def __str__(self) -> str:
        """A report: threshold, false positives, and detection rates by kind of image, a line each."""
        counted = (
            f"{self.false_positives} of {self.images} pictures ({self.false_positives / self.images:.1%})"
        )
        kinds = sorted(self.detected.items(), key=lambda one: (-one[1][0] / one[1][1], one[0]))
        return "\n".join(
            (
                f"a picture of a similarity below {self.threshold:.3f} is novel",
                f"false positives: {counted} of the {self.split_name} {self.split} split",
                "novel pictures detected:",
                *(f"{count:5} of {total}  {kind}" for kind, (count, total) in kinds),
            )
        )

    @cached_property
    def _units(self) -> NDArray[np.float64]:
        return normalized(np.array(self.centroids, np.float64))

    def to_json(self) -> dict[str, Any]:
        """The object for novelty.json."""
        fields: dict[str, Any] = msgspec.to_builtins(self)
        return fields


def read(bundle: Bundle, channels: int) -> NoveltyDetector | None:
    """The detector of a bundle; None if it has none.

    Raises:
        BundleError: it is malformed, or made for an encoder with another number of channels.
    """
    detector = bundle.record(NOVELTY, NoveltyDetector)
    if detector and (expected := len(detector.centroids[0])) != channels:
        raise BundleError(
            f"{NOVELTY} is for an encoder of {expected} channels, this one has {channels}. {PULL_AGAIN}"
        )
    return detector


def mean_direction(regions: NDArray[np.float32]) -> NDArray[np.float64]:
    """Unit vector float64[C] of the mean positive part of regions float32[1, R, C]; 0 if all are 0."""
    return normalized(np.maximum(regions[0], 0).mean(axis=0, dtype=np.float64))


def normalized(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows float64[…, C] divided by their Euclidean norm; rows of 0 are unchanged: float64[…, C]."""
    length = np.linalg.norm(rows, axis=-1, keepdims=True)
    units: NDArray[np.float64] = np.divide(rows, length, out=np.zeros_like(rows), where=length > 0)
    return units
