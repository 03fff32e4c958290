"""The drawings are small files; what is written about them is not what the model says."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from captioner.bundle.storage import Bundle
from captioner.drawings import collection
from captioner.drawings.canvas import HEIGHT, WIDTH
from captioner.drawings.collection import DRAWINGS, FOLDER, Drawing
from captioner.feedback.rating import RATINGS, WRONG
from captioner.text import words

MIN_DRAWINGS, MAX_BYTES, MAX_TOTAL_BYTES = 8, 25_000, 250_000
each_drawing = pytest.mark.parametrize("drawing", DRAWINGS, ids=lambda drawing: str(drawing.name))


@each_drawing
def test_a_drawing_is_a_small_picture(drawing: Drawing) -> None:
    data = drawing.read()
    assert len(data) <= MAX_BYTES
    with Image.open(io.BytesIO(data)) as image:
        assert (image.format, image.size) == ("WEBP", (WIDTH, HEIGHT))


def test_all_drawings_together_are_small_and_no_other_file_is_there() -> None:
    assert len(DRAWINGS) >= MIN_DRAWINGS
    assert sum(len(drawing.read()) for drawing in DRAWINGS) <= MAX_TOTAL_BYTES
    assert {file.name for file in FOLDER.iterdir()} == set(collection.BY_NAME)


@each_drawing
def test_what_it_shows_is_a_sentence_that_the_model_cannot_have_said(drawing: Drawing) -> None:
    assert drawing.shows[0].isupper()
    assert drawing.shows.endswith(".")
    assert " ".join(words(drawing.shows)) not in drawing.ratings


@each_drawing
def test_what_was_judged_are_captions_as_the_model_says_them(drawing: Drawing, committed: Bundle) -> None:
    assert set(drawing.ratings.values()) <= set(RATINGS)
    for caption in drawing.ratings:
        assert " ".join(words(caption)) == caption
        assert set(words(caption)) <= set(committed.vocabulary.words)


def test_two_drawings_show_what_the_model_cannot_do() -> None:
    wrong = [drawing for drawing in DRAWINGS if next(iter(drawing.ratings.values())) == WRONG]
    assert len(wrong) == 2
