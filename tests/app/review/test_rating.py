"""Rating in a review session: by whom, what is kept of it, and what happens when that fails."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from captioner.app.components import rating_buttons
from captioner.app.review import texts
from captioner.app.review.session_file import to_csv
from captioner.app.state import ratings_database
from tests import visitor
from tests.app.review.test_page import bare, bundle, fake, key, load, open_page, started
from tests.fake_captioner import FakeCaptioner, photo
from tests.visitor import checked, page_text, press, text_input

__all__ = ["bare", "bundle", "fake"]  # fixtures


def sign(app: AppTest, name: str) -> AppTest:
    """Say who rates."""
    return checked(text_input(app, texts.YOUR_NAME).set_value(name).run())


def test_a_database_that_is_down_is_one_sentence_and_the_next_click_tries_again(
    fake: FakeCaptioner, monkeypatch: pytest.MonkeyPatch, ratings_file: Path
) -> None:
    app = started()
    monkeypatch.setenv("CAPTIONER_DATABASE", "postgresql://nobody:secret@127.0.0.1:1/name")
    next(button for button in app.button if button.label == "Right").click().run()
    assert not app.exception
    assert ["cannot be reached" in error.value for error in app.error] == [True]
    assert "secret" not in app.error[0].value
    monkeypatch.setenv("CAPTIONER_DATABASE", f"sqlite:///{ratings_file}")
    assert ["was not saved" in error.value for error in app.run().error] == [True]
    assert "Picture 2 of 5" in page_text(press(app, "Right"))


def test_everybody_with_a_name_rates_for_themselves(fake: FakeCaptioner) -> None:
    app = open_page()
    text_input(app, texts.GROUP).set_value("The *group*").run()
    ann = sign(press(app, "Start"), "Ann")
    assert "The \\*group\\*" in [header.value for header in ann.subheader]
    ben = sign(open_page(key(ann)), "Ben")
    for app, label in ((ann, "Right"), (ben, "Wrong"), (ann, "Partly")):
        press(app, label)
    assert "Picture 3 of 7" in page_text(ann)
    assert "Picture 2 of 7" in page_text(ben)
    assert "**1 of 3 captions right" in page_text(ann)
    assert "2 raters: Ann, Ben" in page_text(ann)
    assert ann.table[0].value["who"].tolist() == ["Ann", "Ann", "Ben"]
    st.cache_resource.clear()  # the server restarts
    assert "Picture 3 of 7" in page_text(visitor.reconnect(ann))
    everybody = ratings_database.reviews().by_rater(key(ann))
    assert {rater: len(one.rated) for rater, one in everybody.items()} == {"": 0, "Ann": 2, "Ben": 1}
    loaded = load(open_page(), to_csv(everybody, {}))
    assert ratings_database.reviews().by_rater(key(loaded)) == {
        rater: replace(one, group="") for rater, one in everybody.items()
    }


def test_nothing_but_ratings_is_stored_or_logged(
    bare: FakeCaptioner, ratings_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    data = photo(1)
    app = open_page()
    app.file_uploader[0].set_value([("summer-at-home.png", data, "image/png")]).run()
    text_input(press(app, "Start"), rating_buttons.REMARK).set_value("a goat, rather").run()
    assert "summer\\-at\\-home" in str(press(app, "Right").table[0].value), "their own visit has the name"
    assert "picture 1" in str(open_page(key(app)).table[0].value), "others do not"
    with_log = caplog.text.encode() + b"".join(file.read_bytes() for file in ratings_file.parent.iterdir())
    assert b"a goat, rather" in with_log
    hashes = hashlib.sha256(data).hexdigest()
    for secret in (b"summer", data[:64], data[-64:], hashes[:16].encode(), b"127.0.0.1", key(app).encode()):
        assert secret not in with_log
