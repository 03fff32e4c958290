"""Calibration is fitted on the dev split, measured on the test split, and stored."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from captioner.bundle import storage
from captioner.data.datasets import Dataset
from captioner.evaluation import calibrate, evaluate
from captioner.evaluation.calibrate import Captioned, LabelledData
from captioner.evaluation.reliability import BINS
from captioner.inference.calibration import CAPTION_FEATURES, WORD_FEATURES
from captioner.inference.captioner import Caption
from captioner.inference.decoding import DecodingOptions
from tests import tiny
from tests.fake_captioner import make_candidate

OPTIONS = DecodingOptions(beams=3, length_penalty=0.7, max_words=8)


def captioned(probabilities: Sequence[float], right: Sequence[bool]) -> Captioned:
    """Captions of one word with these probabilities, which the only reference has or has not."""
    return [
        (make_candidate((("dog", p),)), [["a", "dog"] if is_right else ["a", "cat"]])
        for p, is_right in zip(probabilities, right, strict=True)
    ]


def drawn(count: int, seed: int) -> Captioned:
    """Captions whose word is right as often as the square of its probability says."""
    rng = np.random.default_rng(seed)
    probabilities = rng.uniform(0.01, 0.99, count)
    return captioned([*probabilities], [*(rng.random(count) < probabilities**2)])


def test_the_regression_finds_the_weights_that_made_the_data() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal([3, -2], [5, 2], (40_000, 2))
    right = rng.random(40_000) < 1 / (1 + np.exp(-(0.7 + 0.4 * features[:, 0] + 2 * features[:, 1])))
    intercept, weights = calibrate.logistic_regression(features, right)
    assert [intercept, *weights] == pytest.approx([0.7, 0.4, 2], rel=0.1)


def test_separable_and_uniform_outcomes_have_finite_weights() -> None:
    features = np.arange(10.0)[:, None]
    for right in (features[:, 0] > 4, np.ones(10, bool)):
        intercept, weights = calibrate.logistic_regression(features, right)
        assert np.isfinite([intercept, *weights]).all()


def test_a_feature_that_would_lower_a_probability_is_left_out() -> None:
    rising = np.linspace(-1, 1, 200)
    features = np.column_stack([rising, -rising + np.sin(np.arange(200))])
    right = np.random.default_rng(1).random(200) < 1 / (1 + np.exp(-3 * rising))
    _, weights = calibrate.fit(LabelledData(("up", "down"), features, right))
    assert weights.keys() == {"up"}
    assert weights["up"] > 0
    assert calibrate.fit(LabelledData(("down",), -rising[:, None], right)) == (0.0, {})


def test_fitted_probabilities_are_reliable_on_other_captions() -> None:
    result = calibrate.calibrate(drawn(2000, 1), drawn(2000, 2), OPTIONS, "official", "test")
    assert result
    assert result.words.expected_calibration_error < 0.05
    assert result.words.mean_right is not None
    assert result.words.mean_wrong is not None
    assert result.words.mean_right > result.words.mean_wrong
    for part in (result.words, result.captions):
        assert (len(part.bins), sum(bin.count for bin in part.bins)) == (BINS, 2000)
    # what is applied to a caption is what was measured
    applied = [
        result.applied(candidate, OPTIONS).words[0].calibrated_probability for candidate, _ in drawn(2000, 2)
    ]
    mean = sum(bin.predicted * bin.count for bin in result.words.bins) / 2000
    assert np.mean([value for value in applied if value]) == pytest.approx(mean, abs=1e-4)


def test_features_that_some_captions_lack_are_not_used() -> None:
    with_samples = [
        (replace(caption, words=tuple(replace(w, sample_share=0.5) for w in caption.words)), references)
        for caption, references in drawn(10, 1)
    ]
    assert calibrate.labelled_words(with_samples).names == WORD_FEATURES
    assert calibrate.labelled_captions(with_samples).names == CAPTION_FEATURES
    assert calibrate.labelled_words([*with_samples, *drawn(10, 2)]).names == WORD_FEATURES[:-1]


def test_only_the_captions_to_fit_on_decide_the_weights() -> None:
    calibration_set = drawn(300, 1)
    results = [
        calibrate.calibrate(calibration_set, test_set, OPTIONS, "official", "test")
        for test_set in (drawn(300, 2), captioned([0.5] * 200, [False, True] * 100))
    ]
    one, other = ([(p.words.intercept, p.words.weights, p.captions.weights)] for p in results if p)
    assert one == other


def test_few_captions_and_no_signal_make_no_calibration() -> None:
    few, enough = drawn(calibrate.MIN_IMAGES - 1, 1), drawn(calibrate.MIN_IMAGES, 2)
    backwards = captioned([i / 300 + 0.01 for i in range(200)], [i < 100 for i in range(200)])
    for calibration_set, test_set in ((few, enough), (enough, few), (backwards, enough)):
        assert calibrate.calibrate(calibration_set, test_set, OPTIONS, "official", "test") is None
    assert "no calibration" in calibrate.table(None)


def test_a_word_is_right_where_a_person_used_it_and_function_words_do_not_count() -> None:
    references = [["two", "dogs", "run"], ["the", "dogs", "play"]]
    assert calibrate.word_labels(["a", "dogs", "play", "ball"], references) == [True, True, False]
    caption = make_candidate((("dogs", 0.5), ("in", 0.1), ("ball", 0.1)))
    assert calibrate.labelled_words([(caption, references)]).right.tolist() == [True, False]
    assert calibrate.labelled_captions([(caption, references)]).right.tolist() == [False]


def test_people_are_judged_by_the_others() -> None:
    people = [[["dogs", "run"], ["the", "dogs", "play"]], [["one", "sentence"]]]
    assert calibrate.human_share(people, calibrate.word_labels) == 0.5
    assert calibrate.human_share([[["one", "sentence"]]], calibrate.word_labels) is None


class FakeCaptioner:
    """Says "dog" of every picture, the surer the brighter the picture is."""

    def __init__(self, folder: Path) -> None:
        self.bundle = storage.write(folder, tiny.required_files(tiny.config()))
        self.options = OPTIONS

    def caption(self, image: NDArray[np.uint8], options: DecodingOptions | None = None) -> Caption:
        return Caption((make_candidate((("dog", (1 + int(image[0, 0, 0])) / 300),)),), (), ())


def pictures(folder: Path, split: str, count: int) -> dict[str, tuple[str, ...]]:
    """Of rising brightness; that a dog is there becomes ever more common."""
    captions: dict[str, tuple[str, ...]] = {}
    for number in range(count):
        brightness = 250 * number // count
        Image.new("RGB", (8, 8), (brightness, 0, 0)).save(folder / f"{split}{number}.png")
        captions[f"{split}{number}.png"] = (
            "a dog" if math.sin(number**2) < brightness / 125 - 1 else "a cat",
        )
    return captions


@pytest.mark.parametrize("splits", [("dev", "test"), ("dev",)])
def test_scores_come_with_a_calibration_that_is_stored(tmp_path: Path, splits: tuple[str, ...]) -> None:
    (tmp_path / "images").mkdir()
    sets = {split: pictures(tmp_path / "images", split, 240) for split in splits}
    dataset = Dataset(tmp_path / "images", "official", {"train": {"a.png": ("a dog",)}, **sets})
    captioner = FakeCaptioner(tmp_path / "artifacts")
    metrics, predictions, result = calibrate.evaluate_and_calibrate(captioner, dataset)
    assert result
    assert (result.split, metrics.images) == (splits[-1], 240)
    assert (result.fitted_images, result.images) == ((240, 240) if "test" in splits else (120, 120))
    sealed = evaluate.write(captioner.bundle, metrics, predictions, result)
    stored = sealed.calibration_parameters()
    assert stored
    assert (stored.words, stored.captions, stored.options) == (result.words, result.captions, result.options)
    assert f"{result.words.expected_calibration_error:.3f}" in sealed.card()
    assert f"{result.words.expected_calibration_error:.3f}" in calibrate.table(result)
    assert evaluate.write(sealed, metrics, predictions).calibration_parameters() == stored
    assert sealed.predictions() == predictions
    shares = [row.expected_precision for row in predictions]
    assert shares == sorted(
        share for share in shares if share is not None
    )  # as the pictures are, ever brighter
