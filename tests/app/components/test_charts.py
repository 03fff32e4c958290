"""Charts show the data, whatever a history lacks."""

from __future__ import annotations

import json

import pandas as pd

from captioner.app.components import charts


def test_bars_keep_the_order_given() -> None:
    frame = pd.DataFrame(
        {
            "word": ["dog", "cat"],
            "probability": [0.2, 0.3],
            "chosen": ["chosen", "other"],
            "label": ["20 %", "30 %"],
        }
    )
    spec = json.loads(charts.probabilities(frame).to_json())
    assert spec["layer"][0]["encoding"]["y"]["sort"] == ["dog", "cat"]


def test_reliability_is_shown_against_the_diagonal_with_marks_that_differ_in_shape() -> None:
    frame = pd.DataFrame(
        {"of": ["words", "captions"], "predicted": [0.2, 0.7], "observed": [0.3, 0.7], "count": [10, 5]}
    )
    diagonal, marks = json.loads(charts.reliability_diagram(frame).to_json())["layer"]
    assert (diagonal["encoding"]["x"]["field"], diagonal["encoding"]["y"]["field"]) == (
        "predicted",
        "observed",
    )
    assert marks["encoding"]["shape"]["field"] == "of"
    assert len(set(marks["encoding"]["shape"]["scale"]["range"])) == 2
