"""The charts of a review session's result."""

from __future__ import annotations

import pytest

from captioner.app.review import results, texts
from captioner.bundle.storage import Bundle
from captioner.feedback.session import Item, ReviewSession
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


def test_a_caption_that_several_rated_is_compared_with_others_once(
    tiny_bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr("streamlit.markdown", said.append)
    monkeypatch.setattr("streamlit.caption", said.append)

    def by(*ratings: str) -> ReviewSession:
        items = [
            Item(f"{n}.jpg", "", "a dog", -1.0, one, expected_precision=n / 9)
            for n, one in enumerate(ratings)
        ]
        return ReviewSession(tiny_bundle.checksum, tuple(items))

    results.show(
        {
            "": by(*["wrong"] * 4, *["right"] * 3),
            "Ann": by(*["wrong"] * 4, *["right"] * 3),
            "Ben": by(*["right"] * 4, *["wrong"] * 3),
        },
        tiny_bundle,
    )
    assert "**100\u00a0%** of 12 pairs" in "".join(said)
    assert texts.MOST_FREQUENT in said
    assert texts.NO_CIDER in said
    said.clear()
    results.show({"": by(*["wrong"] * 3, *["right"] * 3)}, tiny_bundle)
    assert texts.TOO_FEW in said
