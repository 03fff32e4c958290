"""The chart of the test scores."""

from __future__ import annotations

import json

import pandas as pd

from captioner.app.quality import scores


def test_every_bar_has_its_score_as_text() -> None:
    frame = pd.DataFrame({"score": ["CIDEr"] * 2, "who": ["this model", "people"], "value": [0.5, 0.8]})
    frame["label"] = frame["value"].map("{:.2f} ".format) + frame["who"]
    spec = json.loads(scores.scores_chart(frame).to_json())
    assert spec["layer"][1]["encoding"]["text"]["field"] == "label"
    assert spec["layer"][0]["encoding"]["yOffset"]["sort"] == ["this model", "people"]
