"""What the buttons under a sentence get, and what is believed of the browser's answers."""

from __future__ import annotations

from typing import Any

import pytest

from captioner.app.components.interactive_caption import sharing
from captioner.app.components.interactive_caption.sharing import MAX_TEXT, Request
from tests.fake_captioner import SENTENCES, make_candidate


def test_the_browser_gets_the_sentence_as_the_page_shows_it() -> None:
    data = sharing.build(make_candidate(SENTENCES[0]), "1a", is_upload=False)
    assert (data["sentence"], data["alt"], data["picture"]) == ("A dog runs.", "A dog runs.", "1a")
    uploaded = sharing.build(make_candidate(SENTENCES[1]), "1a", is_upload=True)
    assert uploaded["sentence"] == "A cat sits…"
    assert "After a reload, open the picture again" in uploaded["texts"]["kept"]


NONSENSE: list[Any] = [
    None,
    "A dog.",
    [],
    {"text": 3, "id": "7"},
    {"text": "a" * (MAX_TEXT + 1), "id": "7"},
    {"text": "A dog.", "id": "7" * 99},
    {"text": "A dog."},
]


@pytest.mark.parametrize("event", NONSENSE)
def test_a_browser_can_ask_for_a_short_text_only(event: object) -> None:
    assert sharing.request(event, None) == Request()
    longest = {"text": f" {'a' * (MAX_TEXT - 2)} ", "id": "7"}
    assert sharing.request(longest, None) == Request("a" * (MAX_TEXT - 2), "7")


def test_another_version_is_asked_for_by_a_click() -> None:
    assert sharing.request(None, {"text": ""}).another
    assert not sharing.request(None, None).another
