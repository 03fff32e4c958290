"""Charts hold what they should, whatever a history lacks; looks are for the eye."""

from __future__ import annotations

import json
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
import pytest

from captioner.app.components import charts

HISTORY = pd.DataFrame(
    {
        "epoch": [1.0, 2.0, 3.0, 4.0, 5.0],
        "phase": ["decoder", "decoder", "decoder", "self_critical", "self_critical"],
        "loss": [4.0, 3.0, 2.0, -0.5, -0.6],
        "val_loss": [4.1, 3.2, 3.3, 3.4, 3.5],
        "val_cider": [0.1, 0.3, 0.2, 0.5, np.nan],
        "learning_rate": [1e-3, 1e-3, 5e-4, 5e-5, 5e-5],
        "seconds": [1.0] * 5,
    }
)


def data(chart: alt.LayerChart) -> list[dict[str, Any]]:
    """Every row that a chart holds."""
    spec: dict[str, Any] = json.loads(chart.to_json())
    return [row for rows in spec["datasets"].values() for row in rows]


@pytest.mark.parametrize("make", [charts.losses, charts.ciders, charts.rates])
def test_every_chart_of_a_history_is_a_valid_specification(make: Any) -> None:
    assert json.loads(make(HISTORY).to_json())["layer"]
    assert json.loads(make(HISTORY.head(1)).to_json())["layer"]


def test_a_reward_is_never_drawn_on_the_axis_of_nats() -> None:
    drawn = [row["nats"] for row in data(charts.losses(HISTORY)) if "nats" in row]
    assert min(drawn) > 0
    assert len(drawn) == 3 + 5


def test_the_best_epoch_is_named() -> None:
    assert "best: epoch 2" in {row.get("label") for row in data(charts.losses(HISTORY))}
    assert "best: epoch 4" in {row.get("label") for row in data(charts.ciders(HISTORY))}


def test_a_drop_is_within_a_phase() -> None:
    assert charts.drops(HISTORY)["epoch"].tolist() == [3]


def test_phases_are_named_with_their_ends() -> None:
    spans = [row for row in data(charts.rates(HISTORY)) if "start" in row]
    assert [(row["phase"], row["start"], row["end"]) for row in spans] == [
        ("decoder", 0.5, 3.5),
        ("self_critical", 3.5, 5.5),
    ]


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


def test_scores_stand_beside_their_bars() -> None:
    frame = pd.DataFrame({"score": ["CIDEr"] * 2, "who": ["this model", "people"], "value": [0.5, 0.8]})
    frame["label"] = frame["value"].map("{:.2f} ".format) + frame["who"]
    spec = json.loads(charts.scores(frame).to_json())
    assert spec["layer"][1]["encoding"]["text"]["field"] == "label"
    assert spec["layer"][0]["encoding"]["yOffset"]["sort"] == ["this model", "people"]
