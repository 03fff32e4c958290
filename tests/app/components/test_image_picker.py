"""Picking an image: by upload, by camera, among the examples, by a link; at first there is one."""

from __future__ import annotations

from typing import Any

import pytest
import streamlit as st

from captioner import images
from captioner.app.components import examples, image_picker, wording
from tests.app.caption.test_page import open_page
from tests.fake_captioner import FakeCaptioner, photo
from tests.visitor import checked, page_text, sentence, upload


def test_the_first_example_is_open_at_once(fake: FakeCaptioner) -> None:
    app = open_page()
    assert sentence(app) == "a dog runs"
    assert "Somebody wrote one" in page_text(app)
    assert "example" not in app.query_params


def test_several_files_at_once_are_captioned_together(fake: FakeCaptioner) -> None:
    app = open_page()
    app.file_uploader[0].set_value([(f"{seed}.png", photo(seed), "image/png") for seed in (3, 4)]).run()
    assert "2 pictures captioned." in page_text(checked(app))
    assert "upload" not in app.session_state


def test_in_somebody_elses_page_the_examples_come_first(
    fake: FakeCaptioner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def texts() -> list[str]:
        return [str(getattr(element, "value", "")) for element in open_page().main]

    title, privacy = f"**{examples.TITLE}**", wording.PRIVACY
    assert texts().index(privacy) < texts().index(title)
    monkeypatch.setattr(type(st.context), "is_embedded", True)
    assert texts().index(title) < texts().index(f"{privacy} {image_picker.EMBEDDED}")


def test_the_open_picture_is_decoded_once(fake: FakeCaptioner, monkeypatch: pytest.MonkeyPatch) -> None:
    app, read = open_page(), images.read
    decoded: list[bytes] = []

    def counted(data: bytes) -> Any:
        decoded.append(data)
        return read(data)

    monkeypatch.setattr(images, "read", counted)
    checked(upload(app, photo(3)))
    app.slider(key="beams").set_value(1).run()
    assert decoded == [photo(3)]
    checked(upload(app, photo(4)))
    assert decoded == [photo(3), photo(4)]


def test_a_link_opens_its_example(fake: FakeCaptioner) -> None:
    app = open_page(example="two.png")
    assert sentence(app) == "a dog runs"
    assert "Somebody wrote two" in page_text(app)


def test_a_link_to_a_picture_that_is_not_here_says_so(fake: FakeCaptioner) -> None:
    app = open_page(example="../secret.png")
    assert app.info[0].value == image_picker.GONE
    assert "Somebody wrote one" in page_text(app)


def test_a_picked_example_takes_the_place_of_an_upload_and_the_other_way_round(fake: FakeCaptioner) -> None:
    app = checked(upload(open_page(), photo(3)))
    app.button(key="pick-1 one.png").click().run()
    assert "Somebody wrote one" in page_text(checked(app))
    assert app.query_params["example"] == "one.png"
    upload(app, photo(4))
    assert "Somebody wrote" not in page_text(checked(app))
    assert "example" not in app.query_params


@pytest.mark.parametrize("data", [b"not a picture", photo(5)[:50], b""])
def test_a_broken_picture_is_explained_and_what_is_open_stays(fake: FakeCaptioner, data: bytes) -> None:
    app = upload(open_page(example="two.png"), data)
    assert [error.value[:24] for error in app.error] == ["**mine\\.png:** This file"]
    assert "Somebody wrote two" in page_text(app)
    assert app.query_params["example"] == "two.png"
    assert "Shown: mine" in page_text(checked(upload(app, photo(6))))
    upload(app, data, name="broken.png")
    assert "Shown: mine" in page_text(app)
    assert sentence(app) == "a dog runs"
    app.file_uploader[0].set_value([(f"{seed}.png", photo(seed), "image/png") for seed in (3, 4)]).run()
    upload(app, data)
    assert len(app.error) == 1
    assert "2 pictures captioned." in page_text(app)
