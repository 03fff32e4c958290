"""Examples: photographs or drawings, each a button; what is known of a drawing is no caption."""

from __future__ import annotations

from dataclasses import replace

import pytest

from captioner.app.components import examples, wording
from captioner.app.components.wording import escape
from captioner.app.state import serving
from captioner.app.state.session import DecodedImage
from captioner.drawings import collection
from captioner.drawings.collection import DRAWINGS
from tests.app.caption.test_page import open_page
from tests.conftest import example_pictures
from tests.fake_captioner import FakeCaptioner, make_candidate
from tests.visitor import checked, page_text, sentence

CAT = "cat-on-sofa.webp"


@pytest.fixture
def bare(fake: FakeCaptioner, monkeypatch: pytest.MonkeyPatch) -> FakeCaptioner:
    """A machine without photographs."""
    monkeypatch.setattr(serving, "examples", lambda: ({}, "There are none."))
    monkeypatch.setattr(examples, "thumbnails", thumbnails)
    return fake


thumbnails = examples.thumbnails  # before a fixture replaces it


def test_without_photographs_the_drawings_are_offered(bare: FakeCaptioner) -> None:
    app = open_page()
    assert sentence(app) == "a dog runs"  # what the captioner says now, though a surfer is drawn
    assert escape(DRAWINGS[0].shows) in page_text(app)
    assert escape(examples.DRAWN_SOURCE) in page_text(app)
    assert len([button for button in app.button if button.label.startswith("Example")]) == len(DRAWINGS)


def test_a_drawing_is_two_clicks_away_at_most_and_can_be_linked_to(bare: FakeCaptioner) -> None:
    app = open_page()
    app.button(key=f"pick-{list(collection.BY_NAME).index(CAT) + 1} {CAT}").click().run()
    assert checked(app).query_params["example"] == CAT
    assert escape(collection.BY_NAME[CAT].shows) in page_text(open_page(example=CAT))


def test_photographs_take_the_place_of_drawings(fake: FakeCaptioner) -> None:
    assert escape(DRAWINGS[0].shows) not in page_text(open_page())
    example = examples.find(CAT)
    assert example is not None, "a link to a drawing still works"
    assert example.source == examples.DRAWN


@pytest.mark.parametrize(
    ("references", "expected"),
    [
        (("An Asian man runs .", "A man runs ."), "Example 3: A man runs ."),
        (("An Asian man runs .",), "Example 3"),
        ((), "Example 3"),
    ],
)
def test_a_label_has_no_word_that_the_model_may_not_say(references: tuple[str, ...], expected: str) -> None:
    (example,) = example_pictures("one.png").values()
    assert examples.label(3, replace(example, references=references)) == expected


def test_a_photograph_with_the_name_of_a_drawing_is_no_drawing(
    fake: FakeCaptioner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "examples", lambda: (example_pictures(CAT), "A test."))
    assert escape(collection.BY_NAME[CAT].shows) not in page_text(open_page(example=CAT))


@pytest.mark.parametrize("caption", [*collection.BY_NAME[CAT].ratings, "a cat on a sofa"])
def test_only_a_caption_that_was_judged_gets_a_verdict(fake: FakeCaptioner, caption: str) -> None:
    image = DecodedImage.decode(CAT, collection.BY_NAME[CAT].read(), example=CAT)
    said = make_candidate(tuple((word, 0.9) for word in caption.split()))
    known = caption in collection.BY_NAME[CAT].ratings
    expected = ("Wrong.", examples.CHECKED) if known else (wording.NO_VERDICT, wording.CHECK_IT)
    assert examples.verdict(image, said) == expected
    assert not examples.expected_precision(image, said)
    upload = replace(image, example=None)
    assert examples.expected_precision(upload, said)
    assert examples.verdict(upload, said) == (wording.VERDICTS[0][1], wording.CHECK_IT)


def test_a_file_that_cannot_be_read_is_left_out(
    fake: FakeCaptioner, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    one, two = example_pictures("one.png", "two.png").values()
    monkeypatch.setattr(serving, "examples", lambda: ({"one.png": one, "two.png": two}, "A test."))
    object.__setattr__(one, "read", lambda: b"no picture")
    offered, _ = thumbnails()
    assert list(offered) == ["two.png"]
    assert "one.png is left out" in caplog.text


def test_test_photographs_are_in_the_order_of_their_expected_precision(
    fake: FakeCaptioner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "examples", lambda: (example_pictures("one.png", "two.png"), "A test."))
    assert thumbnails()[1] == "A test."
    monkeypatch.setattr(examples, "_expected_precisions", lambda bundle: {"one.png": 0.2, "two.png": 0.8})
    offered, sentence = thumbnails()
    assert list(offered) == ["two.png", "one.png"]
    assert sentence == f"A test. {examples.SUREST_FIRST}"
