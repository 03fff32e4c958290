"""Decoding options are read from a link and written to one; invalid ones are refused with a message."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from captioner import __main__ as command_line
from captioner import images
from captioner.app.caption import result
from captioner.app.components import decoding_controls
from captioner.app.state.session import DecodedImage
from captioner.bundle.storage import Bundle
from captioner.inference.captioner import Captioner
from captioner.inference.decoding import DecodingOptions
from tests.app.caption.test_page import open_page
from tests.fake_captioner import FakeCaptioner, photo
from tests.visitor import checked, open_details, page_text


def test_a_link_brings_back_picture_and_settings(fake: FakeCaptioner) -> None:
    app = open_page(example="two.png", beams="1", length_penalty="1.3")
    assert (fake.decoded[0].beams, fake.decoded[0].length_penalty) == (1, 1.3)
    assert "Somebody wrote two" in page_text(app)
    assert app.code[1].value.endswith("?example=two.png&beams=1&length_penalty=1.3")


def test_defaults_are_left_out_of_a_link(fake: FakeCaptioner) -> None:
    app = open_page(example="two.png")
    assert app.code[1].value.endswith("?example=two.png")
    app.slider(key="beams").set_value(1).run()
    assert checked(app).code[1].value.endswith("?example=two.png&beams=1")
    app.segmented_control(key="mode").set_value(decoding_controls.SAMPLING).run()
    assert checked(app).code[1].value.endswith("?example=two.png&mode=sample")


def test_an_old_link_still_works(fake: FakeCaptioner) -> None:
    app = open_page(sample="two.png", alpha="1.3", beams="1")
    assert (fake.decoded[0].beams, fake.decoded[0].length_penalty) == (1, 1.3)
    assert checked(app).code[1].value.endswith("?example=two.png&beams=1&length_penalty=1.3")
    assert not app.info
    app = open_page(example="two.png", way="Draw word by word", seed="7")
    assert (fake.decoded[-1].temperature, fake.decoded[-1].seed) == (0.5, 7)
    assert checked(app).code[1].value.endswith("?example=two.png&mode=sample&seed=7")
    assert not app.info


@pytest.mark.parametrize(
    "query",
    [
        {"beams": "99"},
        {"beams": "2.5"},
        {"beams": "**x**"},
        {"length_penalty": "-1"},
        {"alpha": "nan"},
        {"mode": "guess"},
        {"way": "guess"},
        {"mode": "sample", "seed": "-4"},
        {"mode": "sample", "temperature": "inf"},
        {"mode": "sample", "temperature": "1.5"},
    ],
)
def test_invalid_settings_in_a_link_are_ignored_with_a_message(
    fake: FakeCaptioner, query: dict[str, str]
) -> None:
    app = open_page(example="two.png", **query)
    assert "ignored" in app.info[0].value
    assert (fake.decoded[0].beams, fake.decoded[0].length_penalty) == (2, 0.6)
    app.run()
    assert "ignored" in app.info[0].value
    app.slider[0].set_value(app.slider[0].max).run()
    assert not checked(app).info


def test_sampling_is_a_setting_and_the_page_names_it(fake: FakeCaptioner) -> None:
    app = open_page(example="two.png", mode="sample", temperature="0.5", seed="7")
    assert (fake.decoded[0].temperature, fake.decoded[0].seed) == (0.5, 7)
    assert "sampling, temperature 0.5, seed 7" in page_text(open_details(app))
    app.number_input(key="seed").set_value(8).run()
    assert "temperature 0.5, seed 8" in page_text(checked(app))
    app.segmented_control(key="mode").set_value(decoding_controls.BEAM_SEARCH).run()
    assert "sampling, temperature" not in page_text(checked(app))


@pytest.fixture
def consensus(fake: FakeCaptioner) -> FakeCaptioner:
    """A captioner whose bundle chooses by consensus."""
    fake.options = replace(fake.options, beams=20, samples=40)
    return fake


def test_consensus_is_the_default_of_a_bundle_that_was_tested_so(consensus: FakeCaptioner) -> None:
    app = open_page(example="two.png")
    assert consensus.decoded[0] == consensus.options
    assert "It wrote 40 versions and chose the sentence that agrees best with them" in page_text(app)
    assert app.code[1].value.endswith("?example=two.png")


def test_beam_search_stays_selectable_with_beams_of_its_own(consensus: FakeCaptioner) -> None:
    app = open_page(example="two.png")
    app.segmented_control(key="mode").set_value(decoding_controls.BEAM_SEARCH).run()
    plain = replace(consensus.options, beams=DecodingOptions.beams, samples=0)
    assert consensus.decoded[-1] == plain
    assert "versions and chose" not in page_text(checked(app))
    assert app.code[1].value.endswith("?example=two.png&mode=beam_search")
    app = open_page(example="two.png", mode="beam_search")
    assert consensus.decoded[-1] == plain
    assert open_page(example="two.png", mode="beam_search", beams="15").info


def test_a_link_with_beams_means_beam_search(consensus: FakeCaptioner) -> None:
    open_page(example="two.png", beams="3")
    assert (consensus.decoded[-1].beams, consensus.decoded[-1].samples) == (3, 0)


def test_a_random_version_takes_no_samples(consensus: FakeCaptioner) -> None:
    open_page(example="two.png", mode="sample", seed="3")
    chosen = consensus.decoded[-1]
    assert (chosen.beams, chosen.samples, chosen.seed) == (DecodingOptions.beams, 0, 3)


def test_without_consensus_it_is_not_offered(fake: FakeCaptioner) -> None:
    modes = open_page(example="two.png").segmented_control(key="mode").options
    assert modes == [decoding_controls.BEAM_SEARCH, decoding_controls.SAMPLING]


def test_a_caption_to_copy(fake: FakeCaptioner) -> None:
    assert open_page(example="two.png").code[0].value == "a dog runs"


def test_the_json_is_that_of_the_command_line(
    tiny_bundle: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(photo(4))
    assert command_line.main(["caption", str(path), "--json", "--bundle", str(tiny_bundle.folder)]) == 0
    printed = capsys.readouterr().out
    captions = Captioner(tiny_bundle).caption(images.read(path))
    assert result.as_json(DecodedImage.decode(str(path), photo(4)), captions) == printed
    assert json.loads(printed)["caption"] == captions.best.text
