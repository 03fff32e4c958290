"""The page about the app: which bundle it serves, its card, and its mistakes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from captioner.bundle import model_card, storage
from captioner.bundle.storage import Bundle
from captioner.inference import blocklist
from tests import tiny
from tests.app.training_report.test_page import text, trained, visit

__all__ = ["trained"]  # a fixture


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No other models are here, whatever lies beside this checkout."""
    monkeypatch.setenv("CAPTIONER_BUNDLES", str(tmp_path / "bundles"))


def test_about_says_which_bundle_runs_and_why(trained: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    app = visit("about", trained, monkeypatch)
    assert "From a test. It is \\*the\\* one\\." in text(app).replace("test\\.", "test.")
    assert app.code[0].value == trained.checksum
    cells = app.table[0].value.to_string()
    for part in ("tiny", "one convolution", "keras 3", "streamlit"):
        assert part in cells.replace("\\", "")


def test_about_names_the_pretraining_of_the_encoder(trained: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "ImageNet" not in text(visit("about", trained, monkeypatch))
    config = trained.config.to_json() | {"pretrained": True}
    began = storage.replace(trained.folder, {"config.json": json.dumps(config)})
    assert "was trained on ImageNet" in text(visit("about", began, monkeypatch))


def test_about_lists_the_blocked_words(trained: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    page_text = text(visit("about", trained, monkeypatch))
    for group in blocklist.groups():
        assert f"**{group.reason}:** {', '.join(group.words)}" in page_text


def test_about_shows_the_card_without_its_head(trained: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    page_text = text(visit("about", trained, monkeypatch))
    assert "# The card" in page_text
    assert "a: b" not in page_text
    assert model_card.LIMITS.splitlines()[2] in page_text


def test_about_shows_observed_failures_of_the_active_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = "image,caption,log_prob,score,bleu4,rouge_l,cider\n"
    rows += "3358682439_be4b83544c.jpg,a dog with a *ball*,-5,-1,0,0,0\n"
    rows += "771048251_602e5e8f45.jpg,a small cat,-5,-1,0,0,0\n"
    mistaken = storage.write(
        tmp_path / "artifacts", tiny.required_files(tiny.config()) | {"predictions.csv": rows}
    )
    app = visit("about", mistaken, monkeypatch)
    assert "Where it went wrong" in [header.value for header in app.header]
    page_text = text(app)
    assert r"Two people stroke a small kangaroo on a lawn. It said: “a dog with a \*ball\*”" in page_text
    assert "kitten" not in page_text


def test_about_shows_no_failures_that_did_not_occur(trained: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    app = visit("about", trained, monkeypatch)
    assert "Where it went wrong" not in [header.value for header in app.header]
