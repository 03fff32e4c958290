"""The states in which a page is looked at: as it opens, and after its steps."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from playwright.sync_api import Page, expect

from captioner.app.components.decoding_controls import SAMPLING
from captioner.app.quality import texts
from tests.browser.conftest import caption_text, photo, pick_example, upload, wait_until_idle, word


def states(path: str, page: Page) -> Iterator[str]:
    """Bring a page, opened at its path, into one state after the other; gives their names."""
    return _STATES.get(path, _plain)(page)


def _caption(page: Page) -> Iterator[str]:
    caption_text(page)
    wait_until_idle(page)
    page.get_by_role("button", name="Right", exact=True).click()
    expect(page.get_by_role("textbox", name="Remark")).to_be_visible()
    page.get_by_role("button", name="Alt text", exact=True).click()
    page.locator(".field textarea").fill("Changed.")
    yield "with an example, rated, and its alt text"
    pick_example(page)
    caption_text(page)
    word(page, 1).click()
    page.get_by_role("radiogroup").first.get_by_role("radio", checked=False).first.click()
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    _unfold(page)
    yield "another word chosen"
    page.get_by_role("tab", name="Table").click()
    page.get_by_role("radio", name=SAMPLING).click()
    expect(page.get_by_text("A random version", exact=True)).to_be_visible()
    yield "a random version"
    page.get_by_role("button", name="Compare with").click()
    expect(page.get_by_role("heading", name="What differs")).to_be_visible()
    _unfold(page)
    yield "two captions compared"
    upload(page, photo(1), b"not a picture", readable=False)
    expect(page.get_by_text("1 picture captioned.")).to_be_visible()
    yield "several pictures as cards"
    page.get_by_role("tab", name="Table").click()
    expect(page.get_by_test_id("stDataFrame").first).to_be_visible()
    yield "several pictures as a table"
    page.get_by_role("tab", name="Alt texts").click()
    expect(page.get_by_text("0 of 1 reviewed.")).to_be_visible()
    yield "several pictures as alt texts"


def _quality(page: Page) -> Iterator[str]:
    expect(page.get_by_role("heading", name=texts.SCORES)).to_be_visible()
    _unfold(page)
    yield "with its charts"
    page.get_by_label("Search its sentences").fill("zzz")
    expect(page.get_by_text("does not know that word")).to_be_visible()
    yield "nothing found"


def _review(page: Page) -> Iterator[str]:
    start = page.get_by_role("button", name="Start")
    expect(start).to_be_visible()
    _unfold(page)
    yield "before a review session"
    page.get_by_role("radio", name="Our own pictures").click()
    expect(start).to_be_hidden()
    upload(page, photo(1), photo(2), photo(3), label="Upload photographs")
    start.click()
    for number, rating in enumerate(("Right", "Wrong"), start=1):
        expect(page.get_by_text(f"Picture {number} of 3")).to_be_visible()
        wait_until_idle(page)  # until then, a button still does what it did for the picture before
        page.get_by_role("button", name=re.compile(f"^{rating}")).click()
    expect(page.get_by_text("Picture 3 of 3")).to_be_visible()
    wait_until_idle(page)
    page.get_by_role("button", name="Back").click()
    expect(page.get_by_text("You rated it wrong")).to_be_visible()
    _unfold(page)
    yield "in a review session"


def _plain(page: Page) -> Iterator[str]:
    """A page that asks for nothing."""
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    _unfold(page)
    yield "as it opens"


_STATES: dict[str, Callable[[Page], Iterator[str]]] = {
    "": _caption,
    "quality": _quality,
    "review": _review,
}


def _unfold(page: Page) -> None:
    """Open every box, so that nothing in it goes unseen; all at once, as each draws the page anew."""
    wait_until_idle(page)
    closed = page.locator("details:not([open])")
    for _ in range(5):  # a click while the page is drawn anew may be lost
        closed.locator("> summary").evaluate_all("boxes => boxes.forEach(box => box.click())")
        wait_until_idle(page)
        if not closed.count():
            break
    expect(closed).to_have_count(0)
