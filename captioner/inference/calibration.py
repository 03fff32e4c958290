"""Calibrated probabilities of words and captions: how often such ones agree with what people wrote.

A content word is right if it is in one of the references, a caption if all its content words are. A
decoder's own probability is that of the exact word at the exact place, which is another matter. Logistic
regression maps it, and the share of sampled sentences that have the word, to how often such words are right
(Platt 1999, "Probabilistic Outputs for Support Vector Machines").
``evaluation.calibrate`` fits it on the dev split.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, replace

from captioner.bundle.manifest import CALIBRATION
from captioner.bundle.schema import CalibrationParameters, Calibrator, Option
from captioner.bundle.storage import Bundle
from captioner.errors import PULL_AGAIN, BundleError
from captioner.inference.decoding import Candidate, DecodingOptions, Word
from captioner.text import is_content_word

WORD_FEATURES = ("logit", "log_confidence", "sample_share")
CAPTION_FEATURES = ("log_prob", "sample_support")
MIN_SHARE = 0.02  # added to the share of the samples that have a word, so that its logarithm is finite
MIN_PROBABILITY = 1e-6  # and as much below 1, so that every logit is finite
# Options that do not change what beam search chooses.
NOT_RECORDED = ("prefix", "runners_up", "seed", "num_return_sequences")


class Calibration(CalibrationParameters, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Maps probabilities to calibrated ones; stored as calibration.json."""

    def applied(self, candidate: Candidate, options: DecodingOptions) -> Candidate:
        """The candidate with calibrated probabilities; its own only with the options that were measured."""
        words = tuple(
            replace(word, calibrated_probability=probability(self.words, word_features(word, candidate)))
            if is_content_word(word.text)
            else word
            for word in candidate.words
        )
        measured = not options.prefix and recorded(options) == dict(self.options)
        own = probability(self.captions, caption_features(candidate)) if measured else None
        return replace(candidate, words=words, calibrated_probability=own)


def read(bundle: Bundle) -> Calibration | None:
    """A bundle's calibration; None if it has none.

    Raises:
        BundleError: it is malformed, or needs a feature that this version does not compute.
    """
    calibration = bundle.record(CALIBRATION, Calibration)
    if calibration is None:
        return None
    for part, known in ((calibration.words, WORD_FEATURES), (calibration.captions, CAPTION_FEATURES)):
        if unknown := set(part.weights).difference(known):
            raise BundleError(f"{CALIBRATION} needs the unknown feature {min(unknown)!r}. {PULL_AGAIN}")
    return calibration


def recorded(options: DecodingOptions) -> dict[str, Option]:
    """The options that decide which caption is chosen; those that are not set are left out."""
    return {
        name: value
        for name, value in asdict(options).items()
        if value is not None and name not in NOT_RECORDED
    }


def word_features(word: Word, candidate: Candidate) -> dict[str, float]:
    """``WORD_FEATURES`` of a word of a candidate: the last only where sentences were sampled."""
    p = min(max(math.exp(word.log_prob), MIN_PROBABILITY), 1 - MIN_PROBABILITY)
    features = {"logit": math.log(p / (1 - p)), "log_confidence": candidate.log_prob / len(candidate.words)}
    return features if word.sample_share is None else {**features, "sample_share": word.sample_share}


def caption_features(candidate: Candidate) -> dict[str, float]:
    """``CAPTION_FEATURES`` of a candidate: the last only where sentences were sampled.

    It is the sum of the logarithms of the content words' shares: were these independent, the logarithm of
    the chance that all are in a sentence.
    """
    shares = [word.sample_share for word in candidate.words if is_content_word(word.text)]
    known = [share for share in shares if share is not None]
    features = {"log_prob": candidate.log_prob}
    if len(known) < len(shares):
        return features
    return {**features, "sample_support": sum(math.log(share + MIN_SHARE) for share in known)}


def probability(calibrator: Calibrator, features: Mapping[str, float]) -> float | None:
    """The calibrated probability of a word or caption with these features; None if one is missing."""
    if not calibrator.weights.keys() <= features.keys():
        return None
    score = calibrator.intercept + sum(weight * features[name] for name, weight in calibrator.weights.items())
    return 1 / (1 + math.exp(-min(max(score, -700.0), 700.0)))
