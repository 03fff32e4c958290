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
