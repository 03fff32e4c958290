"""From which sureness on the model counts as unusually unsure: a threshold measured on the test captions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from captioner.bundle.storage import Bundle

SHARE = 0.1  # of the test captions count as unusually unsure
ENOUGH = 100  # test captions, from which on a threshold is measured


@dataclass(frozen=True)
class Threshold:
    """The rule and what it does on the test pictures."""

    sure: float  # geometric mean of the word probabilities; up to this, a caption is doubted
    images: int
    doubted: int  # captions that the rule doubts
    wrongly: int  # of these, with more likeness to people's (CIDEr) than the median of all has


def caption_confidence(caption: str, log_prob: float, max_words: int) -> float:
    """Geometric mean of the word probabilities; of a caption that was not cut off, the end included."""
    return math.exp(log_prob / min(len(caption.split()) + 1, max_words))


def measured(scored: Sequence[tuple[float, float]]) -> Threshold | None:
    """From the sureness and the CIDEr of every test caption, the sureness that ``SHARE`` do not exceed.

    None where they are few.
    """
    if len(scored) < ENOUGH:
        return None
    sure = sorted(sure for sure, _ in scored)[math.ceil(SHARE * len(scored)) - 1]
    middle = median(cider for _, cider in scored)
    doubted = [cider for found, cider in scored if found <= sure]
    return Threshold(sure, len(scored), len(doubted), sum(cider > middle for cider in doubted))


def read(bundle: Bundle) -> Threshold | None:
    """A bundle's threshold, for captions decoded as its test captions were; None where these are few.

    Raises:
        BundleError: predictions.csv is malformed or was altered.
    """
    words = bundle.config.max_words
    return measured(
        [(caption_confidence(row.caption, row.log_prob, words), row.cider) for row in bundle.predictions()]
    )
