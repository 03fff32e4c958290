"""The learning curves hold what they should, whatever a history lacks."""

from __future__ import annotations

import json
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
import pytest

from captioner.app.how_it_works import learning_curves
from captioner.app.how_it_works.learning_curves import SELF_CRITICAL

HISTORY = pd.DataFrame(
    {
        "epoch": [1.0, 2.0, 3.0, 4.0, 5.0],
        "phase": ["decoder", "decoder", "decoder", SELF_CRITICAL, SELF_CRITICAL],
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


@pytest.mark.parametrize(
    "make", [learning_curves.loss_chart, learning_curves.cider_chart, learning_curves.learning_rate_chart]
)
def test_every_chart_of_a_history_is_a_valid_specification(make: Any) -> None:
    assert json.loads(make(HISTORY).to_json())["layer"]
    assert json.loads(make(HISTORY.head(1)).to_json())["layer"]


def test_a_reward_is_never_drawn_on_the_axis_of_nats() -> None:
    drawn = [row["nats"] for row in data(learning_curves.loss_chart(HISTORY)) if "nats" in row]
    assert min(drawn) > 0
    assert len(drawn) == 3 + 5


def test_the_best_epoch_is_named() -> None:
    assert "best: epoch 2" in {row.get("label") for row in data(learning_curves.loss_chart(HISTORY))}
    assert "best: epoch 4" in {row.get("label") for row in data(learning_curves.cider_chart(HISTORY))}


def test_a_drop_is_within_a_phase() -> None:
    assert learning_curves.learning_rate_reductions(HISTORY)["epoch"].tolist() == [3]


def test_phases_are_named_with_their_ends() -> None:
    spans = [row for row in data(learning_curves.learning_rate_chart(HISTORY)) if "start" in row]
    assert [(row["phase"], row["start"], row["end"]) for row in spans] == [
        ("decoder", 0.5, 3.5),
        (SELF_CRITICAL, 3.5, 5.5),
    ]
