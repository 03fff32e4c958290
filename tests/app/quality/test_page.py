"""The page “How good is it?”: the mistakes that the active model makes, its scores, and other models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from captioner.app.components import reliability
from captioner.app.quality import texts
from captioner.app.state.other_bundles import ACTIVE
from captioner.bundle import storage
from captioner.bundle.storage import Bundle
from tests import tiny
from tests.app.how_it_works.test_page import METRICS, SCORES, text, trained, visit

__all__ = ["trained"]  # a fixture


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_caches: None) -> Path:
    """Where further bundles are looked for; there is none."""
    monkeypatch.setenv("CAPTIONER_OTHER_BUNDLES", str(tmp_path / "bundles"))
    monkeypatch.setenv("CAPTIONER_FLICKR8K", "nowhere")
    monkeypatch.setattr(
        "captioner.app.state.hub_updates.examples_status", lambda: ""
    )  # as if there were none
    return tmp_path / "bundles"


def put(folder: Path, name: str, **metrics: Any) -> None:
    scored = METRICS | {"scores": SCORES | {"cider": 0.333}} | metrics
    files = tiny.required_files(tiny.config(recipe=name)) | {"metrics.json": json.dumps(scored)}
    storage.write(folder / name, files)


def models(app: AppTest) -> pd.DataFrame:
    """The table of the models that are here."""
    return next(table.value for table in app.table if "model" in table.value).set_index("model")


def test_only_failures_that_occurred_are_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = "image,caption,log_prob,score,bleu4,rouge_l,cider\n"
    rows += "3358682439_be4b83544c.jpg,a dog with a *ball*,-5,-1,0,0,0\n"
    rows += "771048251_602e5e8f45.jpg,a small cat,-5,-1,0,0,0\n"
    files = tiny.required_files(tiny.config()) | {"predictions.csv": rows}
    app = visit("quality", storage.write(tmp_path / "artifacts", files), monkeypatch)
    assert texts.FAILURES in [header.value for header in app.header]
    page_text = text(app)
    assert r"Two people stroke a small kangaroo on a lawn. It said: “a dog with a \*ball\*”" in page_text
    assert "kitten" not in page_text


def test_how_often_its_words_are_right_stands_where_it_was_measured(
    trained: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert texts.WORDS not in [metric.label for metric in visit("quality", trained, monkeypatch).metric]
    measured = storage.replace(trained.folder, {"calibration.json": json.dumps(tiny.CALIBRATION)})
    app = visit("quality", measured, monkeypatch)
    assert (app.metric[0].label, app.metric[0].value) == (texts.WORDS, "about 5 in 10")
    assert reliability.HOW_TO_READ in text(app)


def test_a_model_without_test_captions_has_no_failures(
    trained: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = visit("quality", trained, monkeypatch)
    assert texts.FAILURES not in [header.value for header in app.header]
    assert [info.value for info in app.info] == [texts.NO_PREDICTIONS]


def test_scores_come_with_all_that_they_depend_on(trained: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    page_text = text(visit("quality", trained, monkeypatch))
    for part in ("**0.51**", "0.06", "0.82", "test split", "“captioner”", "3 beams", "0.48 and 0.54"):
        assert part in page_text


@pytest.mark.parametrize("beams", [3, 20])
def test_every_row_of_the_scores_says_how_it_was_decoded(
    trained: Bundle, monkeypatch: pytest.MonkeyPatch, beams: int
) -> None:
    files = {
        "metrics.json": json.dumps(METRICS | {"beams": beams}),
        "baselines.json": json.dumps({"baselines": [tiny.BASELINE]}),
    }
    app = visit("quality", storage.replace(trained.folder, files), monkeypatch)
    (table,) = [table.value for table in app.table if texts.DECODING_COLUMN in table.value]
    other, own = "beam 3, length penalty 0.7", f"beam {beams}, length penalty 0.7"
    assert table[texts.DECODING_COLUMN].tolist() == ["", other, own, ""]
    assert (texts.DECODING_DIFFERS in text(app)) == (beams != 3)


def test_scores_of_other_models_have_what_they_depend_on(
    trained: Bundle, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert texts.OTHER_MODELS not in [
        header.value for header in visit("quality", trained, monkeypatch).subheader
    ]
    put(folder, "second")
    app = visit("quality", trained, monkeypatch)
    assert models(app)["CIDEr"].to_dict() == {ACTIVE: "0.512", "second": "0.333"}
    page_text = text(app).replace("\\", "").split("**second**")[1]
    for part in ("1,000 pictures", "test split (official)", "“captioner”", "3 beams", "penalty 0.7"):
        assert part in page_text
    assert texts.SAME_CONDITIONS in text(app)


def test_scores_of_other_pictures_are_not_called_comparable(
    trained: Bundle, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(folder, "second", dataset="kaggle", split="dev")
    assert texts.DIFFERENT_CONDITIONS in text(visit("quality", trained, monkeypatch))


def test_a_model_without_scores_still_has_its_row(
    trained: Bundle, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage.write(folder / "bare", tiny.required_files(tiny.config()))
    app = visit("quality", trained, monkeypatch)
    assert models(app).loc["bare", "CIDEr"] == "–"
    assert "not scored on test pictures yet" in text(app)


def test_a_broken_model_is_left_out_with_a_sentence(
    trained: Bundle, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(folder, "broken")
    (folder / "broken" / "vocabulary.json").write_text("[]")
    app = visit("quality", trained, monkeypatch)
    assert "broken** is left out" in app.warning[0].value
    assert texts.OTHER_MODELS not in [header.value for header in app.subheader]
