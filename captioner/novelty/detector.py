"""Whether a picture looks like those that the model was trained on: a rule that is kept in the bundle.

A picture is where the mean of its regions points. Negatives count as 0: only encoders that standardise their
regions have any, and with them flat colours and blur go unnoticed. A few directions, the centres, stand for
the training pictures; how near the nearest of them is, as a cosine, is the likeness. ``calibration`` finds
the rule.

Distances in which length counts (Euclid, Mahalanobis) notice next to nothing: what the encoder does not know
excites it less, and so lies nearer to the middle of the training pictures than these do themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from captioner.bundle import schema
from captioner.bundle.manifest import NOVELTY
from captioner.bundle.schema import AGAIN, NoveltyParameters
from captioner.bundle.storage import Bundle
from captioner.errors import BundleError

FINENESS = 1000  # a centre's coordinates are whole thousandths


class NoveltyDetector(NoveltyParameters, frozen=True, forbid_unknown_fields=True, dict=True):
    """Where familiar pictures lie, from where on one is unfamiliar, and what the rule does."""

    def similarity(self, regions: NDArray[np.float32]) -> float:
        """Of float32[1, R, C]: cosine of the mean region with the nearest centre; 0 if nothing was seen."""
        return float((self._units @ direction(regions)).max())

    def __str__(self) -> str:
        """What the rule does, in lines."""
        counted = (
            f"{self.false_positives} of {self.images} pictures ({self.false_positives / self.images:.1%})"
        )
        kinds = sorted(self.detected.items(), key=lambda one: (-one[1][0] / one[1][1], one[0]))
        return "\n".join(
            (
                f"a likeness below {self.threshold:.3f} is unfamiliar",
                f"false alarms: {counted} of the {self.split_name} {self.split} split",
                "unfamiliar pictures noticed:",
                *(f"{part:5} of {whole}  {kind}" for kind, (part, whole) in kinds),
            )
        )

    @cached_property
    def _units(self) -> NDArray[np.float64]:
        return unit(np.array(self.centroids, np.float64))

    def to_json(self) -> dict[str, Any]:
        """The object for novelty.json; ``from_json`` undoes it."""
        found: dict[str, Any] = msgspec.to_builtins(self)
        return found

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> NoveltyDetector:
        """From the object in novelty.json; ``BundleError`` when a field is wrong, missing or too many."""
        return schema.decode(value, cls, NOVELTY)


def read(bundle: Bundle, channels: int) -> NoveltyDetector | None:
    """A bundle's rule, if it has one.

    Raises:
        BundleError: it is malformed, or made for an encoder of other than this many channels.
    """
    rule = bundle.record(NOVELTY, NoveltyDetector)
    if rule is None:
        return None
    if (expected := len(rule.centroids[0])) != channels:
        raise BundleError(
            f"{NOVELTY} is for an encoder of {expected} channels, this one has {channels}. {AGAIN}"
        )
    return rule


def direction(regions: NDArray[np.float32]) -> NDArray[np.float64]:
    """float32[1, R, C] → float64[C] of length 1 and nowhere below 0, or 0 where nothing was seen."""
    return unit(np.maximum(regions[0], 0).mean(axis=0, dtype=np.float64))


def unit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    length = np.linalg.norm(rows, axis=-1, keepdims=True)
    units: NDArray[np.float64] = np.divide(rows, length, out=np.zeros_like(rows), where=length > 0)
    return units
