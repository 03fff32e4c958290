"""The page of the test pictures: what is searched, sorted, compared and drawn, and what it does without."""

from __future__ import annotations

import json
from pathlib import Path

import altair as alt
import pytest
from hypothesis import given
from hypothesis import strategies as some
from streamlit.testing.v1 import AppTest

from captioner.app.explore import charts as explore_charts
from captioner.app.explore import page as explore
from captioner.app.explore import statistics
from captioner.app.state import serving
from captioner.app.state.serving import ActiveBundle
from captioner.bundle import storage as bundles
from captioner.bundle.schema import Prediction
from captioner.bundle.storage import Bundle
from captioner.evaluation import predictions
from captioner.evaluation.predictions import Said
from tests import tiny, tiny_flickr8k, visitor
from tests.visitor import checked, said

TEST = tiny_flickr8k.names("test")
TRUST = """import streamlit as st
from captioner.app.explore import statistics as patterns
patterns.trust(st.session_state["everything"])
"""
HEAD = "image,caption,log_prob,score,bleu4,rouge_l,cider"
SENTENCES = ("a dog runs", "a red dog plays with a dog", "the cat runs", "a man in red")
LIKENESS = (0.1, 2.5, 0.7, 0.0)
SURENESS = (-1.0, -4.5, -8.0, -2.0)  # log_prob

sentences = some.lists(some.sampled_from(tiny.WORDS), min_size=1, max_size=6).map(" ".join)
scores = some.floats(0, 10, allow_nan=False)


@pytest.fixture(autouse=True)
def _no_pictures(nothing_cached: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CAPTIONER_FLICKR8K", "nowhere")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(
        "captioner.app.state.hub_updates.samples_status", lambda: ""
    )  # as if the Hub had none


def table(*rows: str) -> str:
    return "\n".join([HEAD, *rows]) + "\n"


@pytest.fixture
def predicting(tmp_path: Path) -> Bundle:
    """A bundle with four sentences about the test pictures of the tiny Flickr8k."""
    rows = [
        f"{name},{sentence},{log_prob},-1,0.2,0.4,{like}"
        for name, sentence, log_prob, like in zip(TEST, SENTENCES, SURENESS, LIKENESS, strict=True)
    ]
    words = tiny.DATASET["words"] | {"commonest": [["a", 90], ["woman", 50], ["unicorn", 40], ["two", 30]]}
    extra = {"predictions.csv": table(*rows), "dataset.json": json.dumps(tiny.DATASET | {"words": words})}
    return bundles.write(tmp_path / "artifacts", tiny.files(tiny.config()) | extra)


def sentence(caption: str, sure: float = 0.5, like: float = 1.0) -> Said:
    return Said("a.jpg", caption, sure, like, {"cider": like, "bleu4": 0.0, "rouge_l": 0.0})


def visit(found: Bundle, monkeypatch: pytest.MonkeyPatch, **query: str) -> AppTest:
    monkeypatch.setattr(serving, "active_bundle", lambda: ActiveBundle(found, "a test", "It stands in."))
    return checked(visitor.opened("explore", **query))


def listed(app: AppTest) -> list[str]:
    """The sentences in the order of the table."""
    return list(app.dataframe[0].value["sentence"])


@given(some.lists(sentences), some.sampled_from(["", "dog", "RED ball", "do", "!"]))
def test_a_search_finds_exactly_the_sentences_with_all_its_words(captions: list[str], query: str) -> None:
    everything = [sentence(caption) for caption in captions]
    wanted = query.lower().replace("!", "").split()
    expected = [one for one in everything if all(f" {word} " in f" {one.caption} " for word in wanted)]
    assert predictions.matching(everything, query) == expected


@pytest.mark.parametrize(
    ("query", "caption", "found"),
    [
        ("cat", "a dog catching a ball", False),
        ("cat", "two cats play", True),
        ("cats", "a cat plays", False),
        ("beach", "on two beaches", True),
        ("catching", "a dog catching a ball", True),
    ],
)
def test_a_word_finds_itself_and_its_plural(query: str, caption: str, found: bool) -> None:
    assert bool(predictions.matching([sentence(caption)], query)) == found


@given(some.lists(scores, min_size=1))
def test_every_sentence_is_in_one_bar(values: list[float]) -> None:
    frame = explore_charts.spread(values)
    assert frame["sentences"].sum() == len(values)
    assert frame["start"].iloc[0] == 0
    assert frame["end"].iloc[-1] > max(values)
    assert (frame["start"].iloc[1:].to_numpy() == frame["end"].iloc[:-1].to_numpy()).all()


@given(some.lists(scores, min_size=2), some.data())
def test_a_place_among_the_others_is_never_more_than_all_of_them(
    values: list[float], data: some.DataObject
) -> None:
    value = data.draw(some.sampled_from(values))
    more, share = predictions.placed(value, values, "{}:{}").removesuffix(" of the others").split(":")
    beaten = sum(other < value if more == "more" else other > value for other in values)
    assert beaten <= len(values) - 1
    assert (share == "all others") == (beaten == len(values) - 1)


def test_sureness_is_the_average_chance_of_a_word() -> None:
    row = Prediction("a", "a dog", log_prob=-3.0, score=-1.0, bleu4=0.0, rouge_l=0.0, cider=0.0)
    one = predictions.said_of(row, max_words=20)
    assert one.sure**3 == pytest.approx(2.718281828**-3)


