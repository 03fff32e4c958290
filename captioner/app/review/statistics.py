"""Statistics of ratings: the proportion of each, with its interval, and the concordance with a score."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from captioner.app.review.session import RATINGS, Item

Z = 1.959964  # 95 % of a normal distribution lie within so many standard deviations


@dataclass(frozen=True)
class Proportion:
    """A count out of a total, with the interval in which the proportion of all such pictures likely lies."""

    count: int
    total: int

    @property
    def value(self) -> float:
        return self.count / self.total if self.total else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Lower and upper end of the 95 % score interval (Wilson 1927), which holds for small totals, too."""
        if not self.total:
            return 0.0, 1.0
        n, p = self.total, self.value
        centre = (p + Z * Z / (2 * n)) / (1 + Z * Z / n)
        half = Z * math.sqrt(p * (1 - p) / n + Z * Z / (4 * n * n)) / (1 + Z * Z / n)
        return max(0.0, min(p, centre - half)), min(1.0, max(p, centre + half))


def proportions(items: Sequence[Item]) -> dict[str, Proportion]:
    """The proportion of the rated captions that got each of ``RATINGS``."""
    ratings = [item.rating for item in items if item.rating]
    return {rating: Proportion(ratings.count(rating), len(ratings)) for rating in RATINGS}


def concordance(scores: Iterable[tuple[str, float]]) -> tuple[float, int] | None:
    """Concordance index (Harrell et al. 1982) of (rating, score), and how many pairs it is of.

    Over all pairs with different ratings, it is the share in which the better rating has the higher score;
    equal scores count half. None where no two ratings differ.
    """
    ranked = sorted(scores, key=lambda pair: RATINGS.index(pair[0]))
    pairs = [(better, worse) for better, worse in combinations(ranked, 2) if better[0] != worse[0]]
    if not pairs:
        return None
    concordant = sum((better > worse) + (better == worse) / 2 for (_, better), (_, worse) in pairs)
    return concordant / len(pairs), len(pairs)
