"""Comparing two captions, and a review session from its start to its file, in a real Chromium."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from captioner.app.components.decoding_controls import SAMPLING
from captioner.app.quality.texts import DOWNLOAD_RATINGS, RATINGS_FILES
from captioner.app.review.texts import STORED, YOUR_NAME
from tests.browser.conftest import (
    Open,
    at_both_widths,
    go_to,
    needs_no_scrolling,
    on_a_phone,
    photo,
    pick_example,
    upload,
    wait_until_idle,
)

pytestmark = pytest.mark.browser


def started(open_page: Open) -> Page:
    """A review session about three uploads."""
    page = open_page("review")
    expect(page.get_by_text(STORED)).to_be_visible()
    page.get_by_role("radio", name="Our own pictures").click()
    upload(page, photo(1), photo(2), photo(3), label="Upload photographs")
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_text("Picture 1 of 3")).to_be_visible()
    return page


@on_a_phone
def test_two_decoding_options_are_compared_of_what_is_a_picture(open_page: Open) -> None:
    page = open_page("compare")
    upload(page, b"not a picture", readable=False)
    expect(page.get_by_role("alert").filter(has_text="cannot be read as a picture")).to_be_visible()
    assert needs_no_scrolling(page)
    upload(page, photo())
    expect(page.get_by_role("heading", name="What differs")).to_be_visible()
    for name in ("Caption A", "Caption B"):
        expect(page.get_by_role("heading", name=name)).to_be_visible()
    wait_until_idle(page)
    page.get_by_text("How it chooses its words").last.click()
    page.get_by_role("radio", name=SAMPLING).last.click()
    expect(page.get_by_text("(sampling), creativity 0.5, version 2")).to_be_visible()
    assert needs_no_scrolling(page)


def test_a_copied_link_brings_back_the_comparison(open_page: Open) -> None:
    page = open_page("compare")
    pick_example(page)
    expect(page.get_by_role("heading", name="What differs")).to_be_visible()
    page.get_by_text("How it chooses its words").last.click()
    page.get_by_role("radio", name=SAMPLING).last.click()
    expect(page.get_by_text("(sampling), creativity 0.5, version 2")).to_be_visible()
    page.get_by_role("spinbutton").last.fill("7")
    page.keyboard.press("Enter")
    expect(page.get_by_text("(sampling), creativity 0.5, version 7")).to_be_visible()
    page.wait_for_url("**seed_b=7**")
    differs = page.get_by_text(re.compile("^From A to B|^Both captions")).inner_text()
    again = open_page(page.url.rpartition("/")[2])
    expect(again.get_by_text("(sampling), creativity 0.5, version 7")).to_be_visible()
    expect(again.get_by_text(differs)).to_be_visible()


def test_the_picture_of_the_caption_page_is_the_one_compared(open_page: Open) -> None:
    page = open_page()
    upload(page, photo())
    page.get_by_role("button", name="Compare with").click()
    expect(page.get_by_role("heading", name="What differs")).to_be_visible()


@at_both_widths
def test_a_session_is_rated_by_keyboard_reloaded_and_saved(open_page: Open) -> None:
    page = started(open_page)
    name = page.get_by_role("textbox", name=YOUR_NAME)
    name.fill("Ada")
    name.press("Enter")
    page.wait_for_function("Object.values(sessionStorage).includes('Ada')")
    page.get_by_role("heading", level=1).click()
    wait_until_idle(page)  # a key that comes while the page is still being drawn is not heard
    page.keyboard.press("1")
    expect(page.get_by_text("Picture 2 of 3")).to_be_visible()
    assert needs_no_scrolling(page)
    page.reload()  # what was uploaded is gone, the rating and its rater's name are not
    expect(name).to_have_value("Ada")
    expect(page.get_by_text("1 of 3 rated")).to_be_visible()
    expect(page.get_by_text("Uploads are not stored")).to_be_visible()
    upload(page, photo(1), photo(2), photo(3), label="Upload the pictures of this review session again")
    expect(page.get_by_role("button", name=re.compile("^Wrong"))).to_be_enabled()
    page.get_by_role("heading", level=1).click()
    wait_until_idle(page)
    page.keyboard.press("3")
    expect(page.get_by_text("Picture 3 of 3")).to_be_visible()
    wait_until_idle(page)  # until then, a button still does what it did for the picture before
    page.get_by_role("button", name=re.compile("^Partly")).click()
    expect(page.get_by_role("heading", name="Your result")).to_be_visible()
    expect(page.get_by_text("1 of 3 captions right")).to_be_visible()
    expect(page.get_by_role("heading", name="The pictures again")).to_be_visible()
    expect(page.get_by_role("button", name="Download the ratings")).to_have_count(1)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the ratings").click()
    saved = download.value.path().read_text("utf-8-sig")
    assert [saved.count(f",{rating},") for rating in ("right", "partly", "wrong")] == [1, 1, 1]
    assert needs_no_scrolling(page)
    go_to(page, "How good is it?")
    page.get_by_text(RATINGS_FILES, exact=True).click()
    wait_until_idle(page)
    with page.expect_download() as download:
        page.get_by_role("button", name=DOWNLOAD_RATINGS).click()
    everything = download.value.path().read_text("utf-8-sig")
    assert all(f",{rating}," in everything for rating in ("right", "partly", "wrong"))


def test_no_key_rates_while_keys_are_switched_off_or_a_remark_is_written(open_page: Open) -> None:
    page = started(open_page)
    keys = page.get_by_text("Rate with the keys 1, 2 and 3")
    keys.click()
    page.get_by_role("heading", level=1).click()
    expect(page.get_by_role("button", name="Right", exact=True)).to_be_visible()  # without the name of a key
    wait_until_idle(page)
    page.keyboard.press("1")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_text("Picture 2 of 3")).to_be_visible()
    expect(page.get_by_text("0 of 3 rated")).to_be_visible()
    wait_until_idle(page)
    keys.click()
    expect(page.get_by_role("button", name="Right", exact=True)).to_have_count(0)
    wait_until_idle(page)
    remark = page.get_by_role("textbox", name="Remark")
    remark.press_sequentially("1 or 2 dogs")
    remark.press("Enter")
    wait_until_idle(page)
    expect(page.get_by_text("0 of 3 rated")).to_be_visible()
    page.get_by_role("button", name=re.compile("^Right")).click()
    expect(page.get_by_text("Picture 3 of 3")).to_be_visible()
    wait_until_idle(page)
    page.get_by_role("button", name="Back").click()
    expect(page.get_by_text("You rated it right")).to_be_visible()
    expect(page.get_by_role("textbox", name="Remark")).to_have_value("1 or 2 dogs")


@on_a_phone
def test_what_cannot_be_continued_is_explained(open_page: Open) -> None:
    page = open_page("review?session=nobody-knows")
    expect(page.get_by_role("alert")).to_contain_text("is not here")
    page.get_by_text("Resume a saved review").click()
    file = {"name": "a.csv", "mimeType": "text/csv", "buffer": b"name,age\nx,3\n"}
    page.locator("input[type=file]").last.set_input_files(file)  # type: ignore[arg-type]
    expect(page.get_by_text(re.compile("The file is no saved review session"))).to_be_visible()
    assert needs_no_scrolling(page)