def test_unsaid_words_are_known_common_and_never_said(predicting: Bundle) -> None:
    everything = predictions.sentences(predicting)
    assert predictions.unsaid(predicting, everything) == [("woman", 50), ("two", 30)]


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("Best matches", [1, 2, 0, 3]),
        ("Worst matches", [3, 0, 2, 1]),
        ("Most unsure", [2, 1, 3, 0]),
    ],
)
def test_sentences_are_sorted_and_the_first_is_open(
    predicting: Bundle, monkeypatch: pytest.MonkeyPatch, order: str, expected: list[int]
) -> None:
    app = visit(predicting, monkeypatch)
    app.segmented_control[0].set_value(order).run()
    assert listed(checked(app)) == [SENTENCES[index] for index in expected]
    assert app.header[0].value == f"“{SENTENCES[expected[0]]}”"


def test_without_pictures_the_page_is_complete(predicting: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    app = visit(predicting, monkeypatch)
    assert not app.get("image")
    assert explore.ELSEWHERE in said(app)
    assert "What people wrote" not in said(app)
    assert [header.value for header in app.header][1:] == [
        "How alike are its sentences to people’s?",
        "Words it never says",
    ]


def test_a_local_dataset_adds_the_picture_and_what_people_wrote(
    predicting: Bundle, monkeypatch: pytest.MonkeyPatch, kaggle_folder: Path
) -> None:
    monkeypatch.setenv("CAPTIONER_FLICKR8K", str(kaggle_folder))
    app = visit(predicting, monkeypatch)
    assert app.get("image")[0].proto.imgs[0].alt == SENTENCES[1]
    written = tiny_flickr8k.ALL[TEST[1]]
    assert all(reference.split()[-2] in said(app) for reference in written)
    assert not app.checkbox


def test_a_picture_that_is_gone_is_explained_and_the_rest_stays(
    predicting: Bundle, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tiny_flickr8k.kaggle(tmp_path / "flickr8k")
    monkeypatch.setenv("CAPTIONER_FLICKR8K", str(folder))
    app = visit(predicting, monkeypatch)
    (folder / "Images" / TEST[1]).unlink()
    app.run()
    assert not app.exception
    assert TEST[1] in app.error[0].value
    assert app.header[0].value == f"“{SENTENCES[1]}”"


def test_one_can_keep_to_the_pictures_that_are_here(
    predicting: Bundle, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tiny_flickr8k.kaggle(tmp_path / "flickr8k")
    (folder / "Images" / TEST[1]).unlink()
    monkeypatch.setenv("CAPTIONER_FLICKR8K", str(folder))
    app = visit(predicting, monkeypatch)
    assert len(listed(app)) == 4
    app.checkbox[0].check().run()
    assert SENTENCES[1] not in listed(checked(app))
    assert "3 of 4 sentences" in said(app)
    app.text_input[0].set_value("plays").run()
    assert app.info[0].value.startswith("None of the sentences whose picture is here has")


def test_a_search_stands_in_the_link(predicting: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    app = visit(predicting, monkeypatch, search="dog")
    assert listed(app) == [SENTENCES[1], SENTENCES[0]]
    assert "2 of 4 sentences with “dog”" in said(app)


@pytest.mark.parametrize(
    ("query", "sentence"), [("woman", "has “woman”."), ("*unicorn*", "“unicorn”: it has never learned")]
)
def test_a_search_that_finds_nothing_says_why(
    predicting: Bundle, monkeypatch: pytest.MonkeyPatch, query: str, sentence: str
) -> None:
    app = visit(predicting, monkeypatch, search=query)
    assert sentence in app.info[0].value
    assert not app.dataframe


def test_one_pictures_score_is_never_shown_without_saying_that_it_is_no_mark(
    predicting: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    said_there = said(visit(predicting, monkeypatch))
    assert "It is more like theirs than all others" in said_there
    assert predictions.NO_MARK in said_there


def test_a_bundle_without_predictions_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = visit(bundles.write(tmp_path / "artifacts", tiny.files(tiny.config())), monkeypatch)
    assert app.info[0].value == "This bundle brings no sentences about test pictures yet."


@pytest.mark.parametrize("sign", [1, -1])
def test_whether_sureness_helps_is_measured_not_claimed(sign: int) -> None:
    everything = [sentence("a dog", sure=index / 40, like=2 + sign * index / 40) for index in range(40)]
    app = AppTest.from_string(TRUST)
    app.session_state["everything"] = everything
    assert ("a second look" in said(checked(app.run()))) == (sign > 0)


def test_every_chart_has_a_sentence_for_those_who_cannot_see_it(
    predicting: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [chart.proto.alt for chart in visit(predicting, monkeypatch).get("vega_lite_chart")]
    assert len(found) == 2
    assert all(len(sentence) > 40 for sentence in found)
    assert "woman (50)" in found[1]


def test_charts_are_valid_specifications_with_their_figures() -> None:
    frame = explore_charts.spread([0.1, 0.2, 1.3])
    histogram = explore_charts.histogram(frame, 0.5)
    assert isinstance(histogram, alt.LayerChart)
    assert "average 0.50" in json.dumps(histogram.to_dict())
    assert len(statistics.QUARTERS) <= explore.ENOUGH
