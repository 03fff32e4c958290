"""When a picture is called unlike those trained on, and what is told about the rule."""

from __future__ import annotations

import numpy as np
import pytest

from captioner.app import unlike
from captioner.familiar import Rule
from tests.fake_captioner import FakeCaptioner, photo
from tests.test_app import opened
from tests.test_familiar import rule
from tests.visitor import checked, said, upload

SAID = "looks unlike the photographs"


def judging(limit: float) -> Rule:
    """For what the fake captioner sees, whose channels are all alike: a likeness of one half."""
    return rule(centres=((1, 0, 0, 0, 0, 0, 0, 0), (1, 1, 0, 0, 0, 0, 0, 0)), limit=limit)


def test_the_limit_itself_is_familiar() -> None:
    assert unlike.notice(rule(), rule().limit) is None
    assert unlike.notice(rule(), rule().limit - 1e-6)


def test_the_false_alarms_are_told_with_their_split() -> None:
    told = unlike.notice(rule(), 0.25)
    assert told
    assert "(cosine): 0.250. Below 0.500" in told[1]
    assert "of 1,000 pictures of the test split" in told[1]
    assert "came up for 11 (1.1%)" in told[1]


@pytest.mark.parametrize(
    ("noticed", "told"),
    [
        ({}, ""),
        ({"noise": (4, 4)}, "it noticed all noise."),
        ({"a": (4, 4), "b": (4, 4), "c": (4, 4)}, "it noticed all a, b and c."),
        ({"a": (4, 4), "b": (3, 4), "c": (0, 4)}, "it noticed all a; 3 of 4 b; none of the c."),
        ({"c": (0, 4), "d": (0, 4)}, "it noticed none of the c and d."),
    ],
)
def test_what_it_misses_is_told_with_what_it_notices(noticed: dict[str, tuple[int, int]], told: str) -> None:
    found = unlike.notice(rule(noticed=noticed), 0.0)
    assert found
    assert found[1].endswith(told or "(1.1%).")


@pytest.mark.parametrize(("limit", "strange"), [(0.4, False), (0.6, True)])
def test_the_page_tells_it_whatever_is_set(fake: FakeCaptioner, limit: float, strange: bool) -> None:
    likeness = judging(limit).likeness(fake.regions(np.ones((8, 8, 3), np.uint8)))
    assert likeness == pytest.approx(0.5, abs=0.01)
    fake.familiar, fake.encoded = judging(limit), 0
    app = checked(upload(opened(), photo(3)))
    assert (SAID in said(app)) == strange
    app.slider(key="beams").set_value(1).run()
    assert (SAID in said(checked(app))) == strange
    assert fake.encoded == 1, "the picture is not looked at again for it"


def test_the_number_stands_in_the_help(fake: FakeCaptioner) -> None:
    fake.familiar = judging(0.6)
    app = checked(upload(opened(), photo(3)))
    helps = [element.proto.help for element in app.markdown if SAID in element.value]
    assert len(helps) == 1
    assert "0.500. Below 0.600" in helps[0]
    assert "11 (1.1%)" in helps[0]


def test_without_a_rule_nothing_is_said(fake: FakeCaptioner) -> None:
    assert fake.familiar is None
    assert SAID not in said(checked(upload(opened(), photo(3))))
