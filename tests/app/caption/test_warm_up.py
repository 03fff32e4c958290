"""What the first visitors need is loaded before; what cannot be loaded does not stop the server."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from captioner.app.caption import warm_up
from captioner.app.state import serving
from captioner.child_process import ROOT
from captioner.errors import BundleError
from captioner.inference.captioner import Captioner
from tests.fake_captioner import FakeCaptioner


def test_the_first_visitor_finds_the_examples_captioned(fake: FakeCaptioner) -> None:
    warm_up.run()
    assert len(fake.decoded) == 2
    page = AppTest.from_file(ROOT / "streamlit_app.py", default_timeout=60).run()
    assert not page.exception
    next(button for button in page.button if str(button.key).startswith("pick-2")).click().run()
    assert len(fake.decoded) == 2


@pytest.mark.parametrize(
    ("error", "has_trace"), [(BundleError("the model is damaged"), False), (RuntimeError("a bug"), True)]
)
def test_what_is_broken_is_left_to_the_page(
    error: Exception,
    has_trace: bool,
    fake: FakeCaptioner,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken() -> Captioner:
        raise error

    monkeypatch.setattr(serving, "captioner", broken)
    warm_up.run()
    assert str(error) in caplog.text
    assert ("Traceback" in caplog.text) == has_trace
