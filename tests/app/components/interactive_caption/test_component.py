"""The component's files, the picture that it gets, and what it believes of a browser."""

from __future__ import annotations

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from captioner.app.components.interactive_caption import component, payload, sharing
from tests.fake_captioner import SENTENCES, make_candidate

CANDIDATE = make_candidate(SENTENCES[0])


def test_the_picture_is_sent_small_and_in_proportion() -> None:
    jpeg = component.small_jpeg(np.full((1000, 2000, 3), 90, np.uint8))
    assert Image.open(io.BytesIO(jpeg)).size == (960, 480)
    assert component.data_url(jpeg) == f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"


@pytest.mark.parametrize("index", [-1, 4, 1.0, True, "1", None, [1], {"word": 1}])
def test_no_browser_can_pin_a_word_that_is_not_there(index: object) -> None:
    assert component._in_range(index, CANDIDATE) is None
    assert component._in_range(3, CANDIDATE) == 3


def test_the_files_make_no_html_of_data_and_ask_no_server() -> None:
    sources = component._HTML + component._CSS + component._JS
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", sources
    )
    assert not re.search(r"https?:|//[a-z]+\.|url\(|@import|fetch\(|XMLHttpRequest|<script", sources)


def test_every_text_and_style_that_the_files_use_is_sent_and_drawn() -> None:
    used = set(re.findall(r"texts\.(\w+)", component._VIEW)) | {
        "play",
        "pause",
        "step",
        "words",
        "tap",
        "point",
    }
    assert used == set(payload.TEXTS)
    used = set(re.findall(r"texts\.(\w+)", component._SHARING))
    used |= set(re.findall(r'data-action="(\w+)"', component._HTML))
    used |= {
        text
        for said in re.findall(r"say\((.*)\)", component._SHARING)
        for text in re.findall(r'"(\w+)"', said)
    }
    assert used == set(sharing.TEXTS)
    for style in (*payload.STYLES, payload.CHOSEN_STYLE, "end"):
        assert f".{style} {{" in component._CSS
