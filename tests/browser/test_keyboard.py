"""The caption page without a mouse, in a real Chromium."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Open, at_both_widths, caption_text, photo, wait_until_idle, word

pytestmark = pytest.mark.browser
MAX_TABS = 60  # presses of the tab key


def tab_to(page: Page, target: Locator) -> None:
    """Go on with the tab key until the target has the focus."""
    expect(target).to_be_visible()
    wait_until_idle(page)
    for _ in range(MAX_TABS):
        page.keyboard.press("Tab")
        if target.evaluate("element => element === element.getRootNode().activeElement"):
            return
    pytest.fail(f"{MAX_TABS} presses of the tab key do not lead to {target}")


def unfold(page: Page, title: str) -> None:
    tab_to(page, page.locator("summary").filter(has_text=title))
    page.keyboard.press("Enter")


@at_both_widths
def test_the_whole_caption_page_is_used_by_keyboard(open_page: Open) -> None:
    page = open_page()
    with page.expect_file_chooser() as chooser:  # from here on, as the browser takes a moment to heed it
        tab_to(page, page.get_by_role("button", name="Upload", exact=True))
        page.keyboard.press("Enter")
    chooser.value.set_files({"name": "mine.png", "mimeType": "image/png", "buffer": photo()})
    expect(page.get_by_text("Shown: mine.png")).to_be_visible()
    caption = caption_text(page)
    others = page.get_by_role("radiogroup").first
    tab_to(page, word(page, 0))
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    tab_to(page, others.get_by_role("radio").first)
    chosen = others.locator(":focus")
    if chosen.get_attribute("aria-checked") == "true":
        page.keyboard.press("ArrowRight")
    word_text = chosen.inner_text().strip("\u2060 \n")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=f"Another word: “{word_text}”")).to_be_visible()
    assert caption_text(page).split()[1] == word_text
    expect(chosen).to_have_attribute("aria-checked", "true")  # it has kept both its place and the focus
    expect(chosen).to_contain_text(word_text)
    tab_to(page, page.get_by_role("button", name="Undo"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Undo")).to_have_count(0)
    assert caption_text(page) == caption


def test_expanders_and_settings_work_by_keyboard(open_page: Open) -> None:
    page = open_page()
    example = page.get_by_role("button", name="Example 2:")
    tab_to(page, example)
    page.keyboard.press("Enter")
    page.wait_for_url("**example=*")
    wait_until_idle(page)
    expect(example).to_be_focused()
    caption_text(page)
    unfold(page, "Details")
    tab_to(page, page.get_by_role("tab", name="Drawing"))
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("stDataFrame").last).to_be_visible()
    unfold(page, "Files and link")
    tab_to(page, page.get_by_role("button", name="Everything as JSON"))
    unfold(page, "Other sentences")
    tab_to(page, page.get_by_role("radio", name="Normal"))
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    tab_to(page, page.get_by_role("slider").first)
    page.keyboard.press("Home")
    expect(page.get_by_text("the model weighed only one sentence")).to_be_attached()
    expect(page.get_by_role("slider").first).to_be_focused()
