"""Why a caption may be wrong: warnings in plain sentences, which are part of the caption."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from captioner.bundle.storage import Bundle
from captioner.errors import BundleError
from captioner.inference import calibration, confidence
from captioner.inference.calibration import Calibration
from captioner.inference.confidence import ConfidenceThreshold
from captioner.inference.decoding import Candidate, DecodingOptions
from captioner.novelty import detector as novelty_detector
from captioner.novelty.detector import NoveltyDetector

NOVELTY, LOW_CONFIDENCE = "novelty", "low_confidence"  # codes; files and programs rely on them
SENTENCES = {
    NOVELTY: "This picture looks unlike the photographs that the model learned from.",
    LOW_CONFIDENCE: "The model is unusually unsure about this picture.",
}
ADVICE = {
    NOVELTY: "It only learned words for pictures like those, so its sentence may have little to do with "
    "this one.",
    LOW_CONFIDENCE: "Take its sentence with caution.",
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
    """The thresholds of the warnings, and the calibration; None where the bundle has no data for one."""

    novelty: NoveltyDetector | None = None
    confidence: ConfidenceThreshold | None = None
    calibration: Calibration | None = None
    unreadable: tuple[str, ...] = ()  # a sentence for each of these that a broken file makes impossible

    def warnings(self, regions: NDArray[np.float32], confidence: float) -> tuple[CaptionWarning, ...]:
        """About regions float32[1, R, C] and the confidence of the caption with the bundle's own options."""
        possible = (
            novelty_warning(self.novelty, self.novelty.similarity(regions)) if self.novelty else None,
            low_confidence_warning(self.confidence, confidence) if self.confidence else None,
        )
        return tuple(warning for warning in possible if warning)

    def calibrated(
        self,
        candidates: tuple[Candidate, ...],
        options: DecodingOptions,
        warnings: tuple[CaptionWarning, ...],
    ) -> tuple[Candidate, ...]:
        """With calibrated probabilities, unless the picture is unlike those that they were measured on."""
        if self.calibration is None or NOVELTY in [warning.code for warning in warnings]:
            return candidates
        return tuple(self.calibration.applied(candidate, options) for candidate in candidates)


def read(bundle: Bundle, channels: int) -> WarningRules:
    """A bundle's rules, for an encoder with C channels; without those whose file cannot be read."""
    novelty, novelty_error = _read_or_reason(
        lambda: novelty_detector.read(bundle, channels), "There is no warning about unusual pictures"
    )
    threshold, threshold_error = _read_or_reason(
        lambda: confidence.read(bundle), "There is no warning about captions that the model is unsure of"
    )
    calibrated, calibration_error = _read_or_reason(
        lambda: calibration.read(bundle), "How often its words are right is not known"
    )
    errors = novelty_error + threshold_error + calibration_error
    return WarningRules(novelty, threshold, calibrated, errors)


def _read_or_reason(read: Callable[[], Rule | None], consequence: str) -> tuple[Rule | None, tuple[str, ...]]:
    try:
        return read(), ()
    except BundleError as error:
        log.warning("%s: %s", consequence, error)
        return None, (f"{consequence}: {error}",)


def novelty_warning(detector: NoveltyDetector, similarity: float) -> CaptionWarning | None:
    """About a picture less similar to the training pictures than the threshold; none about any other."""
    if similarity >= detector.threshold:
        return None
    share = detector.false_positives / detector.images
    reason = (
        f"Similarity to the training pictures (cosine of the image embeddings): {similarity:.3f}. The "
        f"warning is shown below {detector.threshold:.3f}. It can be wrong: of {detector.images:,} pictures "
        f"of the {detector.split} split, which are of the kind that the model learned from, "
        f"{detector.false_positives:,} ({share:.1%}) got it. "
        f"{_detection_summary(detector)}"
    )
    return _warning(NOVELTY, reason)


def low_confidence_warning(threshold: ConfidenceThreshold, confidence: float) -> CaptionWarning | None:
    """About a caption whose confidence is not above the threshold; none about any other."""
    if confidence > threshold.value:
        return None
    shares = threshold.flagged / threshold.images, threshold.false_positives / threshold.flagged
    reason = (
        f"On average the model gave each word of its sentence a chance of {confidence:.0%}. Of "
        f"{threshold.images:,} test pictures, {threshold.flagged} ({shares[0]:.0%}) had "
        f"{threshold.value:.0%} or less. The warning can be wrong: {threshold.false_positives} of those "
        f"{threshold.flagged} sentences ({shares[1]:.0%}) were more similar to people’s than half of all "
        "sentences are (CIDEr above the median)."
    )
    return _warning(LOW_CONFIDENCE, reason)


def _warning(code: str, reason: str) -> CaptionWarning:
    return CaptionWarning(code, SENTENCES[code], ADVICE[code], reason.strip())


def _detection_summary(detector: NoveltyDetector) -> str:
    """Which kinds of synthetic images the detector finds and which it misses, as a sentence."""
    kinds = detector.detected.items()
    always = [kind for kind, (detected, images) in kinds if detected == images]
    sometimes = [
        f"{detected} of {images} {kind}" for kind, (detected, images) in kinds if 0 < detected < images
    ]
    never = [kind for kind, (detected, _) in kinds if not detected]
    parts = [
        f"all {_enumeration(always)}" if always else "",
        _enumeration(sometimes),
        f"none of the {_enumeration(never)}" if never else "",
    ]
    return (
        f"In a test with pictures made to be different, it was shown for {'; '.join(filter(None, parts))}."
        if kinds
        else ""
    )


def _enumeration(items: Sequence[str]) -> str:
    *first, last = items or [""]
    return f"{', '.join(first)} and {last}" if first else last
