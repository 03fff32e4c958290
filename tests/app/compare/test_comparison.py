"""Comparing two captions, with captioners that have no model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from streamlit.testing.v1 import AppTest

from captioner.app.caption.texts import COMPARE
from captioner.app.compare import comparison as compare
from captioner.app.compare import texts
from captioner.app.components import decoding_controls, image_picker
from captioner.app.state.other_bundles import ACTIVE
from captioner.bundle import storage as bundles
from captioner.bundle.storage import Bundle
from captioner.errors import BundleError
from captioner.inference.captioner import Caption, Captioner
from captioner.inference.decoding import DecodingOptions
from tests import tiny, visitor
from tests.conftest import UseCaptioner, example_pictures
from tests.fake_captioner import SENTENCES, FakeCaptioner, make_candidate, photo
from tests.visitor import checked, page_text, press, upload


@dataclass
class TwoCaptions(FakeCaptioner):
    """Captions differently with one beam or when sampling."""

    def decode(self, regions: NDArray[np.float32], options: DecodingOptions) -> Caption:
        self.decoded.append(options)
        return Caption((make_candidate(SENTENCES[0 if options.beams > 1 else 1]),), (), (), self.warnings)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where further bundles are looked for; there is none."""
    monkeypatch.setenv("CAPTIONER_OTHER_BUNDLES", str(tmp_path / "bundles"))
    return tmp_path / "bundles"


@pytest.fixture
def fake(use_captioner: UseCaptioner[TwoCaptions], tmp_path: Path, folder: Path) -> TwoCaptions:
    """Stands in for the running model; no samples are there."""
    return use_captioner(TwoCaptions(tiny.full_bundle(tmp_path / "artifacts")))


@pytest.fixture
def other(folder: Path, monkeypatch: pytest.MonkeyPatch) -> FakeCaptioner:
    """Stands in for a second model, in a bundle of its own."""
    captioner = FakeCaptioner(bundles.write(folder / "second", tiny.required_files(tiny.config(beams=1))))
    monkeypatch.setattr(compare, "_captioner", lambda bundle: captioner)
    return captioner


def open_page(data: bytes | None = None) -> AppTest:
    app = visitor.open_page("caption", compare="1")
    return app if data is None else upload(app, data)


def control(app: AppTest, key: str, value: str) -> AppTest:
    app.get("button_group")
    app.segmented_control(key=key).set_value(value).run()
    return checked(app)


def test_a_result_is_compared_and_back(picked: TwoCaptions) -> None:
    app = checked(visitor.open_page("caption"))
    app.slider(key="beams").set_value(1).run()
    press(app, COMPARE)
    assert texts.WHAT_DIFFERS in [header.value for header in app.subheader]
    assert app.slider(key="beams_a").value == 1, "A begins with the settings of the result"
    press(app, texts.CLOSE)
    assert texts.WHAT_DIFFERS not in [header.value for header in app.subheader]
    assert "compare" not in app.query_params


def test_two_decoding_options_are_compared(fake: TwoCaptions) -> None:
    text = page_text(checked(open_page(photo(1))))
    assert "**From A to B: “cat sits” instead of “dog runs”" in text
    assert "“a *:primary-background[dog runs]*”" in text
    assert "“a *:primary-background[cat sits]* …”" in text
    assert "The chance that it says exactly this: 16 %" in text
    assert "**Probably wrong in places.** Check it" in text
    assert "The model finds the sentence of A 1.8 times as likely as that of B" in text
    longer = "longer sentences preferred \\(length penalty 0\\.6\\)"
    assert f"2 sentences followed at once \\(beam search\\), {longer}" in text
    assert f"the likeliest word each time \\(greedy search\\), {longer}" in text


def test_content_words_have_their_level_and_marks_are_no_colour_alone(fake: TwoCaptions) -> None:
    text = page_text(checked(open_page(photo(1))))
    assert "a · *:primary-background[dog]* :small[fairly sure] · " in text
    assert "*:primary-background[runs]* :small[a guess]" in text


def test_the_same_configuration_twice_cannot_differ(fake: TwoCaptions) -> None:
    app = checked(open_page(photo(1)))
    app.slider(key="beams_b").set_value(2).run()
    assert "A and B have the same settings" in page_text(checked(app))
    app.slider(key="length_penalty_b").set_value(1.0).run()
    assert "Both captions are the same, word for word" in page_text(checked(app))
    assert (fake.encoded, len(fake.decoded)) == (1, 3)  # nothing is computed twice


def test_words_can_be_sampled_with_a_temperature_and_a_seed(fake: TwoCaptions) -> None:
    app = control(checked(open_page(photo(1))), "mode_b", decoding_controls.SAMPLING)
    app.slider(key="temperature_b").set_value(0.5).run()
    app.number_input(key="seed_b").set_value(7).run()
    options = fake.decoded[-1]
    assert (options.num_return_sequences, options.temperature, options.seed) == (1, 0.5, 7)
    assert "\\(sampling\\), creativity 0\\.5, version 7" in page_text(checked(app))


