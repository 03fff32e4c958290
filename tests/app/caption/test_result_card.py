"""A result as one picture: every word is on it, it stays as wide as it is, and it says who wrote it."""

from __future__ import annotations

import io
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from PIL import Image

from captioner.app.caption import result_card
from captioner.app.caption.result_card import MARGIN, SENTENCE_SIZE, WIDTH


def drawn(text: str = "A dog.", *warnings: str, shape: tuple[int, int] = (30, 40)) -> Image.Image:
    data = result_card.draw(np.full((*shape, 3), 90, np.uint8), text, warnings, "Written today")
    image = Image.open(io.BytesIO(data))
    assert (image.format, image.width) == ("PNG", WIDTH)
    return image


@pytest.mark.hypothesis
@given(some.lists(some.text("aéöñŁ mW", min_size=1, max_size=200), max_size=5).map(" ".join))
def test_the_lines_hold_every_letter_and_are_no_wider_than_the_card(text: str) -> None:
    font = result_card.font(SENTENCE_SIZE, result_card.BOLD)
    lines = list(result_card.wrapped(text, font))
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert all(font.getlength(line) <= WIDTH - 2 * MARGIN for line in lines)


def test_long_texts_and_warnings_make_it_higher_and_a_tall_picture_does_not_fill_it() -> None:
    one, two, warned = drawn(), drawn("A dog " * 20), drawn("A dog.", "This is not a photograph.")
    assert two.height > one.height < warned.height
    tall = drawn(shape=(200, 10))
    assert tall.getpixel((0, 0)) != tall.getpixel((WIDTH // 2, 0)) == (90, 90, 90)


def test_accents_are_drawn() -> None:
    letters = [np.asarray(drawn(letter)).tobytes() for letter in ("é", "ł", "ş", "e", "\u0378")]
    assert len(set(letters)) == len(letters), "the last one is none, and is drawn as a box"


def test_it_says_that_a_person_changed_the_sentence() -> None:
    said = [result_card.source("m", date(2026, 1, 2), edited=edited) for edited in (False, True)]
    assert all("model m" in text and "2 January 2026" in text for text in said)
    assert [("person" in text) for text in said] == [False, True]
