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

from captioner.bundle import manifest, schema
from captioner.bundle.schema import AGAIN, NoveltyRule
from captioner.bundle.storage import Bundle
from captioner.errors import BundleError

FILE = "familiar.json"
FINENESS = 1000  # a centre's coordinates are whole thousandths


class Rule(NoveltyRule, frozen=True, forbid_unknown_fields=True, dict=True):
    """Where familiar pictures lie, from where on one is unfamiliar, and what the rule does."""

    def likeness(self, regions: NDArray[np.float32]) -> float:
        """Of float32[1, R, C]: cosine of the mean region with the nearest centre; 0 if nothing was seen."""
        return float((self._units @ direction(regions)).max())

    def __str__(self) -> str:
        """What the rule does, in lines."""
        counted = f"{self.false_alarms} of {self.images} pictures ({self.false_alarms / self.images:.1%})"
        kinds = sorted(self.noticed.items(), key=lambda one: (-one[1][0] / one[1][1], one[0]))
        return "\n".join(
            (
                f"a likeness below {self.limit:.3f} is unfamiliar",
                f"false alarms: {counted} of the {self.dataset} {self.split} split",
                "unfamiliar pictures noticed:",
                *(f"{part:5} of {whole}  {kind}" for kind, (part, whole) in kinds),
            )
        )

    @cached_property
    def _units(self) -> NDArray[np.float64]:
        return unit(np.array(self.centres, np.float64))

    def to_json(self) -> dict[str, Any]:
        """The object for familiar.json; ``from_json`` undoes it."""
        found: dict[str, Any] = msgspec.to_builtins(self)
        return found

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Rule:
        """From the object in familiar.json; ``BundleError`` when a field is wrong, missing or too many."""
        return schema.decode(value, cls, FILE)


def read(bundle: Bundle, channels: int) -> Rule | None:
    """A bundle's rule, if it has one.

    Raises:
        BundleError: it is malformed, or made for an encoder of other than this many channels.
    """
    if FILE not in bundle.files:
        return None
    data = manifest.content(bundle.folder, FILE, bundle.files[FILE])
    rule = Rule.from_json(manifest.parse_object(data, FILE))
    if (expected := len(rule.centres[0])) != channels:
        raise BundleError(
            f"{FILE} is for an encoder of {expected} channels, this one has {channels}. {AGAIN}"
        )
    return rule


def direction(regions: NDArray[np.float32]) -> NDArray[np.float64]:
    """float32[1, R, C] → float64[C] of length 1 and nowhere below 0, or 0 where nothing was seen."""
    return unit(np.maximum(regions[0], 0).mean(axis=0, dtype=np.float64))


def unit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    length = np.linalg.norm(rows, axis=-1, keepdims=True)
    units: NDArray[np.float64] = np.divide(rows, length, out=np.zeros_like(rows), where=length > 0)
    return units
