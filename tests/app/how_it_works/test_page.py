"""The page “How it works”: what it says of the model, of its training and of its recipe."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from captioner.app.how_it_works import texts
from captioner.app.state import serving
from captioner.app.state.serving import ActiveBundle
from captioner.bundle import storage
from captioner.bundle.storage import Bundle
from tests import tiny

SCORES, METRICS = tiny.SCORES, tiny.METRICS
HISTORY = """\
epoch,phase,loss,val_loss,learning_rate,seconds,val_cider
1,decoder,4.5,4.25,0.001,60,0.1
2,decoder,3.5,3.0,0.001,60,0.3
3,decoder,3.0,3.1,0.0005,60,0.25
4,self_critical,-0.5,3.2,0.00005,60,0.4
"""


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No other models are here, whatever lies beside this checkout."""
    monkeypatch.setenv("CAPTIONER_OTHER_BUNDLES", str(tmp_path / "bundles"))


@pytest.fixture
def trained(tmp_path: Path) -> Bundle:
    """A bundle with a history and scores."""
    extra = {
        "history.csv": HISTORY,
        "metrics.json": json.dumps(METRICS),
        "README.md": "---\na: b\n---\n# The card\n",
    }
    facts = {"dataset.json": json.dumps(tiny.DATASET)}
    return storage.write(tmp_path / "artifacts", tiny.required_files(tiny.config()) | extra | facts)


def visit(page: str, bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    active = ActiveBundle(bundle, "a test", "It is *the* one.")
    monkeypatch.setattr(serving, "active_bundle", lambda: active)
    app = AppTest.from_string(f"from captioner.app.{page} import page\npage.page()", default_timeout=60).run()
    assert not app.exception
    return app


def text(app: AppTest) -> str:
    return "\n".join(element.value for kind in (app.markdown, app.caption) for element in kind)


def alternatives(app: AppTest) -> list[str]:
    return [chart.proto.alt for chart in app.get("vega_lite_chart")]


def test_training_is_summarised_in_sentences(trained: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    page_text = text(visit("how_it_works", trained, monkeypatch))
    assert "6,000 photos" in page_text
    assert "lowest in epoch 2: 3.00 nats a word, as unsure as picking blindly among 20 words" in page_text
    assert "training is made harder" in page_text  # the training loss lies above the other
    assert "Highest in epoch 4: 0.40" in page_text
    assert "Lowered in epoch 3" in page_text
    assert "**frozen encoder**, epochs 1 to 3" in page_text
    assert "**self-critical**, epoch 4" in page_text


def test_the_number_of_encoders_is_shown(trained: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "side by side" not in text(visit("how_it_works", trained, monkeypatch))
    config = trained.config.to_json() | {"encoder": "one + another", "horizontal_flip": True}
    two = storage.replace(trained.folder, {"config.json": json.dumps(config)})
    assert re.search(
        "then things, once as it is and once mirrored. Two programs do this side by side.",
        text(visit("how_it_works", two, monkeypatch)),
    )


def test_the_number_of_decoders_is_shown(trained: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "decide together" not in text(visit("how_it_works", trained, monkeypatch))
    three = storage.replace(
        trained.folder, {"config.json": json.dumps(trained.config.to_json() | {"members": 3})}
    )
    assert "3 such writers decide together" in text(visit("how_it_works", three, monkeypatch))
    assert "3 × attention" in recipe(visit("how_it_works", three, monkeypatch))


def test_the_recipe_is_a_table(trained: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    cells = recipe(visit("how_it_works", trained, monkeypatch))
    for part in ("tiny", "one convolution", "keras 3"):
        assert part in cells


def recipe(app: AppTest) -> str:
    """The cells of the recipe."""
    return str(next(table.value for table in app.table if "what" in table.value).to_string())


def test_the_card_is_shown_without_its_head(trained: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    page_text = text(visit("how_it_works", trained, monkeypatch))
    assert "# The card" in page_text
    assert "a: b" not in page_text


def test_an_easier_training_is_not_called_harder(trained: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    easier = storage.replace(
        trained.folder, {"history.csv": HISTORY.replace("2,decoder,3.5", "2,decoder,2.5")}
    )
    assert "training is made harder" not in text(visit("how_it_works", easier, monkeypatch))


def test_every_chart_has_a_sentence_for_those_who_cannot_see_it(
    trained: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    sentences = alternatives(visit("how_it_works", trained, monkeypatch))
    assert len(sentences) == 3
    assert all(len(sentence) > 40 for sentence in sentences)


def test_the_model_is_drawn_from_its_configuration(trained: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    page_text = text(visit("how_it_works", trained, monkeypatch))
    for part in ("32 × 32 dots", "4 × 4 regions", "15 words", "one convolution"):
        assert part in page_text


def test_a_bundle_without_history_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bare = storage.write(tmp_path / "artifacts", tiny.required_files(tiny.config()))
    app = visit("how_it_works", bare, monkeypatch)
    assert [info.value for info in app.info] == [texts.NO_HISTORY]


def test_a_history_with_gaps_is_drawn_as_far_as_it_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = visit("how_it_works", tiny.full_bundle(tmp_path / "artifacts"), monkeypatch)
    assert len([sentence for sentence in alternatives(app) if "by epoch" in sentence]) == 1


@pytest.mark.parametrize(("samples", "said"), [(0, "most likely"), (40, "40 other versions at random")])
def test_the_page_says_how_the_sentence_is_chosen(
    samples: int, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny.config(beams=7, samples=samples)
    page = text(
        visit("how_it_works", storage.write(tmp_path / "one", tiny.required_files(config)), monkeypatch)
    )
    assert "writes 7 sentences" in page
    assert said in page
