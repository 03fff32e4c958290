"""The reliability diagram: what was promised and what came true; nothing where nothing was measured."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from captioner.app.components import reliability
from captioner.bundle import reader
from captioner.bundle.schema import CalibrationParameters
from tests import tiny
from tests.visitor import checked, page_text

CALIBRATION = reader.decode(tiny.CALIBRATION, CalibrationParameters, "calibration.json")


def script() -> None:
    import streamlit as st

    from captioner.app.components import reliability

    reliability.show(st.session_state["calibration"])


def shown(calibration: CalibrationParameters | None) -> AppTest:
    app = AppTest.from_function(script)
    app.session_state["calibration"] = calibration
    return checked(app.run())


def test_the_surest_and_the_least_sure_words_are_compared() -> None:
    text = page_text(shown(CALIBRATION))
    assert "people used **80 %**, too; of the tenth that it was least sure of, **20 %**" in text
    assert "**50 %** have only words that people used (of people’s own sentences: 60 %)" in text
    assert "1,000 others of the test split (official)" in text


def test_without_a_measurement_nothing_is_claimed() -> None:
    assert page_text(shown(None)) == ""


def test_every_bin_is_drawn() -> None:
    frame = reliability.frame(CALIBRATION)
    assert frame["of"].tolist() == [reliability.WORDS] * 2 + [reliability.CAPTIONS] * 2
    assert frame["count"].sum() == 2000
