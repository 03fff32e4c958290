"""What the browser keeps comes back as it was, and what it cannot have kept does not."""

from __future__ import annotations

import json
from dataclasses import replace

import msgspec
import pytest

from captioner.app.batch import saved
from captioner.app.batch.job import AltText, BatchJob, PictureResult
from captioner.app.batch.saved import SavedAltTexts, SavedResults
from captioner.app.components import browser

THUMBNAIL = "data:image/webp;base64,UklG"


@pytest.fixture
def storage(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Of a browser."""
    kept = {saved.RESULTS: "", saved.ALT_TEXTS: ""}
    monkeypatch.setattr(browser, "store", lambda name, text: kept.update({name: text}) or True)
    monkeypatch.setattr(browser, "stored", lambda names: {name: kept[name] for name in names})
    return kept


def job() -> BatchJob:
    results = [
        PictureResult("é.png", "a dog", 0.5, 0.4, -3.0, "Careful.", THUMBNAIL),
        PictureResult("b.png", error="broken"),
    ]
    touched = {1: AltText("By hand.", reviewed=True)}
    return BatchJob(results=results, skipped=1, left_out=("c.png",), touched=touched, neutral_words=False)


def changes(job: BatchJob) -> str:
    """As alt_texts.js writes them."""
    return msgspec.json.encode(SavedAltTexts(job.id, job.neutral_words, job.touched)).decode()


def contents(job: BatchJob) -> tuple[object, ...]:
    return job.id, job.results, job.skipped, job.left_out, job.touched, job.neutral_words


def test_a_job_comes_back_as_it_was(storage: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="truncated"):
        saved.restore()
    before = job()
    assert saved.store_results(before)
    storage[saved.ALT_TEXTS] = changes(before)
    after = saved.restore()
    assert after
    assert contents(after) == contents(before)


def test_alt_texts_of_another_job_or_none_are_left_out(storage: dict[str, str]) -> None:
    before = job()
    saved.store_results(before)
    for alt_texts in ("", "{", changes(replace(before, id="0" * 16))):
        assert saved.decode(storage[saved.RESULTS], alt_texts).touched == {}
    beyond = changes(replace(before, touched={7: AltText("x"), -1: AltText("x")}))
    assert saved.decode(storage[saved.RESULTS], beyond).touched == {}


@pytest.mark.parametrize("wrong", [None, 7, "", "{", {"id": "x"}, '{"touched": {"0": 1}}'])
def test_a_browser_that_says_nothing_of_the_job_changes_nothing(wrong: object) -> None:
    before = job()
    assert saved.take_over(before, wrong) is None
    assert before.touched
    assert saved.take_over(before, changes(replace(before, touched={0: AltText(" By\nhand. ")})))
    assert before.touched == {0: AltText("By hand.")}


def test_thumbnails_stay_within_what_a_browser_may_send(
    storage: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saved, "MAX_THUMBNAILS", len(THUMBNAIL) + 1)
    saved.store_results(BatchJob(results=[PictureResult("a.png", thumbnail=THUMBNAIL)] * 2))
    assert [row.thumbnail for row in saved.decode(storage[saved.RESULTS], "").results] == [THUMBNAIL, ""]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("thumbnail", "/etc/passwd"),  # Streamlit would show a file of the server
        ("thumbnail", "https://example.org/spy.png"),  # or have the visitor's browser ask another server
        ("thumbnail", "data:image/svg+xml;base64,AAAA"),
        ("caption", "a" * 1001),
        ("expected_precision", 7),
        ("image", None),
        ("surprise", 1),
    ],
)
def test_what_was_tampered_with_is_refused(key: str, value: object) -> None:
    saved_results = msgspec.to_builtins(SavedResults(job().id, job().results, 0, ()))
    saved_results["results"][0][key] = value
    if key == "surprise":
        saved_results[key] = value
    with pytest.raises(ValueError, match=r"\$|unknown|Expected"):
        saved.decode(json.dumps(saved_results), "")
