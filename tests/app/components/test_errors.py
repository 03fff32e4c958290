"""What a person can put right is a sentence; a bug has a reference to the log."""

from __future__ import annotations

import pytest

from captioner.app.state import serving
from captioner.errors import BundleError
from captioner.inference.captioner import Captioner
from tests import visitor
from tests.app.caption.test_page import open_page
from tests.fake_captioner import FakeCaptioner, photo
from tests.visitor import upload


def test_user_errors_are_shown_as_a_sentence(fake: FakeCaptioner, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Captioner:
        raise BundleError("artifacts holds no bundle. Pull one.")

    monkeypatch.setattr(serving, "captioner", broken)
    app = visitor.open_page()
    assert not app.exception
    assert app.error[0].value == "Artifacts holds no bundle. Pull one."


def test_a_bug_is_logged_whole_and_shown_under_a_reference(
    fake: FakeCaptioner, no_examples: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(fake, "decode", lambda regions, options: [][0])
    app = upload(open_page(), photo(3))
    assert not app.exception
    assert len(app.error) == 1
    reference = app.error[0].value.split("**")[1]
    assert reference in caplog.text
    assert "IndexError" in caplog.text
    assert "IndexError" not in app.error[0].value
