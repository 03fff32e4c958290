"""The pages of the test captions and of many pictures, in a real Chromium."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import FilePayload, Page, expect

from captioner.app.components.image_picker import LABEL
from captioner.app.quality import explore
from captioner.bundle.storage import Bundle
from captioner.evaluation import predictions
from captioner.evaluation.predictions import ScoredCaption
from tests.browser.conftest import TIMEOUT, Open, needs_no_scrolling, on_a_phone, photo

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def best(served: Bundle) -> list[ScoredCaption]:
    """The sentences as the page sorts them."""
    everything = predictions.scored_captions(served)
    return sorted(everything, key=predictions.SORT_KEYS["Best matches"])


def payload(name: str, data: bytes) -> FilePayload:
    return {"name": name, "mimeType": "image/png", "buffer": data}


def choose(page: Page, *files: FilePayload) -> None:
    expect(page.get_by_text(LABEL)).to_be_attached()
    page.locator("input[type=file]").first.set_input_files(files)


def select(page: Page, row: int) -> None:
    """Tick a row of the table, which is drawn on a canvas."""
    table = page.get_by_test_id("stDataFrame")
    expect(table.locator("canvas").first).to_be_visible()
    head = 36  # pixels
    table.click(position={"x": 18, "y": head + (row + 0.5) * explore.ROW_HEIGHT})


@on_a_phone
def test_a_sentence_can_be_chosen_and_read_about(open_page: Open, best: list[ScoredCaption]) -> None:
    page = open_page("quality?view=Table&first=Best+matches")
    expect(page.get_by_role("heading", level=3, name=f"“{best[0].caption}”")).to_be_visible()
    select(page, 1)
    expect(page.get_by_role("heading", level=3, name=f"“{best[1].caption}”")).to_be_visible()
    toolbar = page.get_by_test_id("stElementToolbar").filter(visible=True)
    expect(toolbar.get_by_role("button", name="Search")).to_have_count(1)
    expect(toolbar.get_by_role("button", name="CSV")).to_have_count(0)  # it would not escape formulas
    expect(page.get_by_text("similar to theirs than")).to_be_visible()
    expect(page.get_by_role("heading", name="Words it never says")).to_be_visible()
    assert needs_no_scrolling(page)


def test_a_search_stands_in_the_link_and_says_when_it_finds_nothing(
    open_page: Open, best: list[ScoredCaption]
) -> None:
    page = open_page("quality")
    page.get_by_label("Search its sentences").fill("zzz")
    expect(page.get_by_text("does not know that word")).to_be_visible()
    page.wait_for_url("**/quality?search=zzz")
    assert needs_no_scrolling(page)


def uploaded_bytes(page: Page) -> int:
    """Bytes of uploads that the server holds for all visitors."""
    metrics = page.evaluate("fetch('/_stcore/metrics').then(answer => answer.text())")
    assert "cache_memory_bytes" in metrics
    result = re.search(r'cache_memory_bytes\{cache_type="UploadedFileManager",cache=""\} (\d+)', metrics)
    return int(result[1]) if result else 0


def eventually(page: Page, true: Callable[[], bool]) -> bool:
    """Streamlit counts anew only every few seconds."""
    for _ in range(TIMEOUT):
        if true():
            return True
        page.wait_for_timeout(1000)
    return False


@on_a_phone
def test_what_is_no_picture_is_named_the_others_are_captioned_and_all_is_freed(open_page: Open) -> None:
    page = open_page()
    before = uploaded_bytes(page)
    choose(page, payload("notes.png", b"not a picture"), payload("meadow.png", photo()))
    expect(page.get_by_role("alert").first).to_contain_text(
        "notes.png: This file cannot be read as a picture"
    )
    expect(page.get_by_text("1 picture captioned.")).to_be_visible()
    assert needs_no_scrolling(page)
    assert eventually(page, lambda: uploaded_bytes(page) <= before)
