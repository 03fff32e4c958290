"""The learning curves of several models."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from captioner.app.how_it_works import model_comparison, texts
from captioner.app.state.other_bundles import ACTIVE
from captioner.bundle import storage
from captioner.bundle.storage import Bundle
from tests import tiny
from tests.app.how_it_works.test_page import alternatives, text, trained, visit

__all__ = ["trained"]  # a fixture
OTHER = """\
epoch,phase,loss,val_loss,learning_rate,seconds,val_cider
1,fit,5,4.75,0.001,60,0.05
2,fit,4,3.75,0.001,60,0.125
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_caches: None) -> Path:
    """Where further bundles are looked for; there is none."""
    monkeypatch.setenv("CAPTIONER_OTHER_BUNDLES", str(tmp_path / "bundles"))
    return tmp_path / "bundles"


def put(folder: Path, name: str) -> Bundle:
    files = tiny.required_files(tiny.config(recipe=name)) | {"history.csv": OTHER}
    return storage.write(folder / name, files)


def test_one_model_alone_is_compared_with_none(
    trained: Bundle, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = visit("how_it_works", trained, monkeypatch)
    assert texts.OTHER_MODELS not in [box.label for box in app.expander]
    assert len(alternatives(app)) == 3
    assert not app.warning


def test_curves_lie_over_each_other_and_the_best_is_named(
    trained: Bundle, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(folder, "second_try")
    app = visit("how_it_works", trained, monkeypatch)
    assert texts.OTHER_MODELS in [box.label for box in app.expander]
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
    numbers = table(visit("how_it_works", trained, monkeypatch), "second")
    assert numbers["second"].tolist() == ["0.050", "0.125", "–", "–"]
    assert numbers[ACTIVE].tolist() == ["0.100", "0.300", "0.250", "0.400"]
    assert numbers.index.tolist() == ["1", "2", "3", "4"]


def test_models_without_history_are_not_drawn(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in (tmp_path / "artifacts", folder / "bare"):
        storage.write(place, tiny.required_files(tiny.config(recipe=place.name)))
    app = visit("how_it_works", storage.load(tmp_path / "artifacts"), monkeypatch)
    assert alternatives(app) == []
    assert texts.OTHER_MODELS not in [box.label for box in app.expander]


def test_more_models_than_colours_are_in_the_table(
    trained: Bundle, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(model_comparison.MAX_LINES):
        put(folder, f"run{number}")
    app = visit("how_it_works", trained, monkeypatch)
    assert f"The chart shows the first {model_comparison.MAX_LINES} models, the table all 5" in text(app)
    assert f"run{model_comparison.MAX_LINES - 1}" in table(app, "run0").columns


def test_a_broken_model_is_left_out_with_a_sentence(
    trained: Bundle, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (put(folder, "broken").folder / "vocabulary.json").write_text("[]")
    app = visit("how_it_works", trained, monkeypatch)
    assert "broken** is left out" in app.warning[0].value
    assert texts.OTHER_MODELS not in [box.label for box in app.expander]


def test_lines_differ_by_more_than_colour() -> None:
    frame = pd.DataFrame({"model": ["a", "b"], "epoch": [1.0, 1.0], "val_loss": [3.0, 4.0]})
    lines = model_comparison.curves_chart(frame, frame, "val_loss", "nats").to_dict()["layer"][0]["encoding"]
    assert lines["color"]["field"] == lines["strokeDash"]["field"] == "model"
    assert len(set(map(tuple, model_comparison.DASHES))) == model_comparison.MAX_LINES
