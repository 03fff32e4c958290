"""What the captions of the test pictures have in common, in sentences and charts."""

from __future__ import annotations

import json

import altair as alt
import pytest
from hypothesis import given
from hypothesis import strategies as some
from streamlit.testing.v1 import AppTest

from captioner.app.quality import explore, statistics, texts
from tests.evaluation.test_predictions import scored
from tests.visitor import checked, page_text

BY_CERTAINTY = """import streamlit as st
from captioner.app.quality import statistics
statistics.show_similarity_by_certainty(st.session_state["captions"])
"""

scores = some.floats(0, 10, allow_nan=False)


@given(some.lists(scores, min_size=1))
def test_every_sentence_is_in_one_bar(values: list[float]) -> None:
    frame = statistics.histogram(values)
    assert frame["sentences"].sum() == len(values)
    assert frame["start"].iloc[0] == 0
    assert frame["end"].iloc[-1] > max(values)
    assert (frame["start"].iloc[1:].to_numpy() == frame["end"].iloc[:-1].to_numpy()).all()


@pytest.mark.parametrize("sign", [1, -1])
def test_whether_certainty_helps_is_measured_not_claimed(sign: int) -> None:
    captions = [scored("a dog", confidence=index / 40, cider=2 + sign * index / 40) for index in range(40)]
    app = AppTest.from_string(BY_CERTAINTY)
    app.session_state["captions"] = captions
    assert (texts.CERTAINTY_HELPS in page_text(checked(app.run()))) == (sign > 0)


def test_charts_are_valid_specifications_with_their_figures() -> None:
    frame = statistics.histogram([0.1, 0.2, 1.3])
    chart = statistics.histogram_chart(frame, 0.5)
    assert isinstance(chart, alt.LayerChart)
    assert "average 0.50" in json.dumps(chart.to_dict())
    assert len(texts.QUARTERS) <= explore.MIN_TO_COMPARE
