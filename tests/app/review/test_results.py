"""The charts of a review session's result."""

from __future__ import annotations

from captioner.app.review import results
from captioner.feedback.statistics import Proportion


def test_the_charts_draw_what_they_are_given() -> None:
    shares = {rating: Proportion(count, 4) for rating, count in (("right", 4), ("partly", 0), ("wrong", 0))}
    bars = results.proportions_chart(shares, dict.fromkeys(shares, "so many")).to_dict()
    assert len(bars["layer"]) == 5
    rows = next(iter(bars["datasets"].values()))
    assert [row["share"] for row in rows] == [1, 0, 0]
    assert rows[0]["high"] == 1
    points = results.scores_chart([("right", 1.0), ("right", 2.0), ("wrong", 0.0)], "CIDEr").to_dict()
    assert sorted(len(rows) for rows in points["datasets"].values()) == [2, 3]
