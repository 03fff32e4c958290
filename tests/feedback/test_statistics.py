"""Proportions of ratings with their intervals, and their concordance with a score."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from captioner.feedback.statistics import Proportion, clustered, concordance, proportions, shares
from tests.feedback.test_session import session


@given(some.integers(1, 500), some.data())
def test_an_interval_holds_its_share_and_narrows_with_more_pictures(
    total: int, data: some.DataObject
) -> None:
    count = data.draw(some.integers(0, total))
    low, high = Proportion(count, total).interval
    assert 0 <= low <= count / total <= high <= 1
    wider = Proportion(4 * count, 4 * total).interval
    assert wider[1] - wider[0] < high - low


@pytest.mark.parametrize(
    ("count", "total", "low", "high"),
    # Solutions of (p - share)² = Z² p (1 - p) / total, which the interval's ends are by definition.
    [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (15, 20, 0.5313, 0.8881), (20, 20, 0.8389, 1.0)],
)
def test_the_interval_is_wilsons(count: int, total: int, low: float, high: float) -> None:
    assert Proportion(count, total).interval == pytest.approx((low, high), abs=1e-4)


def test_nothing_is_known_without_a_rating() -> None:
    assert Proportion(0, 0).interval == (0, 1)
    assert {share.total for share in proportions(session("", "").items).values()} == {0}


def test_proportions_count_what_is_rated() -> None:
    shares = proportions(session("right", "", "wrong", "right").items)
    assert [(share.count, share.total) for share in shares.values()] == [(2, 3), (0, 3), (1, 3)]


def test_concordance_is_the_share_of_pairs_in_the_same_order() -> None:
    assert concordance([("right", 3.0), ("partly", 2.0), ("wrong", 1.0)]) == (1.0, 3)
    assert concordance([("right", 1.0), ("wrong", 2.0)]) == (0.0, 1)
    assert concordance([("right", 1.0), ("wrong", 1.0)]) == (0.5, 1)
    assert concordance([("right", 1.0), ("right", 2.0)]) is None
    assert concordance([]) is None


@given(some.lists(some.sampled_from((0, 1)), min_size=2, max_size=60))
def test_ratings_of_different_captions_are_independent(ratings: list[int]) -> None:
    found = clustered([(rating, 1) for rating in ratings])
    assert found.interval == pytest.approx(Proportion(sum(ratings), len(ratings)).interval)


def test_people_who_agree_about_few_captions_say_less_than_as_many_ratings() -> None:
    agreed = clustered([(5, 5), (0, 5), (5, 5), (0, 5)])  # as much as four ratings of four captions
    assert agreed.interval == pytest.approx(Proportion(2, 4).interval)
    assert clustered([(5, 5)] * 4).interval == pytest.approx(Proportion(4, 4).interval)
    counts = shares([("a", "right", 3), ("a", "wrong", 1), ("b", "right", 1)])
    assert [(share.count, share.total) for share in counts.values()] == [(4, 5), (0, 5), (1, 5)]
