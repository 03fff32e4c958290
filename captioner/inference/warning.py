"""Why to take a caption with caution, in plain sentences that travel with it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from captioner.bundle.storage import Bundle
from captioner.errors import BundleError
from captioner.inference import confidence
from captioner.inference.confidence import Threshold
from captioner.novelty import detector
from captioner.novelty.detector import NoveltyDetector

UNFAMILIAR, UNSURE = "unfamiliar", "unsure"  # codes; files and programs rely on them
SENTENCES = {
    UNFAMILIAR: "This picture looks unlike the photographs that the model learned from.",
    UNSURE: "The model is unusually unsure about this picture.",
}
ADVICE = {
    UNFAMILIAR: "It describes every picture in the words it has for those, so its sentence may have little "
    "to do with this one.",
    UNSURE: "Take its sentence with caution.",
}

log = logging.getLogger(__name__)
Fact = TypeVar("Fact")


@dataclass(frozen=True)
class CaptionWarning:
    """One reason for caution, as plain text."""

    code: str  # one of SENTENCES
    sentence: str
    advice: str
    reason: str  # the figures behind it, and how often it is wrong


@dataclass(frozen=True)
class Rules:
    """What warnings rest on; without a rule there is no such warning."""

    novelty: NoveltyDetector | None = None
    threshold: Threshold | None = None
    unreadable: tuple[str, ...] = ()  # a sentence for each warning that a broken file rules out

    def warnings(self, regions: NDArray[np.float32], confidence: float) -> tuple[CaptionWarning, ...]:
        """About float32[1, R, C] and the caption that the bundle's own options lead to."""
        found = (
            unfamiliar(self.novelty, self.novelty.similarity(regions)) if self.novelty else None,
            unsure(self.threshold, confidence) if self.threshold else None,
        )
        return tuple(one for one in found if one)


def read(bundle: Bundle, channels: int) -> Rules:
    """A bundle's rules, for an encoder of so many channels. One that cannot be read costs no caption."""
    novelty, strange = _readable(
        lambda: detector.read(bundle, channels), "Unusual pictures cannot be noticed"
    )
    threshold, vague = _readable(lambda: confidence.read(bundle), "Unsure captions cannot be pointed out")
    return Rules(novelty, threshold, strange + vague)


def _readable(read: Callable[[], Fact | None], without: str) -> tuple[Fact | None, tuple[str, ...]]:
    try:
        return read(), ()
    except BundleError as error:
        log.warning("captions lack a warning: %s", error)
        return None, (f"{without}: {error}",)


def unfamiliar(rule: NoveltyDetector, likeness: float) -> CaptionWarning | None:
    """About a picture less like the training pictures than the rule's limit; none about another."""
    if likeness >= rule.threshold:
        return None
    reason = (
        f"Likeness to the training pictures, as the encoder sees them (cosine): {likeness:.3f}. Below "
        f"{rule.threshold:.3f} a picture counts as unlike. The sign can be wrong: of {rule.images:,} "
        f"pictures of the {rule.split} split, which are of the kind that the model learned from, it came up "
        f"for {rule.false_positives:,} ({rule.false_positives / rule.images:.1%}). {_tried(rule)}"
    )
    return _warning(UNFAMILIAR, reason)


def unsure(threshold: Threshold, confidence: float) -> CaptionWarning | None:
    """About a caption no surer than the threshold; none about another."""
    if confidence > threshold.sure:
        return None
    shares = threshold.doubted / threshold.images, threshold.wrongly / threshold.doubted
    reason = (
        f"On average the model gave each word of its sentence a chance of {confidence:.0%}. Of "
        f"{threshold.images:,} test pictures, {threshold.doubted} ({shares[0]:.0%}) had "
        f"{threshold.sure:.0%} or less. The sign can be wrong: {threshold.wrongly} of those "
        f"{threshold.doubted} sentences ({shares[1]:.0%}) were more like people’s than the middle one of all "
        "(CIDEr above the median)."
    )
    return _warning(UNSURE, reason)


def _warning(code: str, reason: str) -> CaptionWarning:
    return CaptionWarning(code, SENTENCES[code], ADVICE[code], reason.strip())


def _tried(rule: NoveltyDetector) -> str:
    """What the rule notices and what it misses, as a sentence."""
    kinds = rule.detected.items()
    found = [kind for kind, (part, whole) in kinds if part == whole]
    partly = [f"{part} of {whole} {kind}" for kind, (part, whole) in kinds if 0 < part < whole]
    missed = [kind for kind, (part, _) in kinds if not part]
    said = [
        f"all {_listed(found)}" if found else "",
        _listed(partly),
        f"none of the {_listed(missed)}" if missed else "",
    ]
    return (
        f"Tried on pictures made to be unlike, it noticed {'; '.join(filter(None, said))}." if kinds else ""
    )


def _listed(things: Sequence[str]) -> str:
    *first, last = things or [""]
    return f"{', '.join(first)} and {last}" if first else last
