"""Comparing two answers, and a sitting from its start to its file, in a real Chromium."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from captioner.app.review import PROMISE
from tests.browser.conftest import NARROW, PATIENCE, WIDE, Open

pytestmark = pytest.mark.browser
at_both_widths = pytest.mark.parametrize("open_page", [WIDE, NARROW], ids=["wide", "narrow"], indirect=True)
expect.set_options(timeout=PATIENCE * 1000)


def photo(seed: int = 1) -> bytes:
    """A drawn picture, much like grass below a sky."""
    noise = np.random.default_rng(seed).integers(0, 40, (120, 160, 3), dtype=np.uint8)
    ground = np.where(np.arange(120)[:, None, None] > 60, (60, 140, 50), (120, 170, 210)).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(ground + noise).save(file, "PNG")
    return file.getvalue()


def upload(page: Page, *data: bytes, label: str = "Upload a photograph", name: str = "mine.png") -> None:
    expect(page.get_by_text(label)).to_be_attached()
    files = [{"name": name, "mimeType": "image/png", "buffer": one} for one in data]
    page.locator("input[type=file]").first.set_input_files(files)  # type: ignore[arg-type]


def fits(page: Page) -> bool:
    """Whether nothing has to be scrolled sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def started(open_page: Open) -> Page:
    """A sitting about three uploads."""
    page = open_page("review")
    expect(page.get_by_text(PROMISE)).to_be_visible()
    page.get_by_role("radio", name="Our own pictures").click()
    upload(page, photo(1), photo(2), photo(3), label="Upload photographs")
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_text("Picture 1 of 3")).to_be_visible()
    return page


@at_both_widths
def test_two_ways_of_choosing_words_are_compared(open_page: Open) -> None:
    page = open_page("compare")
    upload(page, photo())
    expect(page.get_by_role("heading", name="What differs")).to_be_visible()
    for name in ("Answer A", "Answer B"):
        expect(page.get_by_role("heading", name=name)).to_be_visible()
    expect(page.get_by_text("The chance that it says exactly this")).to_have_count(2)
    page.get_by_text("How it chooses its words").last.click()
    page.get_by_role("radio", name="Draw word by word").last.click()
    expect(page.get_by_text("draw number 2 (sampling)")).to_be_visible()
    assert fits(page)


@at_both_widths
def test_a_file_that_is_no_picture_is_not_compared(open_page: Open) -> None:
    page = open_page("compare")
    upload(page, b"not a picture")
    expect(page.get_by_role("alert")).to_contain_text("not a JPEG, PNG or WebP picture")
    assert fits(page)


def test_the_picture_of_the_caption_page_is_the_one_compared(open_page: Open) -> None:
    page = open_page()
    upload(page, photo())
    expect(page.get_by_role("heading", name="Other sentences it considered")).to_be_visible()
    page.get_by_role("main").get_by_role("link", name="Compare").click()
    expect(page.get_by_role("heading", name="What differs")).to_be_visible()


@at_both_widths
def test_a_sitting_is_rated_by_keyboard_reloaded_and_saved(open_page: Open) -> None:
    page = started(open_page)
    page.keyboard.press("1")
    expect(page.get_by_text("Picture 2 of 3")).to_be_visible()
    assert fits(page)
    page.reload()  # what was uploaded is gone, the rating is not
    expect(page.get_by_text("1 of 3 rated")).to_be_visible()
    expect(page.get_by_text("Uploads are not stored")).to_be_visible()
    upload(page, photo(1), photo(2), photo(3), label="Upload the pictures of this sitting again")
    expect(page.get_by_role("button", name=re.compile("^Wrong"))).to_be_enabled()
    page.get_by_role("heading", level=1).click()
    page.keyboard.press("3")
    expect(page.get_by_text("Picture 3 of 3")).to_be_visible()
    page.get_by_role("button", name=re.compile("^Partly")).click()
    expect(page.get_by_role("heading", name="What you found")).to_be_visible()
    expect(page.get_by_text("1 of 3 captions right")).to_be_visible()
    expect(page.get_by_role("heading", name="The pictures again")).to_be_visible()
    expect(page.get_by_role("button", name="Download the ratings")).to_have_count(1)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the ratings").click()
    saved = download.value.path().read_text("utf-8-sig")
    assert [saved.count(f",{rating},") for rating in ("right", "partly", "wrong")] == [1, 1, 1]
    assert fits(page)


def test_a_digit_in_a_remark_rates_nothing(open_page: Open) -> None:
    page = started(open_page)
    remark = page.get_by_role("textbox", name="Remark")
    remark.press_sequentially("1 or 2 dogs")
    remark.press("Enter")
    expect(page.get_by_text("0 of 3 rated")).to_be_visible()
    page.get_by_role("button", name=re.compile("^Right")).click()
    expect(page.get_by_text("Picture 2 of 3")).to_be_visible()
    page.get_by_role("button", name="Back").click()
    expect(page.get_by_text("You rated it right")).to_be_visible()
    expect(page.get_by_role("textbox", name="Remark")).to_have_value("1 or 2 dogs")


@at_both_widths
def test_what_cannot_be_gone_on_with_is_explained(open_page: Open) -> None:
    page = open_page("review?sitting=nobody-knows")
    expect(page.get_by_role("alert")).to_contain_text("no longer here")
    page.get_by_text("Go on with a saved sitting").click()
    file = {"name": "a.csv", "mimeType": "text/csv", "buffer": b"name,age\nx,3\n"}
    page.locator("input[type=file]").last.set_input_files(file)  # type: ignore[arg-type]
    expect(page.get_by_text(re.compile("The file is no saved sitting"))).to_be_visible()
    assert fits(page)
