"""The table of alt texts: a row for every file, changes that last, and a switch that leaves them alone."""

from __future__ import annotations

from typing import Any

from streamlit.testing.v1 import AppTest

from captioner.app.batch import results
from captioner.app.batch.job import AltText
from tests import visitor
from tests.fake_captioner import FakeCaptioner, photo
from tests.visitor import checked, page_text

FILES = [("one.png", photo(1)), ("cut.png", b"no picture"), ("two.png", photo(2))]


def table(app: AppTest) -> Any:
    found: Any
    (found,) = app.get("data_editor")
    return found.value


def test_every_file_is_a_row_and_nobody_has_reviewed_it(fake: FakeCaptioner) -> None:
    app = visitor.open_page("caption")
    app.file_uploader[0].set_value([(name, data, "image/png") for name, data in FILES]).run()
    frame = table(app)
    assert list(frame["file"]) == ["one.png", "cut.png", "two.png"]
    assert list(frame["alt text"]) == ["A dog runs.", "", "A dog runs."]
    assert not frame["reviewed"].any()
    assert "not a picture" in frame["note"][1]
    assert "**0 of 3 reviewed.**" in page_text(app)
    job = app.session_state["_batch"]
    job.edit({0: {"alt text": "A man.", "reviewed": True}})
    app.toggle(key="neutral words").set_value(False).run()
    assert list(table(app)["alt text"]) == ["A man.", "", "A dog runs."]
    assert job.alt_texts()[0] == AltText("A man.", reviewed=True)
    assert "**1 of 3 reviewed.**" in page_text(checked(app))
    assert results.ADDRESS in app.query_params
