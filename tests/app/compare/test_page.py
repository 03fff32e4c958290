"""The comparison page with captioners that have no model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from streamlit.testing.v1 import AppTest

from captioner.app.caption import share
from captioner.app.compare import configurations
from captioner.app.compare import page as compare
from captioner.app.components import decoding_controls
from captioner.bundle import storage as bundles
from captioner.bundle.storage import Bundle
from captioner.errors import BundleError
from captioner.inference.captioner import Caption, Captioner
from captioner.inference.decoding import DecodingOptions
from tests import tiny, visitor
from tests.conftest import StandIn, samples
from tests.fake_captioner import SENTENCES, FakeCaptioner, caption, photo
from tests.visitor import checked, said, upload


@dataclass
class Fickle(FakeCaptioner):
    """Says something else when it searches narrowly or draws."""

    def decode(self, regions: NDArray[np.float32], options: DecodingOptions) -> Caption:
        self.decoded.append(options)
        return Caption((caption(SENTENCES[0 if options.beams > 1 else 1]),), (), (), self.warnings)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where further bundles are looked for; there is none."""
    monkeypatch.setenv("CAPTIONER_BUNDLES", str(tmp_path / "bundles"))
    return tmp_path / "bundles"


@pytest.fixture
def fake(stand_in: StandIn[Fickle], tmp_path: Path, folder: Path) -> Fickle:
    """Stands in for the running model; no samples are there."""
    return stand_in(Fickle(tiny.whole(tmp_path / "artifacts")))


@pytest.fixture
def other(folder: Path, monkeypatch: pytest.MonkeyPatch) -> FakeCaptioner:
    """Stands in for a second model, in a bundle of its own."""
    captioner = FakeCaptioner(bundles.write(folder / "second", tiny.files(tiny.config(beams=1))))
    monkeypatch.setattr(compare, "_captioner", lambda bundle: captioner)
    return captioner


def opened(data: bytes | None = None) -> AppTest:
    app = visitor.opened("compare")
    return app if data is None else upload(app, data)


def control(app: AppTest, key: str, value: str) -> AppTest:
    app.get("button_group")
    app.segmented_control(key=key).set_value(value).run()
    return checked(app)


def test_the_page_is_complete_without_a_picture(fake: Fickle) -> None:
    app = checked(opened())
    assert app.title[0].value == "Two answers, side by side"
    assert "Choose a photograph" in said(app)
    assert not app.header


def test_two_ways_of_searching_stand_side_by_side(fake: Fickle) -> None:
    text = said(checked(opened(photo(1))))
    assert "**From A to B: “cat sits” instead of “dog runs”" in text
    assert "“a *:primary-background[dog runs]*”" in text
    assert "“a *:primary-background[cat sits]* …”" in text
    assert "The chance that it says exactly this: 16 %" in text
    assert "was sure of 1 of its 3 words, found 1 likely and guessed 1" in text
    assert "The model finds the sentence of A 1.8 times as likely as that of B" in text
    assert "2 sentences pursued, length exponent 0\\.6 \\(beam search\\)" in text
    assert "1 sentence pursued, length exponent 0\\.6 \\(greedy search\\)" in text


def test_every_word_has_its_probability_and_marks_are_no_colour_alone(fake: Fickle) -> None:
    text = said(checked(opened(photo(1))))
    assert "a :small[90 % sure] ·" in text
    assert "*:primary-background[dog]* :small[60 % likely] ·" in text
    assert "\\(end\\) :small[over 99 % sure]" in text


def test_sides_that_are_set_alike_cannot_differ(fake: Fickle) -> None:
    app = checked(opened(photo(1)))
    app.slider(key="beams_b").set_value(2).run()
    assert "both sides are set alike" in said(checked(app))
    app.slider(key="alpha_b").set_value(1.0).run()
    assert "Both say the same sentence, word for word" in said(checked(app))
    assert (fake.encoded, len(fake.decoded)) == (1, 3)  # nothing is computed twice


def test_words_can_be_drawn_with_a_temperature_and_a_seed(fake: Fickle) -> None:
    app = control(checked(opened(photo(1))), "way_b", decoding_controls.DRAW)
    app.slider(key="temperature_b").set_value(0.5).run()
    app.number_input(key="seed_b").set_value(7).run()
    drawn = fake.decoded[-1]
    assert (drawn.beams, drawn.temperature, drawn.seed) == (1, 0.5, 7)
    assert "temperature 0\\.5, draw number 7 \\(sampling\\)" in said(checked(app))


def test_one_model_alone_is_said_in_a_line(fake: Fickle) -> None:
    app = checked(opened(photo(1)))
    assert "Only one model is here" in said(app)
    assert "put further ones into the folder bundles/" in said(app)


def test_two_models_stand_side_by_side(fake: Fickle, other: FakeCaptioner) -> None:
    app = control(checked(opened(photo(1))), "what", compare.MODELS)
    assert app.selectbox(key="model_b").value == "second"
    assert other.decoded[-1] == DecodingOptions(beams=1, length_penalty=0.7, max_words=8)
    text = said(app)
    assert "by its own yardstick" in text
    assert "It has not been scored on test pictures yet" in text.replace("\\", "")
    control(app, "what", compare.SETTINGS)
    control(app, "what", compare.MODELS)
    assert other.encoded == 1


