"""The caption page with a captioner that has no model."""

from __future__ import annotations

from dataclasses import replace

import pytest
from streamlit.runtime.caching import cache_resource_api
from streamlit.testing.v1 import AppTest

from captioner.app.caption import texts, word_details
from captioner.app.components import decoding_controls, wording
from captioner.inference.decoding import DecodingOptions, Word
from captioner.inference.warning import SENTENCES
from tests import visitor
from tests.fake_captioner import FakeCaptioner, make_warning, photo
from tests.visitor import checked, interactive_caption, open_details, page_text, pin, sentence, upload


def open_page(**query: str) -> AppTest:
    """The app as a visitor finds it who opens its address with this query."""
    return checked(visitor.open_page(**query))


def test_the_page_is_complete_without_examples(fake: FakeCaptioner, no_examples: None) -> None:
    app = open_page()
    assert app.title[0].value == "What does the model see?"
    assert wording.PRIVACY in page_text(app)
    assert "No examples here: it is a test" in page_text(app).replace("\\", "")
    assert not app.button


def test_an_upload_is_captioned(fake: FakeCaptioner) -> None:
    app = checked(upload(open_page(), photo(3)))
    assert sentence(app) == "a dog runs"
    assert wording.PRIVACY in page_text(app)
    assert "names, ages" in page_text(app)


def test_a_word_shows_its_runners_up_and_they_can_be_tried(fake: FakeCaptioner, no_examples: None) -> None:
    app = pin(checked(upload(open_page(), photo(3))), 1)
    assert texts.LEVELS["fairly sure"] in page_text(app)
    assert [label.rstrip("\u2060") for label in app.pills[0].options] == ["dog", "ball"]
    assert fake.encoded == len(fake.decoded) == 1


def test_a_function_word_is_not_rated(fake: FakeCaptioner) -> None:
    app = pin(checked(upload(open_page(), photo(3))), 0)
    assert texts.FUNCTION_WORD in page_text(app)


def test_a_warning_stands_above_a_sentence_that_is_called_a_guess(fake: FakeCaptioner) -> None:
    app = checked(upload(open_page(), photo(3)))
    assert (interactive_caption(app) or {})["title"] == ""
    fake.warnings = (make_warning("novelty"),)
    app = checked(upload(open_page(), photo(4)))
    assert (interactive_caption(app) or {})["title"] == "Best guess"
    assert SENTENCES["novelty"] in app.warning[0].value
    assert "Measured" not in page_text(app)
    assert "Measured \\*once\\*\\." in page_text(open_details(app))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (DecodingOptions(), "“ball”, but the sentence as a whole came out better with “dog”."),
        (DecodingOptions(temperature=1.0), "“ball”, but the random choice was “dog”."),
    ],
)
def test_why_a_likelier_word_was_not_taken(options: DecodingOptions, expected: str) -> None:
    word = Word("dog", -3.0, (("cat", -1.0), ("ball", -2.0), ("sky", -4.0)), frozenset({"cat", "sky"}))
    text = word_details.explain([Word("a", -1.0, ()), word], 1, options)
    assert expected in text
    assert "“cat” is more likely" in text
    assert "but no sentence may repeat itself" in text
    assert "sky" not in text


def test_the_likeliest_word_needs_no_other_reason() -> None:
    words = [Word(text, -0.1, (("sky", -4.0),)) for text in ("a", "dog", "")]
    why = [word_details.explain(words, index, DecodingOptions()) for index in range(3)]
    places = (
        "“a” is most likely to begin with",
        "“dog” is most likely after “a”",
        "the end is most likely after “a dog”",
    )
    assert all(place in text for place, text in zip(places, why, strict=True))


def test_alternatives_are_ranked_and_their_differences_described(fake: FakeCaptioner) -> None:
    text = page_text(checked(upload(open_page(), photo(3))))
    assert "2. a **cat sits**" in text
    assert "“cat sits” instead of “dog runs”" in text


def test_the_search_starts_with_the_bundles_settings_and_obeys_the_sliders(
    fake: FakeCaptioner, no_examples: None
) -> None:
    app = checked(upload(open_page(), photo(3)))
    assert fake.decoded == [fake.options]
    app.slider(key="beams").set_value(1).run()
    assert [options.beams for options in fake.decoded] == [2, 1]
    assert "the model weighed only one sentence" in page_text(checked(app))
    app.slider(key="beams").set_value(2).run()
    assert (fake.encoded, len(fake.decoded)) == (
        1,
        2,
    )  # the same picture with the same settings is remembered


def test_no_two_visitors_share_anything(
    fake: FakeCaptioner, no_examples: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = "first"  # Streamlit's tests give every session the same id
    monkeypatch.setattr(cache_resource_api, "get_session_id_or_throw", lambda: session)
    first, second = open_page(), open_page()
    upload(first, photo(3))
    session = "second"
    second.run()
    assert sentence(second) is None
    upload(second, photo(3))
    assert fake.encoded == 2


def test_the_download_buttons_are_the_same_widgets_for_every_image(fake: FakeCaptioner) -> None:
    app = open_page()
    ids = []  # Streamlit remembers a widget until the session ends, so new ones would take memory
    for seed in (3, 4):
        checked(upload(app, photo(seed), name=f"{seed}.png"))
        ids.append([button.proto.id for button in app.get("download_button")])
    assert ids[0] == ids[1] != []


def test_the_sliders_reach_what_the_bundle_asks_for(fake: FakeCaptioner) -> None:
    fake.options = replace(
        fake.options,
        beams=decoding_controls.MAX_BEAMS + 5,
        length_penalty=decoding_controls.MAX_LENGTH_PENALTY + 1,
    )
    app = checked(upload(open_page(), photo(3)))
    assert app.slider(key="beams").value == decoding_controls.MAX_BEAMS + 5
    assert app.slider(key="length_penalty").value == decoding_controls.MAX_LENGTH_PENALTY + 1
