"""captioner.training.word_predictor: the words that people would use for a picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from captioner.bundle import ratings
from captioner.data.datasets import Dataset
from captioner.inference.captioner import Captioner
from captioner.text import Vocabulary, words
from captioner.training import word_predictor
from captioner.training.word_predictor import MIN_IMAGES
from tests import tiny

RANDOM = np.random.default_rng(0)


def features(pictures: int = 60, channels: int = 30) -> NDArray[np.float32]:
    return RANDOM.normal(size=(pictures, channels)).astype(np.float32)


def test_expected_weights_are_the_mean_over_captions_of_weights_of_norm_1() -> None:
    captions = [["dog runs", "dog"]] * MIN_IMAGES + [["cat", "cat"]] * MIN_IMAGES
    vocabulary = Vocabulary.build([words(caption) for group in captions for caption in group])
    expected = word_predictor.ExpectedWeights(captions, words, vocabulary)[:]
    dog, runs, cat = map(vocabulary.id, ("dog", "runs", "cat"))
    assert expected.shape == (2 * MIN_IMAGES, len(vocabulary))
    # Both words of "dog runs" are equally rare, so each has the weight √½.
    np.testing.assert_allclose(
        expected[0, [dog, runs, cat]], [(1 + 0.5**0.5) / 2, 0.5**0.5 / 2, 0], rtol=1e-6
    )
    np.testing.assert_allclose(expected[-1, [dog, runs, cat]], [0, 0, 1], rtol=1e-6)


def test_words_of_few_pictures_are_not_predicted() -> None:
    captions = [["a dog"]] * MIN_IMAGES + [["a cat"]] * (MIN_IMAGES - 1)
    vocabulary = Vocabulary.build([words(caption) for group in captions for caption in group])
    expected = word_predictor.ExpectedWeights(captions, words, vocabulary)[:]
    assert expected[:, vocabulary.id("dog")].any()
    assert not expected[:, vocabulary.id("cat")].any()


def test_what_depends_on_the_picture_is_predicted(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many pictures are in memory at a time."""
    x = features()
    direction = x - x.mean(axis=0)
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    targets = (direction @ features(30, 3) + [1, 2, 3]).astype(np.float32)
    whole = word_predictor.fit(x, targets)
    monkeypatch.setattr(word_predictor, "BLOCK", 7)
    mean, first, second, target_mean = word_predictor.fit(x, targets)
    np.testing.assert_allclose(first @ second, whole[1] @ whole[2], rtol=1e-3, atol=1e-4)
    predicted = direction @ first @ second + target_mean
    assert np.corrcoef(predicted.ravel(), targets.ravel())[0, 1] > 0.99
    np.testing.assert_allclose(target_mean, targets.mean(axis=0), rtol=1e-4)
    np.testing.assert_allclose(mean, x.mean(axis=0), rtol=1e-4, atol=1e-6)


def test_a_low_rank_keeps_what_the_largest_part_of_the_words_depends_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    x = features()
    large, small = x[:, :1] @ np.full((1, 5), 3.0), x[:, 1:2] @ np.full((1, 5), 0.1)
    targets = np.concatenate([large, small], axis=1).astype(np.float32)
    monkeypatch.setattr(word_predictor, "RANK", 1)
    _, first, second, _ = word_predictor.fit(x, targets)
    assert first.shape == (30, 1)
    assert np.abs(second[0, :5]).min() > 10 * np.abs(second[0, 5:]).max()


def test_the_litert_file_predicts_as_the_regression_does() -> None:
    x, targets = features(channels=64), RANDOM.random((60, 90)).astype(np.float32)
    mean, first, second, target_mean = word_predictor.fit(x, targets)
    model = word_predictor.to_litert(mean, first, second, target_mean, (4, 64))
    regions = RANDOM.normal(size=(1, 4, 64)).astype(np.float32)
    (weights,) = (
        Interpreter(model_content=model).get_signature_runner("predict_words")(regions=regions).values()
    )
    direction = regions[0].mean(axis=0) - mean
    expected = direction / np.linalg.norm(direction) @ first @ second + target_mean
    assert weights.shape == (1, 90)
    assert np.abs(weights[0] - expected).max() < 0.02 * np.abs(expected).max()


def test_what_people_said_about_captions_without_it_is_left_out(
    tmp_path: Path, tiny_dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(word_predictor, "MIN_IMAGES", 1)
    before = tiny.rated(tiny.runnable_bundle(tmp_path / "artifacts"))
    written = word_predictor.fit_and_write(Captioner(before), tiny_dataset)
    assert written.files["captioner.tflite"] != before.files["captioner.tflite"]
    assert ratings.checksums(written) == {written.checksum}
