"""Picking an image: by upload, by camera, among the samples, by a link."""

from __future__ import annotations

from typing import Any

import pytest

from captioner import images
from captioner.app.state.session import DecodedImage
from tests.app.caption.test_page import open_page
from tests.fake_captioner import FakeCaptioner, photo
from tests.visitor import checked, page_text, sentence, upload


def test_the_box_of_choices_is_open_until_a_picture_is_shown(fake: FakeCaptioner) -> None:
    app = open_page()
    assert app.session_state["picker"] is True
    upload(app, photo(3))
    assert app.session_state["picker"] is False
    app.file_uploader[0].set_value(None).run()
    assert checked(app).session_state["picker"] is True
    assert sentence(app) is None


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
    app.file_uploader[0].set_value(None).run()
    assert "image" not in checked(app).session_state


def test_a_link_opens_its_sample(fake: FakeCaptioner) -> None:
    app = open_page(sample="two.png")
    assert sentence(app) == "a dog runs"
    assert "Somebody wrote two" in page_text(app)


def test_a_link_to_a_picture_that_is_not_here_says_so(fake: FakeCaptioner) -> None:
    app = open_page(sample="../secret.png")
    assert "not here" in app.info[0].value
    assert sentence(app) is None


def test_a_picked_sample_takes_the_place_of_an_upload_and_the_other_way_round(fake: FakeCaptioner) -> None:
    app = checked(upload(open_page(), photo(3)))
    app.button(key="pick one.png").click().run()
    assert "Somebody wrote one" in page_text(checked(app))
    assert app.query_params["sample"] == "one.png"
    upload(app, photo(4))
    assert "Somebody wrote" not in page_text(checked(app))
    assert "sample" not in app.query_params


def test_taking_back_a_file_leaves_the_photograph_that_came_after_it(
    fake: FakeCaptioner,
) -> None:
    shown = DecodedImage.decode("photo.png", photo(4))
    app = checked(upload(open_page(), photo(3)))
    app.session_state["image"], app.session_state["source"] = shown, "photo-0"
    app.file_uploader[0].set_value(None).run()
    assert app.session_state["image"] == shown
    assert sentence(checked(app))


@pytest.mark.parametrize("data", [b"not a picture", photo(5)[:50], b""])
def test_a_broken_picture_is_explained_and_the_page_goes_on(fake: FakeCaptioner, data: bytes) -> None:
    app = upload(open_page(), data)
    assert not app.exception
    assert len(app.error) == 1
    assert app.error[0].value.startswith("The picture is")
    upload(app, photo(6))
    assert sentence(checked(app)) == "a dog runs"