def test_two_models_are_compared(fake: TwoCaptions, other: FakeCaptioner) -> None:
    app = control(checked(open_page(photo(1))), "what", texts.MODELS)
    assert app.selectbox(key="model_b").value == "second"
    assert other.decoded[-1] == DecodingOptions(beams=1, length_penalty=0.7, max_words=8)
    text = page_text(app)
    assert "on its own scale" in text
    assert "It has not been scored on test pictures yet" in text.replace("\\", "")
    control(app, "what", texts.SETTINGS)
    control(app, "what", texts.MODELS)
    assert other.encoded == 1


def test_a_test_score_comes_with_all_that_it_depends_on(tmp_path: Path) -> None:
    bundle = tiny.full_bundle(tmp_path / "scored")
    assert compare._test_score(bundle) == (
        "CIDEr 0.51 on 1,000 pictures of the test split (official), tokeniser “captioner”, 3 beams, "
        "length penalty 0.7, at most 20 words."
    )


def test_a_broken_bundle_is_named_with_its_sentence(
    fake: TwoCaptions, other: FakeCaptioner, folder: Path
) -> None:
    (folder / "torn").mkdir()
    (folder / "torn" / "manifest.json").write_text("{}")
    (folder / ".cache").mkdir()
    (folder / "second.tmp-old").mkdir()
    app = checked(open_page(photo(1)))
    assert len(app.warning) == 1
    assert app.warning[0].value.startswith("The model **torn** is left out: ")
    assert control(app, "what", texts.MODELS).selectbox(key="model_a").options == [
        ACTIVE,
        "second",
    ]


def test_a_model_that_cannot_run_does_not_stop_the_other(
    fake: TwoCaptions, other: FakeCaptioner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(bundle: Bundle) -> Captioner:
        raise BundleError("captioner.tflite does not fit its bundle. Pull it again.")

    monkeypatch.setattr(compare, "_captioner", broken)
    app = open_page(photo(1))
    app.segmented_control(key="what").set_value(texts.MODELS).run()
    assert not app.exception
    assert [error.value for error in app.error] == [
        "Captioner.tflite does not fit its bundle. Pull it again."
    ]
    assert "“a dog runs”" in page_text(app)
    assert "What differs" not in page_text(app)


@pytest.mark.parametrize("data", [b"not a picture", b""])
def test_a_broken_picture_is_explained(fake: TwoCaptions, data: bytes) -> None:
    app = open_page(data)
    assert not app.exception
    assert ":** This file " in app.error[0].value


def linked(**query: str) -> AppTest:
    """The page of a link with an example in it."""
    return visitor.open_page("caption", compare="1", example="one.png", **query)


@pytest.fixture
def picked(use_captioner: UseCaptioner[TwoCaptions], tmp_path: Path, folder: Path) -> TwoCaptions:
    """Stands in for the running model; a sample is there to be named by a link."""
    return use_captioner(TwoCaptions(tiny.full_bundle(tmp_path / "artifacts")), example_pictures("one.png"))


def test_a_link_brings_back_the_same_comparison(picked: TwoCaptions) -> None:
    app = checked(
        linked(beams_a="1", length_penalty_a="1.2", mode_b="sample", temperature_b="0.5", seed_b="7")
    )
    first, second = picked.decoded
    assert (first.beams, first.length_penalty, first.temperature) == (1, 1.2, None)
    assert (second.temperature, second.seed) == (0.5, 7)
    assert texts.LINK in page_text(app)
    assert not app.info


def test_a_link_to_an_upload_brings_back_the_settings_alone(fake: TwoCaptions) -> None:
    assert image_picker.NO_LINK in page_text(checked(open_page(photo(1))))


def test_a_link_names_the_models(picked: TwoCaptions, other: FakeCaptioner) -> None:
    app = checked(linked(what=texts.MODELS, model_a="second", model_b=ACTIVE))
    assert app.selectbox(key="model_a").value == "second"
    assert app.selectbox(key="model_b").value == ACTIVE
    assert not app.info


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"beams_a": "99"}, "asks for beams_a=99. That can be a number from 1 to 10"),
        ({"seed_b": "**x**", "mode_b": "sample"}, "asks for seed_b=**x**"),
        ({"mode_a": "guess"}, "a way of choosing words that does not exist"),
        ({"what": "three models"}, "a comparison that is not here"),
        ({"what": texts.MODELS, "model_b": "gone"}, "asks for the model gone, which is not here"),
    ],
)
def test_a_link_to_what_is_not_here_is_explained(
    picked: TwoCaptions, other: FakeCaptioner, query: dict[str, str], sentence: str
) -> None:
    app = checked(linked(**query))
    assert sentence in app.info[0].value.replace("\\", "")
    app.run()
    assert len(app.info) == 1
    app.slider[0].set_value(app.slider[0].max).run() if app.slider else control(app, "what", texts.SETTINGS)
    assert not checked(app).info


def test_a_link_to_two_models_says_when_there_is_only_one(picked: TwoCaptions) -> None:
    app = checked(linked(what=texts.MODELS))
    assert app.info[0].value == "The link compares two models, but only one is here\\."
    assert "same settings" in page_text(app) or "From A to B" in page_text(app)
