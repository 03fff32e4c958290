"""Calibrated probabilities of words and captions: monotone, only for content words, only where measured."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from captioner.bundle import manifest, reader
from captioner.bundle import storage as bundles
from captioner.bundle.storage import Bundle
from captioner.errors import BundleError
from captioner.inference import calibration
from captioner.inference.calibration import Calibration
from captioner.inference.captioner import Captioner
from captioner.inference.decoding import DecodingOptions, Word
from tests import tiny
from tests.fake_captioner import make_candidate
from tests.inference.test_warning import limited

OPTIONS = DecodingOptions(beams=3, length_penalty=0.7, max_words=8)  # those of ``tiny.CALIBRATION``
IMAGE = np.zeros((40, 40, 3), np.uint8)
PROBABILITIES = st.floats(1e-9, 1)


def make_calibration(**changes: Any) -> Calibration:
    return reader.decode(tiny.CALIBRATION | changes, Calibration, "calibration.json")


def of_words(words: Iterable[Word]) -> list[float | None]:
    return [word.calibrated_probability for word in words]


def calibrated(*words: tuple[str, float], options: DecodingOptions = OPTIONS) -> list[float | None]:
    """The calibrated probabilities of the words of a candidate."""
    return of_words(make_calibration().applied(make_candidate(words), options).words)


@given(PROBABILITIES, PROBABILITIES)
def test_a_likelier_word_is_never_less_probable_after_calibration(first: float, second: float) -> None:
    (low,), (high,) = (calibrated(("dog", p)) for p in sorted((first, second)))
    assert low is not None
    assert high is not None
    assert 0 <= low <= high <= 1


@given(st.lists(PROBABILITIES, min_size=1, max_size=5))
def test_a_likelier_caption_is_never_less_probable_after_calibration(probabilities: list[float]) -> None:
    words = tuple(("dog", p) for p in probabilities)
    less = make_calibration().applied(make_candidate((*words, ("dog", 0.5))), OPTIONS).calibrated_probability
    more = make_calibration().applied(make_candidate((*words, ("dog", 0.6))), OPTIONS).calibrated_probability
    assert less is not None
    assert more is not None
    assert less <= more


def test_function_words_and_the_end_are_not_rated() -> None:
    result = calibrated(("a", 0.9), ("dog", 0.5), ("in", 0.9), ("", 0.9))
    assert [probability is not None for probability in result] == [False, True, False, False]


def test_logistic_regression_is_applied() -> None:
    assert calibrated(("dog", 0.5)) == [pytest.approx(1 / (1 + math.exp(-0.5)))]  # its logit is 0


def test_what_needs_samples_is_not_rated_without_them() -> None:
    weights = {"words": {"sample_share": 2.0}, "captions": {"sample_support": 1.0}}
    parts = {kind: tiny.CALIBRATOR | {"weights": weight} for kind, weight in weights.items()}
    rule, caption = make_calibration(**parts), make_candidate((("dog", 0.5), ("runs", 0.5)))
    unrated = rule.applied(caption, OPTIONS)
    assert {unrated.calibrated_probability, *of_words(unrated.words)} == {None}
    shared = replace(caption, words=tuple(replace(word, sample_share=0.5) for word in caption.words))
    rated = rule.applied(shared, OPTIONS)
    assert of_words(rated.words) == [pytest.approx(1 / (1 + math.exp(-1.5)))] * 2
    assert rated.calibrated_probability is not None


@pytest.mark.parametrize(
    "change", [{"beams": 1}, {"length_penalty": 0.0}, {"temperature": 1.0}, {"prefix": (5,)}]
)
def test_a_caption_has_no_probability_with_options_that_were_not_measured(change: dict[str, Any]) -> None:
    result = make_calibration().applied(make_candidate((("dog", 0.5),)), replace(OPTIONS, **change))
    assert result.calibrated_probability is None


def test_what_changes_no_caption_needs_no_other_measurement() -> None:
    options = replace(OPTIONS, runners_up=0, seed=3)
    assert (
        make_calibration().applied(make_candidate((("dog", 0.5),)), options).calibrated_probability
        is not None
    )


def with_calibration(folder: Path, limit: float, record: dict[str, Any]) -> Captioner:
    whole = limited(folder, limit, -99.0).bundle
    return Captioner(bundles.replace(whole.folder, {manifest.CALIBRATION: json.dumps(record)}))


def test_a_caption_comes_with_its_probabilities(tmp_path: Path) -> None:
    caption = with_calibration(tmp_path / "artifacts", -1.0, tiny.CALIBRATION).caption(IMAGE)
    assert caption.best.calibrated_probability is not None
    assert caption.to_dict()["calibrated_probability"] == caption.best.calibrated_probability


def test_nothing_is_claimed_about_a_picture_unlike_those_measured(tmp_path: Path) -> None:
    caption = with_calibration(tmp_path / "artifacts", 1.0, tiny.CALIBRATION).caption(IMAGE)
    assert caption.warnings
    assert {caption.best.calibrated_probability, *of_words(caption.words)} == {None}


def test_a_bundle_without_calibration_claims_nothing(tiny_bundle: Bundle) -> None:
    caption = Captioner(tiny_bundle).caption(IMAGE)
    assert calibration.read(tiny_bundle) is None
    assert {
        caption.best.calibrated_probability,
        *of_words(caption.words),
    } == {None}


@pytest.mark.parametrize(
    "change", [{"words": {}}, {"words": tiny.CALIBRATOR | {"weights": {"phase of the moon": 1.0}}}]
)
def test_a_broken_calibration_costs_its_numbers_and_no_caption(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    captioner = with_calibration(tmp_path / "artifacts", -1.0, tiny.CALIBRATION | change)
    assert captioner.caption(IMAGE).best.calibrated_probability is None
    assert len(captioner.warning_rules.unreadable) == 1
    with pytest.raises(BundleError, match=r"calibration\.json"):
        calibration.read(captioner.bundle)


def test_a_negative_weight_is_refused() -> None:
    with pytest.raises(BundleError, match="weights"):
        make_calibration(words=tiny.CALIBRATOR | {"weights": {"logit": -1.0}})
