"""When a sentence is doubted, and how often that is wrong on the test pictures."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from captioner.app import answer, doubt, predicted
from captioner.app.doubt import Threshold
from captioner.app.predicted import Said
from captioner.bundle import Bundle, Row
from tests.fake_captioner import SENTENCES, FakeCaptioner, caption, photo
from tests.test_app import opened
from tests.visitor import checked, said, upload


def sentences(count: int) -> list[Said]:
    """From hardly sure to sure; of the least sure, every other one is much like people's."""
    return [
        Said(f"{index}.jpg", "a dog", (index + 1) / count, float(index % 2 or index >= count // 2), {})
        for index in range(count)
    ]


def test_a_tenth_is_doubted_and_what_is_doubted_wrongly_is_counted() -> None:
    found = doubt.measured([*sentences(200), *(replace(one, like=0.5) for one in sentences(200))])
    assert found == Threshold(sure=0.1, images=400, doubted=40, wrongly=10)


def test_few_sentences_make_no_rule() -> None:
    assert doubt.measured(sentences(doubt.ENOUGH - 1)) is None
    assert doubt.warning(caption(SENTENCES[1]), None) is None


def test_the_limit_itself_is_doubted() -> None:
    found = caption(SENTENCES[0])
    sure = found.sureness
    assert sure == pytest.approx(math.prod(p for _, p in SENTENCES[0]) ** 0.25)
    assert doubt.warning(found, Threshold(sure, 100, 10, 2))
    assert doubt.warning(found, Threshold(sure - 1e-9, 100, 10, 2)) is None


def test_the_false_alarms_are_told() -> None:
    told = doubt.warning(caption(SENTENCES[0]), Threshold(0.9, 1000, 100, 22))
    assert told
    assert "1,000 test pictures, 100 (10%)" in told[1]
    assert "22 of those 100 sentences (22%)" in told[1]


def test_a_caption_counts_as_its_row_does() -> None:
    found = caption(SENTENCES[0])
    row: Row = {"image": "a.jpg", "caption": found.text, "log_prob": found.log_prob}
    one = predicted.said_of(row | dict.fromkeys(predicted.SCORES, 0.5), max_words=20)
    assert one
    assert one.sure == pytest.approx(found.sureness)


def test_a_caption_that_was_cut_off_counts_as_its_row_does() -> None:
    found = caption(SENTENCES[1])
    row: Row = {"image": "a.jpg", "caption": found.text, "log_prob": found.log_prob}
    one = predicted.said_of(row | dict.fromkeys(predicted.SCORES, 0.5), max_words=3)
    assert one
    assert not found.finished
    assert one.sure == pytest.approx(found.sureness)


def test_the_committed_bundle_makes_a_rule(committed: Bundle) -> None:
    found = doubt.measured(predicted.sentences(committed))
    assert found
    assert found.doubted / found.images == pytest.approx(doubt.SHARE, abs=0.01)
    assert found.wrongly < found.doubted / 2  # else it would be no better than chance


@pytest.mark.parametrize("limit", [0.1, 0.9])
def test_the_page_warns_once_and_whatever_is_set(
    fake: FakeCaptioner, monkeypatch: pytest.MonkeyPatch, limit: float
) -> None:
    monkeypatch.setattr(answer, "_threshold", lambda bundle: Threshold(limit, 1000, 100, 22))
    app = checked(upload(opened(), photo(3)))
    assert ("unusually unsure" in said(app)) == (limit == 0.9)
    app.slider(key="beams").set_value(1).run()
    assert ("unusually unsure" in said(checked(app))) == (limit == 0.9)
