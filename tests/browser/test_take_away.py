"""What people take away equals what the page shows: clipboard, picture card, links, in a real Chromium."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from captioner import images
from captioner.alt_text.sentence import MAX_LENGTH, alt_text
from captioner.app.caption import result_card, texts
from captioner.app.components.interactive_caption.take_away import TEXTS
from captioner.app.review import texts as review_texts
from captioner.bundle.storage import Bundle
from captioner.inference.captioner import Captioner
from tests.browser.conftest import (
    Open,
    at_both_widths,
    caption_text,
    go_to,
    needs_no_scrolling,
    photo,
    pick_example,
    upload,
    wait_until_idle,
)

pytestmark = pytest.mark.browser
OWN = "A meadow, as Zoë sees it"


def action(page: Page, name: str) -> Locator:
    return page.locator(f"[data-action={name}]")


def link_button(page: Page, label: str) -> Locator:
    button = page.locator(".copy-button button")
    expect(button).to_have_text(label)
    return button


def copied(page: Page, button: Locator) -> str:
    """What the clipboard holds after a click that is said to have copied."""
    button.click()
    expect(button).to_have_text(TEXTS["copied"])
    return str(page.evaluate("navigator.clipboard.readText()"))


def saved(page: Page, button: Locator) -> bytes:
    with page.expect_download() as download:
        button.click()
    return Path(download.value.path()).read_bytes()


def captioned(page: Page) -> str:
    upload(page, photo())
    caption = caption_text(page)
    wait_until_idle(page)
    return caption


@at_both_widths
def test_a_sentence_is_copied_changed_drawn_and_read(open_page: Open, served: Bundle) -> None:
    page = open_page()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    caption, field = captioned(page), page.locator(".field textarea")
    shown = " ".join(page.locator(".words").inner_text().split()).replace(" .", ".")
    assert copied(page, action(page, "copy")).lower() == shown.lower() == f"{caption}."
    expect(page.locator(".live")).to_have_text(TEXTS["copied"])
    action(page, "edit").click()
    expect(field).to_be_focused()
    field.fill(OWN)
    page.reload()
    assert captioned(page) == caption
    expect(field).to_have_value(OWN)  # the server never had it, and the picture is the same
    page.evaluate("void (navigator.clipboard.writeText = () => Promise.reject())")
    assert copied(page, action(page, "copy")) == OWN
    model = Captioner(served)
    warnings = [warning.sentence for warning in model.caption(images.read(photo())).warnings]
    by = f"{served.config.recipe}, {served.checksum[:8]}"
    source = result_card.source(by, date.today(), edited=True)
    card = result_card.draw(images.read(photo()), OWN, warnings, source)
    assert saved(page, action(page, "card")) == card
    action(page, "back").click()
    expect(field).not_to_have_value(OWN)
    action(page, "alt").click()
    expect(field).to_have_value(alt_text(caption))
    expect(page.locator(".count")).to_have_text(f"{len(alt_text(caption))} of {MAX_LENGTH} characters")
    assert copied(page, action(page, "copy")) == alt_text(caption)
    assert action(page, "read").is_visible() == page.evaluate("'speechSynthesis' in window")
    assert needs_no_scrolling(page)


def test_another_version_has_a_link_and_a_way_back(open_page: Open) -> None:
    page = open_page()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    pick_example(page)
    caption = caption_text(page)
    action(page, "another").click()
    expect(page.get_by_text(texts.RANDOM_VERSION, exact=True)).to_be_visible()
    wait_until_idle(page)
    expect(action(page, "another")).to_be_focused()
    other = caption_text(page)
    assert other != caption
    page.locator("summary").filter(has_text=texts.SHARE).click()
    link = copied(page, link_button(page, texts.COPY_LINK))
    page.get_by_role("button", name=texts.BACK_TO_BEST).click()
    expect(page.get_by_text(texts.RANDOM_VERSION, exact=True)).to_have_count(0)
    assert caption_text(page) == caption
    page.goto(link)
    assert caption_text(page) == other
    go_to(page, "Review")
    page.get_by_role("button", name=review_texts.START).click()
    page.wait_for_url("**session=*")
    assert copied(page, link_button(page, review_texts.COPY_LINK)) == page.url
