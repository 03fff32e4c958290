"""Whether the model is so unsure that a person should be told: a rule measured on the test pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from captioner.app import wording
from captioner.app.predicted import Said
from captioner.model import Caption

SHARE = 0.1  # of the test sentences count as unusually unsure
ENOUGH = 100  # test sentences, from which on a rule is measured


@dataclass(frozen=True)
class Threshold:
    """The rule and what it does on the test pictures."""

    sure: float  # geometric mean of the word probabilities; up to this, the sentence is doubted
    images: int
    doubted: int  # sentences that the rule doubts
    wrongly: int  # of these, with more likeness to people's (CIDEr) than the median of all has


def measured(everything: Sequence[Said]) -> Threshold | None:
    """The threshold that ``SHARE`` of the test sentences do not exceed; nothing where they are few."""
    if len(everything) < ENOUGH:
        return None
    ordered = sorted(said.sure for said in everything)
    sure = ordered[math.ceil(SHARE * len(ordered)) - 1]
    middle = median(said.like for said in everything)
    doubted = [said for said in everything if said.sure <= sure]
    wrongly = sum(said.like > middle for said in doubted)
    return Threshold(sure, len(everything), len(doubted), wrongly)


def warning(caption: Caption, threshold: Threshold | None) -> tuple[str, str] | None:
    """A sentence for an unusually unsure caption, as Markdown, and how it was come by."""
    if threshold is None or caption.sureness > threshold.sure:
        return None
    sentence = (
        ":material/warning: **The model is unusually unsure about this picture.** Take its sentence with "
        "caution."
    )
    shares = threshold.doubted / threshold.images, threshold.wrongly / threshold.doubted
    reason = (
        f"On average it gave each word of its sentence a chance of {wording.percent(caption.sureness)}. Of "
        f"{threshold.images:,} test pictures, {threshold.doubted} ({shares[0]:.0%}) had "
        f"{wording.percent(threshold.sure)} or less. The sign can be wrong: {threshold.wrongly} of those "
        f"{threshold.doubted} sentences ({shares[1]:.0%}) were more like people’s than the middle one of all "
        "(CIDEr above the median)."
    )
    return sentence, reason
