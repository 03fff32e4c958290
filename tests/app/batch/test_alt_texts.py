"""The alt texts of several pictures: a row each, changes that last, and a switch that leaves them alone."""

from __future__ import annotations

import json
from typing import Any

from streamlit.testing.v1 import AppTest

from captioner.app.batch import results
from captioner.app.batch.job import AltText
from tests import visitor
from tests.fake_captioner import FakeCaptioner, photo
from tests.visitor import checked

FILES = [("one.png", photo(1)), ("cut.png", b"no picture"), ("two.png", photo(2))]


def drawn(app: AppTest) -> list[dict[str, Any]]:
    """The rows that the browser gets."""
    found = [one.proto for one in app.get("bidi_component") if one.proto.component_name == "alt_texts"]
    rows: list[dict[str, Any]] = json.loads(found[0].json)["rows"]
    return rows


def test_every_picture_has_a_row_and_nobody_has_reviewed_it(fake: FakeCaptioner) -> None:
    app = visitor.open_page("caption")
    app.file_uploader[0].set_value([(name, data, "image/png") for name, data in FILES]).run()
    assert [(row["index"], row["image"], row["text"]) for row in drawn(app)] == [
        (0, "one.png", "A dog runs."),
        (2, "two.png", "A dog runs."),
    ]
    job = app.session_state["_batch"]
    assert not any(alt.reviewed for alt in job.alt_texts())
    job.touched[0] = AltText("A man.", reviewed=True)
    app.toggle(key="neutral words").set_value(False).run()
    assert not checked(app).session_state["_batch"].neutral_words
    assert job.alt_texts()[0] == AltText("A man.", reviewed=True)
    assert results.ADDRESS in app.query_params
