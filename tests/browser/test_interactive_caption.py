"""Picture and sentence in a real Chromium: the overlay, the keyboard, a pinned word, playing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, ViewportSize, expect

from captioner.app.components.interactive_caption import plain
from tests.browser.conftest import (
    NARROW,
    TIMEOUT,
    WIDE,
    caption_text,
    go_to,
    photo,
    upload,
    wait_until_idle,
    word,
)

pytestmark = pytest.mark.browser
MAX_DELAY = 50  # milliseconds from pointing at a word to its overlay
# Opacities of the overlay's pixels: how many are drawn at all, and whether any is left clear.
DRAWN = """canvas => {
    const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data
    const alphas = pixels.filter((_, at) => at % 4 === 3)
    return alphas.filter(alpha => alpha > 20).length / alphas.length
}"""
DARKEST = """canvas => {
    const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data
    let darkest = 255
    for (let at = 0; at < pixels.length; at += 4)
        if (pixels[at + 3] > 20) darkest = Math.min(darkest, Math.max(...pixels.slice(at, at + 3)))
    return darkest
}"""
# When the overlay is drawn after a pointer enters a word, in milliseconds, without any server.
DELAY = """word => {
    const picture = word.getRootNode().querySelector('.picture')
    const start = performance.now()
    word.dispatchEvent(new PointerEvent('pointerenter', { pointerType: 'mouse' }))
    return picture.classList.contains('shown') ? performance.now() - start : Infinity
}"""


Visit = Callable[..., Page]


@pytest.fixture
def visit(browser: Browser, address: str) -> Iterator[Visit]:
    """Opens the app in a context of its own, for what no later test may inherit."""
    contexts: list[BrowserContext] = []

    def visit(blocked: str = "", **options: Any) -> Page:
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        if blocked:
            page.route(blocked, lambda route: route.abort())
        page.set_default_timeout(TIMEOUT * 1000)
        page.goto(address)
        return page

    yield visit
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def captioned_page(browser: Browser, address: str) -> Iterator[Page]:
    """Open at a captioned picture; a test leaves no word of it pinned."""
    with browser.new_context(viewport=WIDE) as context:
        page = context.new_page()
        page.set_default_timeout(TIMEOUT * 1000)
        page.goto(address)
        yield captioned(page)


def captioned(page: Page) -> Page:
    upload(page, photo())
    caption_text(page)
    wait_until_idle(page)
    return page


def overlay(page: Page) -> Locator:
    """The overlay, while it is shown."""
    return page.locator(".picture.shown canvas")


@pytest.mark.parametrize("viewport", [NARROW, WIDE], ids=["narrow", "wide"])
def test_pointing_at_a_word_shows_where_the_model_looked(
    captioned_page: Page, viewport: ViewportSize
) -> None:
    page = captioned_page
    page.set_viewport_size(viewport)
    wait_until_idle(page)
    expect(overlay(page)).to_have_count(0)
    word(page, 1).hover()
    expect(overlay(page)).to_have_count(1)
    assert 0.02 < overlay(page).evaluate(DRAWN) < 0.98
    assert overlay(page).evaluate(DARKEST) > 180, "every colour of the overlay is bright"
    expect(page.locator(".place")).to_contain_text("looked")
    page.mouse.move(0, 0)
    expect(overlay(page)).to_have_count(0)


def test_the_overlay_follows_at_once_and_needs_no_server(visit: Visit) -> None:
    page = captioned(visit())
    page.context.set_offline(True)
    delays = [word(page, number).evaluate(DELAY) for number in range(5)]
    assert min(delays) <= MAX_DELAY
    expect(overlay(page)).to_have_count(1)


def test_arrows_move_enter_pins_and_escape_unpins(captioned_page: Page) -> None:
    page = captioned_page
    word(page, 0).focus()
    page.keyboard.press("ArrowRight")
    expect(word(page, 1)).to_be_focused()
    expect(overlay(page)).to_have_count(1)
    page.keyboard.press("Enter")
    expect(word(page, 1)).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_text("What else could it have said here")).to_be_visible()
    page.keyboard.press("End")
    expect(word(page, 0)).not_to_be_focused()
    page.keyboard.press("Home")
    expect(word(page, 0)).to_be_focused()
    page.keyboard.press("Escape")
    expect(word(page, 1)).to_have_attribute("aria-pressed", "false")
    expect(page.get_by_text("What else could it have said here")).to_be_hidden()


def test_without_its_script_the_picture_and_all_about_it_remain(visit: Visit) -> None:
    page = visit(blocked="**/BidiComponent*.js")
    expect(page.get_by_text(plain.NO_SCRIPT)).to_be_visible()
    expect(page.get_by_role("heading", level=2)).to_be_visible()
    expect(page.get_by_text("before you use it")).to_be_visible()
    expect(page.get_by_role("cell", name="mostly at").first).to_be_visible()
    expect(page.locator(f".st-key-{plain.KEY} img")).to_be_visible()
    expect(page.get_by_role("button", name="Upload", exact=True)).to_be_visible()
    expect(page.locator("[data-testid=stErrorElementStack]:visible")).to_have_count(0)


def test_every_word_has_a_name_and_only_one_is_in_the_tab_order(captioned_page: Page) -> None:
    page = captioned_page
    words = page.locator(".word").all()
    texts = [one.inner_text().lower() for one in words]
    count = len(caption_text(page).split())
    assert [text for text in texts if text != "."] == caption_text(page).split()
    assert f"of {count} words" in str(words[0].get_attribute("aria-label"))
    assert [one.get_attribute("tabindex") for one in words].count("0") == 1


def test_a_pinned_word_outlives_a_visit_to_another_page(captioned_page: Page) -> None:
    page = captioned_page
    wait_until_idle(page)
    word(page, 1).click()
    expect(page.get_by_text("What else could it have said here")).to_be_visible()
    go_to(page, "About")
    expect(page.get_by_role("heading", name="About", exact=True)).to_be_visible()
    go_to(page, "Caption")
    expect(word(page, 1)).to_have_attribute("aria-pressed", "true")
    word(page, 1).click()
    expect(page.get_by_text("What else could it have said here")).to_be_hidden()


def test_playing_walks_through_the_sentence_and_stops_by_itself(visit: Visit) -> None:
    page = captioned(visit())
    page.clock.install(time=0)
    page.clock.pause_at(3600)  # seconds; from here on, time passes only as the test says
    page.get_by_role("button", name="Play").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    expect(word(page, 0)).to_have_class("word first active")
    page.clock.run_for(1200)
    expect(word(page, 0)).not_to_have_class("word first active")
    page.clock.run_for(60_000)
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    expect(overlay(page)).to_have_count(0)


def test_with_reduced_motion_nothing_moves_by_itself(visit: Visit) -> None:
    page = captioned(visit(reduced_motion="reduce"))
    page.get_by_role("button", name="Next word").click()
    shown = page.locator(".word.active")
    first = shown.get_attribute("aria-label")
    time.sleep(1.5)  # longer than a word is shown while playing
    expect(shown).to_have_attribute("aria-label", str(first))
    page.get_by_role("button", name="Next word").click()
    expect(shown).not_to_have_attribute("aria-label", str(first))


def test_on_a_phone_the_picture_stays_in_view_while_words_are_tapped(visit: Visit) -> None:
    page = captioned(visit(viewport=NARROW, has_touch=True))
    expect(page.locator(".picture")).not_to_have_css("position", "sticky")  # nothing to read slides below it
    word(page, 1).tap()
    expect(overlay(page)).to_be_in_viewport(ratio=0.5)
    last = page.locator(".word").last
    last.evaluate("word => word.scrollIntoView({ block: 'center' })")
    last.tap()
    expect(overlay(page)).to_be_in_viewport(ratio=0.5)
    expect(page.get_by_text("What else could it have said here")).to_be_visible()
