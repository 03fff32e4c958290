"""Statistics of ratings: the proportion of each, with its interval, and the concordance with a score."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TypeVar

from captioner.feedback.rating import RATINGS, Tally
from captioner.feedback.session import Item

Rated = TypeVar("Rated", bound=Hashable)
MIN_RATINGS = 10  # or pairs of them: fewer are too few to tell, and no page makes shares of them
Z = 1.959964  # 95 % of a normal distribution lie within so many standard deviations


@dataclass(frozen=True)
class Proportion:
    """A count out of a total, with the interval in which the proportion of all such pictures likely lies."""

    count: int
    total: int
    effective: float | None = None  # independent ratings that would tell as much; None: all of them

    @property
    def value(self) -> float:
        return self.count / self.total if self.total else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Lower and upper end of the 95 % score interval (Wilson 1927), which holds for small totals, too."""
        if not self.total:
            return 0.0, 1.0
        n, p = self.effective or self.total, self.value
        centre = (p + Z * Z / (2 * n)) / (1 + Z * Z / n)
        half = Z * math.sqrt(p * (1 - p) / n + Z * Z / (4 * n * n)) / (1 + Z * Z / n)
        return max(0.0, min(p, centre - half)), min(1.0, max(p, centre + half))


def clustered(clusters: Sequence[tuple[int, int]]) -> Proportion:
    """A proportion from clusters, each a count and a total, such as all the ratings of one caption.

    People who rate the same caption mostly agree, so they say less than as many who rate different ones. The
    effective sample size accounts for that (Korn and Graubard 1998): it is the binomial variance divided by
    that of the ratio estimate over clusters; where all agree on everything, the number of clusters.
    """
    count, total = (sum(cluster[part] for cluster in clusters) for part in (0, 1))
    if not total:
        return Proportion(0, 0)
    p = count / total
    variance = sum((part - p * whole) ** 2 for part, whole in clusters) / total**2
    return Proportion(count, total, min(total, p * (1 - p) / variance) if variance else len(clusters))


def shares(counted: Iterable[tuple[Hashable, str, int]]) -> dict[str, Proportion]:
    """The proportion of each of ``RATINGS``, from (what was rated, the rating, how often it was given)."""
    by_caption = _by_caption(counted)
    return {
        rating: clustered([(counts[rating], counts.total()) for counts in by_caption.values()])
        for rating in RATINGS
    }


def shares_of_tallies(tallies: Iterable[Tally]) -> dict[str, Proportion]:
    """The proportion of each of ``RATINGS``."""
    return shares(((tally.image, tally.caption), tally.rating, tally.count) for tally in tallies)


def most_frequent(counted: Iterable[tuple[Rated, str, int]]) -> dict[Rated, str]:
    """What most people said about each caption; where two ratings are as frequent, the better.

    Takes what ``shares`` takes. So a caption that many rated counts once where captions are compared.
    """
    return {caption: max(RATINGS, key=counts.__getitem__) for caption, counts in _by_caption(counted).items()}


def _by_caption(counted: Iterable[tuple[Rated, str, int]]) -> dict[Rated, Counter[str]]:
    by_caption: dict[Rated, Counter[str]] = {}
    for caption, rating, count in counted:
        by_caption.setdefault(caption, Counter())[rating] += count
    return by_caption


def proportions(items: Iterable[Item]) -> dict[str, Proportion]:
    """The proportion of the rated captions that got each of ``RATINGS``."""
    return shares((item.id, item.rating, 1) for item in items if item.rating)


def concordance(scores: Iterable[tuple[str, float]]) -> tuple[float, int] | None:
    """Concordance index (Harrell et al. 1982) of (rating, score), and how many pairs it is of.

    Over all pairs with different ratings, it is the share in which the better rating has the higher score;
    equal scores count half. None where no two ratings differ.
    """
    by_rating: dict[str, list[float]] = {rating: [] for rating in RATINGS}
    for rating, score in sorted(scores, key=lambda pair: pair[1]):
        by_rating[rating].append(score)
    pairs, concordant = 0, 0.0
    for better, worse in combinations(by_rating.values(), 2):
        pairs += len(better) * len(worse)
        concordant += sum(bisect_left(worse, score) + bisect_right(worse, score) for score in better) / 2
    return (concordant / pairs, pairs) if pairs else None
