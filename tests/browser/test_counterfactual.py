"""Counterfactuals, the beam tree, links and the camera, in a real Chromium."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import (
    Open,
    at_both_widths,
    caption_text,
    needs_no_scrolling,
    on_a_phone,
    photo,
    pick_example,
    upload,
    wait_until_idle,
    word,
)

pytestmark = pytest.mark.browser


def alternative(page: Page, number: int) -> Locator:
    """What could have been said in its place, likeliest first, without the word itself."""
    return page.get_by_role("radiogroup").first.get_by_role("radio", checked=False).nth(number)


@on_a_phone
def test_another_word_leads_to_another_sentence_and_back(open_page: Open) -> None:
    page = open_page()
    upload(page, photo())
    caption = caption_text(page)
    word(page, 1).click()
    word_text = alternative(page, 0).inner_text().strip("\u2060 \n")
    alternative(page, 0).click()
    expect(page.get_by_role("heading", name=f"Another word: “{word_text}”")).to_be_visible()
    expect(page.get_by_text("With your word")).to_be_visible()
    assert caption_text(page).split()[1] == word_text
    expect(page.get_by_text("The model’s own sentence", exact=True)).to_be_visible()
    assert needs_no_scrolling(page)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("button", name="Undo")).to_have_count(0)
    assert caption_text(page) == caption


@at_both_widths
def test_the_boxes_below_hold_the_tree_a_file_and_other_versions(open_page: Open) -> None:
    page = open_page()
    upload(page, photo())
    caption = caption_text(page)
    page.get_by_text("Details", exact=True).click()
    expect(page.get_by_text("words that it considered")).to_be_visible()
    expect(page.get_by_test_id("stVegaLiteChart").locator("svg:visible")).to_have_count(1)
    assert needs_no_scrolling(page)
    page.get_by_role("tab", name="Table").click()
    expect(page.get_by_test_id("stDataFrame").last).to_be_visible()
    assert needs_no_scrolling(page)
    page.get_by_text("Files and link").click()
    wait_until_idle(page)  # a click on what is still unfolding may be lost
    with page.expect_download() as result:
        page.get_by_role("button", name="Everything as JSON").click()
    assert result.value.suggested_filename == "mine.json"
    assert json.loads(Path(result.value.path()).read_text(encoding="utf-8"))["caption"] == caption
    with page.expect_download() as result:
        page.get_by_role("button", name="Caption as text").click()
    assert Path(result.value.path()).read_text(encoding="utf-8") == f"{caption}\n"
    page.get_by_text("Other sentences", exact=True).click()
    wait_until_idle(page)
    page.get_by_role("radio", name="Random").click()
    expect(page.get_by_text("A random version", exact=True)).to_be_visible()


def test_a_link_brings_back_the_settings_and_refuses_bad_ones(open_page: Open) -> None:
    page = open_page()
    pick_example(page)
    caption_text(page)
    page.get_by_text("Other sentences", exact=True).click()
    wait_until_idle(page)
    page.get_by_role("radio", name="Likeliest").click()
    page.get_by_role("slider").first.focus()
    page.keyboard.press("Home")
    page.wait_for_url("**beams=1**")
    expect(page.get_by_text("the model weighed only one sentence")).to_be_attached()
    again = open_page(page.url.rpartition("/")[2])
    caption_text(again)
    expect(again.get_by_text("the model weighed only one sentence")).to_be_attached()
    bad = open_page(page.url.rpartition("/")[2].replace("beams=1", "beams=many"))
    expect(bad.get_by_text("The link asks for beams=many")).to_be_visible()


def test_the_camera_is_requested_only_on_demand(open_page: Open) -> None:
    page = open_page()
    expect(page.get_by_text("Use the camera")).to_be_visible()
    assert page.get_by_test_id("stCameraInput").count() == 0
    page.get_by_text("Use the camera").click()
    expect(page.get_by_test_id("stCameraInput")).to_be_visible()
