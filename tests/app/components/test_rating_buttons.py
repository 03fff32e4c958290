"""The rating under a caption: what is kept of it, and that no caption depends on it."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from captioner.app.components import rating_buttons
from captioner.app.components.decoding_controls import SAMPLE
from captioner.app.state import ratings_database
from captioner.bundle import storage
from captioner.feedback import ratings_store
from captioner.feedback.rating import Rating
from tests.conftest import UseCaptioner, example_pictures
from tests.fake_captioner import FakeCaptioner, photo
from tests.visitor import checked, open_page, page_text, press, sentence, text_input, upload


def kept() -> list[Rating]:
    return ratings_store.all_ratings(ratings_database.database())


def test_a_rating_is_kept_changed_and_withdrawn(
    fake: FakeCaptioner, ratings_file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    with monkeypatch.context() as blocked:
        blocked.setitem(sys.modules, "sqlalchemy", None)  # no caption waits for it
        app = checked(upload(open_page("caption"), photo(1), "summer-at-home.png"))
        assert sentence(app) == "a dog runs"
    press(app, "Right")
    press(app, "Partly")
    text_input(app, rating_buttons.REMARK).set_value(" a\tgoat ").run()
    checked(app)
    (one,) = kept()
    assert (one.caption, one.rating, one.remark, one.image) == ("a dog runs", "partly", "a goat", "")
    assert one.bundle_checksum == fake.bundle.checksum
    assert rating_buttons.STORED in page_text(app)
    assert "goat" not in caplog.text
    stored = caplog.text.encode() + b"".join(file.read_bytes() for file in ratings_file.parent.iterdir())
    assert b"a goat" in stored
    digest = hashlib.sha256(photo(1)).hexdigest()[:16].encode()
    for secret in (b"summer", photo(1)[:64], photo(1)[-64:], digest, b"127.0.0.1"):
        assert secret not in stored
    press(app, "Undo")
    assert kept() == []


def test_what_people_say_about_an_example_names_it_and_each_visitor_counts(fake: FakeCaptioner) -> None:
    for label in ("Right", "Wrong"):
        press(open_page("caption", example="two.png"), label)
    assert sorted((one.rating, one.image) for one in kept()) == [("right", "two.png"), ("wrong", "two.png")]


def test_a_rating_is_about_the_model_whose_caption_was_seen(
    fake: FakeCaptioner, use_captioner: UseCaptioner[FakeCaptioner], tmp_path: Path
) -> None:
    app, seen = open_page("caption", example="one.png"), fake.bundle.checksum
    files = {name: fake.bundle.folder / name for name in fake.bundle.files}
    other = storage.write(tmp_path / "other", {**files, "README.md": "# Another\n"})
    use_captioner(FakeCaptioner(other), example_pictures("one.png"))  # came from the Hub meanwhile
    press(app, "Right")
    assert [one.bundle_checksum for one in kept()] == [seen]


def click(app: AppTest, label: str) -> AppTest:
    next(button for button in app.button if button.label == label).click().run()
    assert not app.exception
    return app


def test_a_database_that_is_down_costs_the_rating_and_not_the_caption(
    fake: FakeCaptioner, monkeypatch: pytest.MonkeyPatch, ratings_file: Path
) -> None:
    app = open_page("caption")
    monkeypatch.setenv("CAPTIONER_DATABASE", "postgresql://user:secret@127.0.0.1:1/name")
    (error,) = click(app, "Right").error
    assert error.value.startswith("That was not saved: the database of ratings cannot be reached")
    assert "secret" not in error.value
    assert sentence(app) == "a dog runs"
    monkeypatch.setenv("CAPTIONER_DATABASE", f"sqlite:///{ratings_file}")
    with monkeypatch.context() as broken:
        broken.setattr(ratings_store, "save", None)  # a bug
        assert ["this reference" in error.value for error in click(app, "Right").error] == [True]
        assert sentence(app) == "a dog runs"
    assert not click(app, "Right").error
    assert [one.rating for one in kept()] == ["right"]


@pytest.mark.parametrize("setting", [{"beams": "1"}, {"mode": SAMPLE, "seed": "2"}])
def test_only_the_models_own_caption_is_rated(fake: FakeCaptioner, setting: dict[str, str]) -> None:
    app = open_page("caption", **setting)
    assert sentence(app)
    assert not any(button.label == "Right" for button in app.button)
