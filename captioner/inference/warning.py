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
from captioner.inference.confidence import ConfidenceThreshold
from captioner.novelty import detector as novelty_detector
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
Rule = TypeVar("Rule")


@dataclass(frozen=True)
class CaptionWarning:
    """One reason for caution, as plain text."""

    code: str  # one of SENTENCES
    sentence: str
    advice: str
    reason: str  # the figures behind it, and how often it is wrong


@dataclass(frozen=True)
class WarningRules:
    """What each warning rests on; None where the bundle has nothing to rest it on."""

    novelty: NoveltyDetector | None = None
    confidence: ConfidenceThreshold | None = None
    unreadable: tuple[str, ...] = ()  # a sentence for each warning that a broken file makes impossible

    def warnings(self, regions: NDArray[np.float32], confidence: float) -> tuple[CaptionWarning, ...]:
        """About regions float32[1, R, C] and the confidence of the caption with the bundle's own options."""
        possible = (
            novelty_warning(self.novelty, self.novelty.similarity(regions)) if self.novelty else None,
            low_confidence_warning(self.confidence, confidence) if self.confidence else None,
        )
        return tuple(warning for warning in possible if warning)


def read(bundle: Bundle, channels: int) -> WarningRules:
    """A bundle's rules, for an encoder of so many channels. One that cannot be read costs no caption."""
    novelty, no_novelty = _readable(
        lambda: novelty_detector.read(bundle, channels), "Unusual pictures cannot be noticed"
    )
    threshold, no_threshold = _readable(
        lambda: confidence.read(bundle), "Unsure captions cannot be pointed out"
    )
    return WarningRules(novelty, threshold, no_novelty + no_threshold)


def _readable(read: Callable[[], Rule | None], without: str) -> tuple[Rule | None, tuple[str, ...]]:
    try:
        return read(), ()
    except BundleError as error:
        log.warning("captions lack a warning: %s", error)
        return None, (f"{without}: {error}",)


def novelty_warning(detector: NoveltyDetector, similarity: float) -> CaptionWarning | None:
    """About a picture less similar to the training pictures than the threshold; none about another."""
    if similarity >= detector.threshold:
        return None
    share = detector.false_positives / detector.images
    reason = (
        f"Likeness to the training pictures, as the encoder sees them (cosine): {similarity:.3f}. Below "
        f"{detector.threshold:.3f} a picture counts as unlike. The sign can be wrong: of "
        f"{detector.images:,} pictures of the {detector.split} split, which are of the kind that the model "
        f"learned from, it came up for {detector.false_positives:,} ({share:.1%}). "
        f"{_detection_summary(detector)}"
    )
    return _warning(UNFAMILIAR, reason)


def low_confidence_warning(threshold: ConfidenceThreshold, confidence: float) -> CaptionWarning | None:
    """About a caption whose confidence is not above the threshold; none about another."""
    if confidence > threshold.value:
        return None
    shares = threshold.flagged / threshold.images, threshold.false_positives / threshold.flagged
    reason = (
        f"On average the model gave each word of its sentence a chance of {confidence:.0%}. Of "
        f"{threshold.images:,} test pictures, {threshold.flagged} ({shares[0]:.0%}) had "
        f"{threshold.value:.0%} or less. The sign can be wrong: {threshold.false_positives} of those "
        f"{threshold.flagged} sentences ({shares[1]:.0%}) were more like people’s than the middle one of all "
        "(CIDEr above the median)."
    )
    return _warning(UNSURE, reason)


def _warning(code: str, reason: str) -> CaptionWarning:
    return CaptionWarning(code, SENTENCES[code], ADVICE[code], reason.strip())


def _detection_summary(detector: NoveltyDetector) -> str:
    """What the detector notices and what it misses, as a sentence."""
    kinds = detector.detected.items()
    all_found = [kind for kind, (part, whole) in kinds if part == whole]
    partly = [f"{part} of {whole} {kind}" for kind, (part, whole) in kinds if 0 < part < whole]
    missed = [kind for kind, (part, _) in kinds if not part]
    parts = [
        f"all {_enumeration(all_found)}" if all_found else "",
        _enumeration(partly),
        f"none of the {_enumeration(missed)}" if missed else "",
    ]
    return (
        f"Tried on pictures made to be unlike, it noticed {'; '.join(filter(None, parts))}." if kinds else ""
    )


def _enumeration(items: Sequence[str]) -> str:
    *first, last = items or [""]
    return f"{', '.join(first)} and {last}" if first else last
