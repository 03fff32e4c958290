"""How far probabilities are from what comes true, and how well they tell right from wrong."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Float64s: TypeAlias = NDArray[np.float64]
Bools: TypeAlias = NDArray[np.bool_]

BINS = 10  # of equal mass


def reliability_bins(predicted: Float64s, right: Bools, bins: int = BINS) -> list[tuple[float, float, int]]:
    """Mean prediction, share that is right, and count of each of so many bins of equal mass.

    Args:
        predicted: probabilities [N], at least one.
        right: whether each came true [N].
    """
    order = np.argsort(predicted, kind="stable")
    return [
        (float(predicted[part].mean()), float(right[part].mean()), len(part))
        for part in np.array_split(order, bins)
        if len(part)
    ]


def expected_calibration_error(predicted: Float64s, right: Bools, bins: int = BINS) -> float:
    """Mean gap of predictions [N] and outcomes [N] (Naeini et al. 2015), in bins of equal mass."""
    found = reliability_bins(predicted, right, bins)
    return sum(abs(mean - share) * count for mean, share, count in found) / len(predicted)


def auc(predicted: Float64s, right: Bools) -> float | None:
    """How often something right has a higher prediction than something wrong (area under the ROC curve).

    Of predictions [N] and outcomes [N]. Equal predictions count half. None unless there are both.
    """
    wrong = np.sort(predicted[~right])
    if not right.any() or not len(wrong):
        return None
    below, not_above = (np.searchsorted(wrong, predicted[right], side=side) for side in ("left", "right"))
    return float((below + not_above).mean() / 2 / len(wrong))
