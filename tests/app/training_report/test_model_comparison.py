"""Several models compared: curves, and scores with their conditions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from captioner.app.state.other_bundles import ACTIVE
from captioner.app.training_report import model_comparison
from captioner.bundle import storage
from captioner.bundle.storage import Bundle
from tests import tiny
from tests.app.training_report.test_page import METRICS, SCORES, alternatives, text, trained, visit

__all__ = ["trained"]  # a fixture
OTHER = """\
epoch,phase,loss,val_loss,learning_rate,seconds,val_cider
1,fit,5,4.75,0.001,60,0.05
2,fit,4,3.75,0.001,60,0.125
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_caches: None) -> Path:
    """Where further bundles are looked for; there is none."""
    monkeypatch.setenv("CAPTIONER_BUNDLES", str(tmp_path / "bundles"))
    return tmp_path / "bundles"


def put(folder: Path, name: str, history: str = OTHER, **metrics: Any) -> Bundle:
    scored = {"scores": SCORES | {"cider": 0.333}} | metrics
    files = {"history.csv": history, "metrics.json": json.dumps(METRICS | scored)}
    return storage.write(folder / name, tiny.required_files(tiny.config(recipe=name)) | files)


def test_one_model_alone_is_compared_with_none(
    trained: Bundle, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = visit("training_report", trained, monkeypatch)
    assert "Compared with the other models" not in [header.value for header in app.header]
    assert len(alternatives(app)) == 4
    assert not app.warning


def test_curves_lie_over_each_other_and_the_best_is_named(
    trained: Bundle, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(folder, "second_try")
    app = visit("training_report", trained, monkeypatch)
    assert "Compared with the other models" in [header.value for header in app.header]
    sentences = [sentence for sentence in alternatives(app) if "one line for each model" in sentence]
    assert len(sentences) == 2
    assert f"Highest: {ACTIVE} 0.40 in epoch 4; second_try 0.12 in epoch 2" in sentences[0]
    assert f"Lowest: {ACTIVE} 3.00 in epoch 2; second_try 3.75 in epoch 2" in sentences[1]


def table(app: AppTest, column: str) -> pd.DataFrame:
    frames = [element.value for element in app.table]
    return next(frame for frame in frames if column in frame.columns)


def test_every_curve_has_its_numbers_in_a_table(
    trained: Bundle, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(folder, "second")
    numbers = table(visit("training_report", trained, monkeypatch), "second")
    assert numbers["second"].tolist() == ["0.050", "0.125", "–", "–"]
    assert numbers[ACTIVE].tolist() == ["0.100", "0.300", "0.250", "0.400"]
    assert numbers.index.tolist() == ["1", "2", "3", "4"]


def test_scores_have_a_row_for_each_model_and_what_they_depend_on(
    trained: Bundle, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(folder, "second")
    app = visit("training_report", trained, monkeypatch)
    rows = table(app, "model").set_index("model")
    assert rows["CIDEr"].to_dict() == {ACTIVE: "0.512", "second": "0.333"}
    page_text = text(app).replace("\\", "").split("**second**")[1]
    for part in (
        "1,000 pictures",
        "test split (official)",
        "“captioner”",
        "3 beams",
        "penalty 0.7",
        "attention",
    ):
        assert part in page_text
    assert "the rows can be compared" in text(app)


def test_scores_of_other_pictures_are_not_called_comparable(
    trained: Bundle, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(folder, "second", dataset="kaggle", split="dev")
    assert "compare only rows that are measured alike" in text(visit("training_report", trained, monkeypatch))


def test_a_model_without_history_or_scores_still_has_its_row(
    trained: Bundle, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage.write(folder / "bare", tiny.required_files(tiny.config()))
    app = visit("training_report", trained, monkeypatch)
    assert table(app, "model").set_index("model").loc["bare", "CIDEr"] == "–"
    assert "not scored on test pictures yet" in text(app)


def test_models_without_records_are_listed(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in (tmp_path / "artifacts", folder / "bare"):
        storage.write(place, tiny.required_files(tiny.config(recipe=place.name)))
    app = visit("training_report", storage.load(tmp_path / "artifacts"), monkeypatch)
    assert alternatives(app) == []
    assert len(table(app, "model")) == 2


def test_more_models_than_colours_are_in_the_table(
    trained: Bundle, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(model_comparison.MAX_LINES):
        put(folder, f"run{number}")
    app = visit("training_report", trained, monkeypatch)
    assert f"The chart shows the first {model_comparison.MAX_LINES} models, the table all 5" in text(app)
    assert f"run{model_comparison.MAX_LINES - 1}" in table(app, "run0").columns


def test_a_broken_model_is_left_out_with_a_sentence(
    trained: Bundle, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (put(folder, "broken").folder / "vocabulary.json").write_text("[]")
    app = visit("training_report", trained, monkeypatch)
    assert "broken** is left out" in app.warning[0].value
    assert "Compared with the other models" not in [header.value for header in app.header]


def test_lines_differ_by_more_than_colour() -> None:
    frame = pd.DataFrame({"model": ["a", "b"], "epoch": [1.0, 1.0], "val_loss": [3.0, 4.0]})
    lines = model_comparison.curves_chart(frame, frame, "val_loss", "nats").to_dict()["layer"][0]["encoding"]
    assert lines["color"]["field"] == lines["strokeDash"]["field"] == "model"
    assert len(set(map(tuple, model_comparison.DASHES))) == model_comparison.MAX_LINES