def test_a_test_score_comes_with_all_that_it_depends_on(tmp_path: Path) -> None:
    bundle = tiny.whole(tmp_path / "scored")
    assert compare._examined(bundle) == (
        "CIDEr 0.51 on 1,000 pictures of the test split (official), tokeniser “captioner”, beam 3, length "
        "exponent 0.7."
    )


def test_a_broken_bundle_is_named_with_its_sentence(fake: Fickle, other: FakeCaptioner, folder: Path) -> None:
    (folder / "torn").mkdir()
    (folder / ".cache").mkdir()
    (folder / "second.tmp-old").mkdir()
    app = checked(opened(photo(1)))
    assert len(app.warning) == 1
    assert app.warning[0].value.startswith("The model **torn** is left out: ")
    assert control(app, "what", compare.MODELS).selectbox(key="model_a").options == [
        configurations.OWN,
        "second",
    ]


def test_a_twin_of_the_running_bundle_is_not_offered(fake: Fickle, folder: Path) -> None:
    bundles.write(folder / "twin", {name: fake.bundle.folder / name for name in fake.bundle.files})
    assert configurations.others() == ({}, {})


def test_a_bundle_that_is_put_there_later_is_found(fake: Fickle, folder: Path) -> None:
    assert configurations.others() == ({}, {})
    late = bundles.write(folder / "late", tiny.files(tiny.config(beams=1)))
    assert configurations.others() == ({"late": late}, {})
    again = bundles.write(folder / "late", tiny.files(tiny.config(beams=2)))
    assert configurations.others()[0]["late"].checksum == again.checksum


def test_a_bundle_looked_at_while_it_is_copied_is_whole_in_the_end(fake: Fickle, folder: Path) -> None:
    whole = bundles.write(folder / "late", tiny.files(tiny.config(beams=1)))
    vocabulary = (folder / "late" / "vocabulary.json").read_bytes()
    (folder / "late" / "vocabulary.json").unlink()
    assert "vocabulary.json is missing" in configurations.others()[1]["late"]
    (folder / "late" / "vocabulary.json").write_bytes(vocabulary)
    assert configurations.others() == ({"late": whole}, {})


def test_a_model_that_cannot_run_leaves_the_other_its_answer(
    fake: Fickle, other: FakeCaptioner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(bundle: Bundle) -> Captioner:
        raise BundleError("captioner.tflite does not fit its bundle. Pull it again.")

    monkeypatch.setattr(compare, "_captioner", broken)
    app = opened(photo(1))
    app.segmented_control(key="what").set_value(compare.MODELS).run()
    assert not app.exception
    assert [error.value for error in app.error] == [
        "Captioner.tflite does not fit its bundle. Pull it again."
    ]
    assert "“a dog runs”" in said(app)
    assert "What differs" not in said(app)


@pytest.mark.parametrize("data", [b"not a picture", b""])
def test_a_broken_picture_is_explained(fake: Fickle, data: bytes) -> None:
    app = opened(data)
    assert not app.exception
    assert app.error[0].value.startswith("The picture is")


def linked(**query: str) -> AppTest:
    """The page of a link with a sample in it."""
    return visitor.opened("compare", sample="one.png", **query)


@pytest.fixture
def picked(stand_in: StandIn[Fickle], tmp_path: Path, folder: Path) -> Fickle:
    """Stands in for the running model; a sample is there to be named by a link."""
    return stand_in(Fickle(tiny.whole(tmp_path / "artifacts")), samples("one.png"))


def test_a_link_brings_back_the_same_comparison(picked: Fickle) -> None:
    app = checked(
        linked(beams_a="1", alpha_a="1.2", way_b=decoding_controls.DRAW, temperature_b="0.5", seed_b="7")
    )
    first, second = picked.decoded
    assert (first.beams, first.length_penalty, first.temperature) == (1, 1.2, None)
    assert (second.temperature, second.seed) == (0.5, 7)
    assert compare.LINK in said(app)
    assert not app.info


def test_a_link_to_an_upload_brings_back_the_settings_alone(fake: Fickle) -> None:
    assert share.NO_LINK in said(checked(opened(photo(1))))


def test_a_link_names_the_models(picked: Fickle, other: FakeCaptioner) -> None:
    app = checked(linked(what=compare.MODELS, model_a="second", model_b=configurations.OWN))
    assert app.selectbox(key="model_a").value == "second"
    assert app.selectbox(key="model_b").value == configurations.OWN
    assert not app.info


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"beams_a": "99"}, "asks for beams_a=99. That can be a number from 1 to 10"),
        ({"seed_b": "**x**", "way_b": decoding_controls.DRAW}, "asks for seed_b=**x**"),
        ({"way_a": "guess"}, "a way of choosing words that is not here"),
        ({"what": "three models"}, "a comparison that is not here"),
        ({"what": compare.MODELS, "model_b": "gone"}, "asks for the model gone, which is not here"),
    ],
)
def test_what_a_link_asks_for_in_vain_is_said(
    picked: Fickle, other: FakeCaptioner, query: dict[str, str], sentence: str
) -> None:
    app = checked(linked(**query))
    assert sentence in app.info[0].value.replace("\\", "")
    app.run()
    assert len(app.info) == 1
    app.slider[0].set_value(app.slider[0].max).run() if app.slider else control(app, "what", compare.SETTINGS)
    assert not checked(app).info


def test_a_link_to_two_models_says_when_there_is_but_one(picked: Fickle) -> None:
    app = checked(linked(what=compare.MODELS))
    assert app.info[0].value == "The link compares two models, but only one is here\\."
    assert "both sides" in said(app) or "From A to B" in said(app)
