"""“What people said” on the page “How good is it?”: shares, scores, agreement, files."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from msgspec import structs, to_builtins

from captioner.app.quality import texts, visitor_ratings
from captioner.app.state import ratings_database
from captioner.bundle import ratings, storage
from captioner.bundle.storage import Bundle
from captioner.evaluation.predictions import ScoredCaption
from captioner.feedback import ratings_store, summary
from captioner.feedback.rating import Rating, Tally, now, rating_id
from tests import tiny
from tests.app.how_it_works.test_page import text, trained, visit

__all__ = ["trained"]  # a fixture
OTHER = "f" * 64


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_caches: None) -> None:
    """There are no other bundles and no pictures."""
    monkeypatch.setenv("CAPTIONER_OTHER_BUNDLES", str(tmp_path / "bundles"))
    monkeypatch.setenv("CAPTIONER_FLICKR8K", "nowhere")
    monkeypatch.setattr("captioner.app.state.hub_updates.examples_status", lambda: "")


def rated_before(bundle: Bundle, *checksums: str) -> str:
    """ratings.json of a bundle that was rated under these checksums."""
    tallies = [Tally(bundle.checksum, "0.jpg", "a dog", "right", 1)]
    record = structs.replace(summary.summarize(bundle, tallies), checksums=checksums)
    return json.dumps(to_builtins(record))


def rate(model: str, *ratings: str) -> None:
    for number, rating in enumerate(ratings):
        one = Rating(rating_id(b"", model, str(number)), "=a dog", rating, model, "", f"{number}.jpg", now())
        ratings_store.save(ratings_database.database(), one)


def test_shares_stand_first_by_model_and_go_through_a_file(
    trained: Bundle, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    measured = storage.replace(trained.folder, {"calibration.json": json.dumps(tiny.CALIBRATION)})
    empty = visit("quality", measured, monkeypatch)
    assert [header.value for header in empty.header[:2]] == [texts.HOW_OFTEN, texts.PEOPLE_SAID]
    assert texts.NOBODY_RATED in text(empty)
    assert (empty.metric[0].label, empty.metric[0].value) == (texts.WORDS, "about 5 in 10")
    rate(measured.checksum, *["right"] * 7, "partly", "wrong")
    few = visit("quality", measured, monkeypatch)
    assert "9 ratings so far: 7 right, 1 partly right, 1 wrong. These are too few to tell." in text(few)
    assert [metric.label for metric in few.metric if metric.label in texts.SHARE_LABELS.values()] == []
    rate(measured.checksum, *["right"] * 9, "partly", "wrong", "wrong")
    rate(OTHER, "wrong", "wrong")
    former = "e" * 64
    elsewhere = storage.write(
        tmp_path / "bundles" / "elsewhere",
        tiny.required_files(tiny.config()) | {"ratings.json": rated_before(trained, former)},
    )
    rate(former, "right")
    rate(elsewhere.checksum, "wrong")
    app = visit("quality", measured, monkeypatch)
    shares = {metric.label: metric.value.replace("\u00a0", " ") for metric in app.metric[:3]}
    assert shares == {"right": "75 %", "partly right": "8 %", "wrong": "17 %"}
    assert app.metric[0].delta.replace("\u00a0", " ") == "likely 47–91 %"
    page_text = text(app).replace("\u00a0", " ").replace("\\", "")
    assert "Visitors of this app gave 12 ratings to 12 sentences of this model" in page_text
    assert "(CIDEr) of 0.51; people used about 5 in 10 of its words, too" in page_text
    assert texts.AGREEMENT_UNKNOWN in page_text
    assert (
        "**A model that is not here (checksum ffffffffffff …):** 0 right, 0 partly right, 2 wrong; 2 ratings"
        in page_text
    )
    assert page_text.count("**elsewhere:**") == 1, "ratings that it got under both checksums"
    assert re.search(r"elsewhere:\*\* 1 right, .* 2 ratings\n", page_text)
    saved = visitor_ratings._file([])
    assert saved.count(b",'=a dog,") == 16
    before = ratings_store.all_ratings(ratings_database.database())
    local = saved.replace(b",", b";") + b";;wrong;a cat;;;" + measured.checksum.encode() + b";0,5;\r\n"
    for new in ("1", "0"):  # reading it again adds nothing
        app.file_uploader[0].set_value((f"{new}.csv", local, "text/csv")).run()
        assert not app.exception
        assert [one.value for one in app.success] == [f"{new} of 17 ratings in the file were new."]
    after = ratings_store.all_ratings(ratings_database.database())
    assert len(after) == 17
    assert {one.id for one in before} < {one.id for one in after}


def test_a_check_leads_until_visitors_gave_enough_and_is_not_counted_among_theirs(
    trained: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    rate(trained.checksum, *["right"] * 2, *["partly"] * 3, *["wrong"] * 5)
    given = ratings_store.all_ratings(ratings_database.database())
    check = summary.summarize_human_evaluation(trained, given, "the makers of *this* demo")
    checked = storage.replace(trained.folder, {"ratings.json": ratings.to_json(check)})
    app = visit("quality", checked, monkeypatch)
    assert [header.value for header in app.header[:2]] == [texts.HOW_OFTEN, texts.PEOPLE_SAID]
    page_text = text(app)
    assert "In a check of **10** photos" in page_text
    assert [metric.value[:2] for metric in app.metric[:3]] == ["20", "30", "50"]
    assert r"Rated by the makers of \*this\* demo." in page_text
    assert texts.NOBODY_RATED in page_text
    rate(checked.checksum, *["right"] * 9)
    few = visit("quality", checked, monkeypatch)
    assert "9 ratings so far: 9 right, " in text(few)
    assert [metric.value[:2] for metric in few.metric[:3]] == ["20", "30", "50"]
    rate(checked.checksum, *["right"] * 10)
    app = visit("quality", checked, monkeypatch)
    assert [header.value for header in app.header[:2]] == [texts.HOW_OFTEN, texts.PEOPLE_SAID]
    assert [metric.value[:2] for metric in app.metric[:6]] == ["10", "0\u00a0", "0\u00a0", "20", "30", "50"]
    page_text = text(app)
    order = ["of this app gave 10", "check of **10**", "Their 10 ratings", "computed", "Too few test photos"]
    assert re.search(".*".join(map(re.escape, order)), page_text, re.DOTALL)


def test_a_database_that_is_down_costs_only_what_people_said(
    trained: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAPTIONER_DATABASE", "postgresql://u:secret@127.0.0.1:1/name")
    app = visit("quality", trained, monkeypatch)
    assert ["cannot be reached" in error.value for error in app.error] == [True]
    assert texts.SCORES in [header.value for header in app.header]


def scored(number: int, cider: float, share: float) -> ScoredCaption:
    return ScoredCaption(f"{number}.jpg", "a dog", 0.5, {"cider": cider}, share)


@pytest.mark.parametrize(
    ("ciders", "expected"),
    [((3, 1), texts.AGREES), ((1, 3), texts.DISAGREES), ((1, 1), texts.DISAGREES)],
)
def test_agreement_is_whether_scores_rank_as_people_do(ciders: tuple[float, float], expected: str) -> None:
    captions = [scored(number, ciders[number % 2], 0.9 if number % 2 == 0 else 0.1) for number in range(20)]
    tallies = [
        Tally(OTHER, f"{number}.jpg", "a dog", ("right", "wrong")[number % 2], 1) for number in range(20)
    ]
    found = visitor_ratings.describe_concordance(tallies, captions)
    assert f"CIDEr {expected}." in found
    assert (
        f"the higher estimate from the model in 100\u00a0% of such pairs: that estimate {texts.AGREES}."
        in found
    )
    assert visitor_ratings.describe_concordance(tallies[:4], captions) == texts.AGREEMENT_UNKNOWN


def test_a_caption_that_many_rated_counts_once_and_is_not_compared_with_itself() -> None:
    def tally(number: int, rating: str, count: int) -> Tally:
        return Tally(OTHER, f"{number}.jpg", "a dog", rating, count)

    two = [tally(0, "right", 10), tally(1, "wrong", 10)]
    assert (
        visitor_ratings.describe_concordance(two, [scored(0, 3, 0.9), scored(1, 1, 0.1)])
        == texts.AGREEMENT_UNKNOWN
    )
    captions = [scored(number, number, number / 20) for number in range(20)]
    by_most = [tally(number, ("wrong", "right")[number // 10], 3) for number in range(20)]
    others = [tally(number, ("right", "wrong")[number // 10], 2) for number in range(20)]
    assert visitor_ratings.describe_concordance(
        [*others, *by_most], captions
    ) == visitor_ratings.describe_concordance(by_most, captions)
