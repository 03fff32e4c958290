"""A bundle with malformed statistics: each page reports it, and captioning works."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from captioner.app.how_it_works.texts import LEARNING as HOW_IT_LEARNED
from captioner.app.quality.texts import SCORES
from captioner.app.state import serving
from captioner.app.state.serving import ActiveBundle
from captioner.bundle import storage as bundles
from captioner.errors import BundleError
from captioner.inference.captioner import Captioner
from tests import tiny, visitor
from tests.bundle.test_schema import EPOCH, PREDICTION
from tests.conftest import UseCaptioner
from tests.fake_captioner import photo
from tests.visitor import page_text, sentence, upload

BUG = "Something went wrong in the app itself"
MANY = EPOCH + 100_000 * EPOCH.splitlines(keepends=True)[1]
WORST: dict[str, tuple[str, str | bytes]] = {
    "scores of another type": ("metrics.json", json.dumps(tiny.METRICS | {"scores": [1]})),
    "keys missing": ("metrics.json", '{"scores": {}}'),
    "no counts": ("dataset.json", '{"images": null, "words": {"most_common": [["a"]]}}'),
    "a list": ("dataset.json", "[]"),
    "no phase": ("history.csv", "epoch\n1\n"),
    "a huge loss": ("history.csv", EPOCH.replace("4.2", "1e300")),
    "a log-probability above 0": ("predictions.csv", PREDICTION.replace("-3.5", "1e9")),
    "a negative score": ("predictions.csv", PREDICTION.replace(",1.5", ",-7")),
    "no text": ("predictions.csv", b"\xff\xfe"),
    "no rows": ("baselines.json", "{}"),
    "no rule": ("novelty.json", "{}"),
    "no calibration": ("calibration.json", "{}"),
}

PAGES = {
    "how_it_works": ("dataset.json", "history.csv"),
    "quality": ("predictions.csv", "dataset.json", "metrics.json", "baselines.json", "calibration.json"),
}
SHOWN = [(case, page) for page, names in PAGES.items() for case, (name, _) in WORST.items() if name in names]


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_caches: None) -> None:
    monkeypatch.setenv("CAPTIONER_OTHER_BUNDLES", str(tmp_path / "bundles"))
    monkeypatch.setenv("CAPTIONER_FLICKR8K", "nowhere")
    monkeypatch.setattr("captioner.data.examples._first_rows", lambda: [])  # as if the Hub had none


def malformed(folder: Path, name: str, content: str | bytes) -> bundles.Bundle:
    """A bundle that runs, with every file, of which this one is malformed."""
    whole = tiny.full_bundle(folder)
    files = {"captioner.tflite": tiny.litert_model("attention"), "examples/a.jpg": photo(1), name: content}
    return bundles.replace(whole.folder, files)


@pytest.mark.parametrize("case", WORST)
def test_malformed_statistics_do_not_prevent_a_caption(
    case: str,
    tmp_path: Path,
    use_captioner: UseCaptioner[Captioner],  # type: ignore[type-var]
) -> None:
    name, content = WORST[case]
    use_captioner(Captioner(malformed(tmp_path / "artifacts", name, content)))
    app = visitor.checked(upload(visitor.open_page("caption"), photo(1)))
    assert sentence(app)
    assert ("There is no warning about unusual pictures" in page_text(app)) == (name == "novelty.json")


@pytest.mark.parametrize(("case", "page"), SHOWN)
def test_a_page_names_the_malformed_file(
    case: str, page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, content = WORST[case]
    running = ActiveBundle(malformed(tmp_path / "artifacts", name, content), "a test", "It stands in.")
    monkeypatch.setattr(serving, "active_bundle", lambda: running)
    app = visitor.open_page(page)
    assert not app.exception
    errors = [error.value.lower() for error in app.error]
    assert errors
    assert all(error.startswith(name) for error in errors), BUG
    rest = [header.value for header in app.header]
    assert {"how_it_works": HOW_IT_LEARNED, "quality": SCORES}[page] in rest, "the rest stays"


def test_a_history_of_too_many_rows_is_not_read(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"history\.csv needs a size up to 2000000"):
        malformed(tmp_path / "artifacts", "history.csv", MANY)
