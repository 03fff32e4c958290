"""The page about the app: what it is for, and which bundle it serves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from captioner.app.about import texts
from captioner.app.review.texts import STORED
from captioner.app.state import serving
from captioner.app.state.serving import ActiveBundle
from captioner.bundle import dataset_info, model_card, storage
from captioner.bundle.storage import Bundle
from captioner.bundle.versions import Version
from captioner.inference import blocklist
from tests import tiny
from tests.app.how_it_works.test_page import text, trained, visit

__all__ = ["trained"]  # a fixture
README = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No other models are here, whatever lies beside this checkout."""
    monkeypatch.setenv("CAPTIONER_OTHER_BUNDLES", str(tmp_path / "bundles"))


def test_about_says_which_bundle_runs_and_why(trained: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    app = visit("about", trained, monkeypatch)
    assert "From a test. It is \\*the\\* one\\." in text(app).replace("test\\.", "test.")
    assert app.code[0].value == trained.checksum
    cells = app.table[0].value.to_string()
    for part in ("tiny", "streamlit"):
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


def test_about_and_the_card_say_the_same_of_limits_and_licence(
    trained: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    statistics = tiny.DATASET | {"name": "COCO"}
    coco = storage.replace(trained.folder, {"dataset.json": json.dumps(statistics)})
    about = text(visit("about", coco, monkeypatch))
    card = model_card.render(coco.config, None, [], coco.dataset())
    limits, licence = model_card.limits(dataset_info.COCO), model_card.licence(dataset_info.COCO)
    for line in (*limits.splitlines()[1:], *licence.splitlines()):
        assert line in about
        assert line in card
    assert "COCO (X. Chen and others, 2015)" in about


def test_about_links_to_where_the_model_was_published(
    trained: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "huggingface.co" not in text(visit("about", trained, monkeypatch))
    version = Version("you/your-captioner", "a" * 40, trained.checksum, "folder")
    page = visit("about", trained, monkeypatch)
    monkeypatch.setattr(serving, "active_bundle", lambda: ActiveBundle(trained, "the Hub", "", None, version))
    assert "(https://huggingface.co/you/your-captioner)" in text(page.run())


@pytest.mark.parametrize("said", [texts.STORED, STORED, README.split("Stored are ")[1].split("\n\n")[0]])
def test_whoever_asks_what_a_review_stores_is_told_all_of_it(said: str) -> None:
    for stored in ("remark", "group", "raters", "how sure", "warnings", "code that recognises"):
        assert stored in said
