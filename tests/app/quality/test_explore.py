"""The page of the test captions: search, sort, compare and plot."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from captioner.app.quality import explore, texts
from captioner.app.state import serving
from captioner.app.state.serving import ActiveBundle
from captioner.bundle import storage as bundles
from captioner.bundle.storage import Bundle
from captioner.evaluation import predictions
from tests import tiny, tiny_flickr8k, visitor
from tests.visitor import checked, page_text

TEST = tiny_flickr8k.names("test")
HEAD = "image,caption,log_prob,score,bleu4,rouge_l,cider"
SENTENCES = ("a dog runs", "a red dog plays with a dog", "the cat runs", "a man in red")
CIDERS = (0.1, 2.5, 0.7, 0.0)
LOG_PROBS = (-1.0, -4.5, -8.0, -2.0)


@pytest.fixture(autouse=True)
def _no_pictures(empty_caches: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CAPTIONER_FLICKR8K", "nowhere")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(
        "captioner.app.state.hub_updates.examples_status", lambda: ""
    )  # as if the Hub had none


def table(*rows: str) -> str:
    return "\n".join([HEAD, *rows]) + "\n"


@pytest.fixture
def predicting(tmp_path: Path) -> Bundle:
    """A bundle with four sentences about the test pictures of the tiny Flickr8k."""
    rows = [
        f"{name},{sentence},{log_prob},-1,0.2,0.4,{cider}"
        for name, sentence, log_prob, cider in zip(TEST, SENTENCES, LOG_PROBS, CIDERS, strict=True)
    ]
    words = tiny.DATASET["words"] | {"most_common": [["a", 90], ["woman", 50], ["unicorn", 40], ["two", 30]]}
    extra = {"predictions.csv": table(*rows), "dataset.json": json.dumps(tiny.DATASET | {"words": words})}
    return bundles.write(tmp_path / "artifacts", tiny.required_files(tiny.config()) | extra)


def visit(bundle: Bundle, monkeypatch: pytest.MonkeyPatch, **query: str) -> AppTest:
    monkeypatch.setattr(serving, "active_bundle", lambda: ActiveBundle(bundle, "a test", "It stands in."))
    return checked(visitor.open_page("quality", **query))


def listed(app: AppTest) -> list[str]:
    """The sentences in the order of the table."""
    return list(app.dataframe[0].value["sentence"])


def test_unused_words_are_known_frequent_and_in_no_caption(predicting: Bundle) -> None:
    captions = predictions.scored_captions(predicting)
    assert predictions.frequent_words_unused(predicting, captions) == [("woman", 50), ("two", 30)]


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("Mixed", [0, 1, 2, 3]),
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
    assert app.subheader[0].value == f"“{SENTENCES[expected[0]]}”"


def test_without_pictures_the_page_is_complete(predicting: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    app = visit(predicting, monkeypatch)
    assert not app.get("image")
    assert texts.NO_PICTURE.format(dataset="Flickr8k") in page_text(app)
    assert "What people wrote" not in page_text(app)
    headers = [texts.HOW_OFTEN, texts.PEOPLE_SAID, texts.EXPLORE, texts.SCORES]
    assert [header.value for header in app.header] == headers
    assert [header.value for header in app.subheader][1:] == [texts.UNUSED_WORDS, texts.SIMILARITY]


def test_a_local_dataset_adds_the_pictures_and_what_people_wrote(
    predicting: Bundle, monkeypatch: pytest.MonkeyPatch, kaggle_folder: Path
) -> None:
    monkeypatch.setenv("CAPTIONER_FLICKR8K", str(kaggle_folder))
    app = visit(predicting, monkeypatch)
    assert [image.proto.imgs[0].alt for image in app.get("image")] == list(SENTENCES)
    written = tiny_flickr8k.ALL[TEST[1]]
    assert all(reference.split()[-2] in page_text(app) for reference in written)
    table = visit(predicting, monkeypatch, view=explore.TABLE, first="Best matches")
    assert [image.proto.imgs[0].alt for image in table.get("image")] == [SENTENCES[1]]
    assert all(reference.split()[-2] in page_text(table) for reference in written)


def test_many_pictures_are_on_several_pages(
    predicting: Bundle, monkeypatch: pytest.MonkeyPatch, kaggle_folder: Path
) -> None:
    monkeypatch.setattr(explore, "PER_PAGE", 3)
    monkeypatch.setenv("CAPTIONER_FLICKR8K", str(kaggle_folder))
    app = visit(predicting, monkeypatch)
    assert len(app.get("image")) == 3
    assert len(app.get("pagination")) == 1


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
    assert [image.proto.imgs[0].alt for image in app.get("image")] == [SENTENCES[0], *SENTENCES[2:]]


def test_only_pictures_that_are_here_are_shown_the_table_has_all(
    predicting: Bundle, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tiny_flickr8k.kaggle(tmp_path / "flickr8k")
    (folder / "Images" / TEST[1]).unlink()
    monkeypatch.setenv("CAPTIONER_FLICKR8K", str(folder))
    app = visit(predicting, monkeypatch)
    assert len(app.get("image")) == 3
    assert "3 of 4 sentences" in page_text(app)
    assert len(listed(visit(predicting, monkeypatch, view=explore.TABLE))) == 4
    app.text_input[0].set_value("plays").run()
    assert app.info[0].value.startswith("None of the sentences whose photo is here has")


def test_a_search_stands_in_the_link(predicting: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    app = visit(predicting, monkeypatch, search="dog")
    assert listed(app) == [SENTENCES[0], SENTENCES[1]]
    assert "2 of 4 sentences with “dog”" in page_text(app)


@pytest.mark.parametrize(
    ("query", "sentence"), [("woman", "has “woman”."), ("*unicorn*", "“unicorn”: the model does not know")]
)
def test_a_search_that_finds_nothing_says_why(
    predicting: Bundle, monkeypatch: pytest.MonkeyPatch, query: str, sentence: str
) -> None:
    app = visit(predicting, monkeypatch, search=query)
    assert sentence in app.info[0].value
    assert not app.dataframe


def test_one_pictures_score_always_comes_with_what_it_means(
    predicting: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    said_there = page_text(visit(predicting, monkeypatch, first="Best matches"))
    assert "It is more similar to theirs than all others" in said_there
    assert predictions.CIDER_DESCRIPTION in said_there


def test_a_bundle_without_predictions_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = visit(bundles.write(tmp_path / "artifacts", tiny.required_files(tiny.config())), monkeypatch)
    assert [info.value for info in app.info] == [texts.NO_PREDICTIONS, texts.NO_SCORES]


def test_every_chart_has_a_sentence_for_those_who_cannot_see_it(
    predicting: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    sentences = [chart.proto.alt for chart in visit(predicting, monkeypatch).get("vega_lite_chart")]
    assert len(sentences) == 2
    assert all(len(sentence) > 40 for sentence in sentences)
    assert "woman (50)" in sentences[0]
