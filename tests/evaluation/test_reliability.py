"""The calibration error of perfect, overconfident and arbitrary predictions; the area under the ROC curve."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from captioner.evaluation import reliability

PROBABILITIES = st.lists(st.floats(0, 1), min_size=1, max_size=50)


@given(PROBABILITIES)
def test_a_perfect_predictor_has_no_error(values: list[float]) -> None:
    right = np.array([value > 0.5 for value in values])
    assert reliability.expected_calibration_error(right.astype(float), right) == 0


@given(PROBABILITIES, st.integers(1, 20), st.integers(0, 9))
def test_the_error_is_a_share_and_bins_hold_everything(values: list[float], bins: int, seed: int) -> None:
    predicted, right = np.array(values), np.random.default_rng(seed).random(len(values)) < 0.5
    found = reliability.reliability_bins(predicted, right, bins)
    counts = [count for _, _, count in found]
    assert 0 <= reliability.expected_calibration_error(predicted, right, bins) <= 1
    assert (sum(counts), max(counts) - min(counts) <= 1) == (len(values), True)
    assert sum(share * count for _, share, count in found) == pytest.approx(right.sum())
    assert [mean for mean, _, _ in found] == sorted(mean for mean, _, _ in found)


def test_the_error_of_overconfidence_is_how_much_is_claimed_too_much() -> None:
    right = np.arange(100) % 2 == 0
    assert reliability.expected_calibration_error(np.full(100, 0.9), right, 2) == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("predicted", "expected"), [([0.1, 0.2, 0.8, 0.9], 1), ([0.9, 0.8, 0.2, 0.1], 0), ([0.5] * 4, 0.5)]
)
def test_auc_counts_the_pairs_in_the_right_order(predicted: list[float], expected: float) -> None:
    assert reliability.auc(np.array(predicted), np.array([False, False, True, True])) == expected
    assert reliability.auc(np.array(predicted), np.ones(4, bool)) is None
