"""The ways to a picture on the caption page, in a real Chromium."""

from __future__ import annotations

import base64

import pytest
from playwright.sync_api import Page, expect

from captioner.app.components import examples
from captioner.drawings.collection import DRAWINGS
from tests.browser.conftest import Open, at_both_widths, caption_text, needs_no_scrolling, on_a_phone, photo

pytestmark = pytest.mark.browser
# Files as the browser hands them over, at the end of a drag or in the clipboard.
HAND_OVER = """([kind, files]) => {
    const transfer = new DataTransfer()
    for (const [name, data] of files) {
        const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0))
        transfer.items.add(new File([bytes], name, { type: "image/png" }))
    }
    const init = { bubbles: true, cancelable: true }
    document.querySelector("h1").dispatchEvent(
        kind === "paste"
            ? new ClipboardEvent(kind, { ...init, clipboardData: transfer })
            : new DragEvent(kind, { ...init, dataTransfer: transfer })
    )
}"""


def hand_over(page: Page, kind: str, *names: str) -> None:
    """Paste or drop pictures on the page's title, far from the uploader."""
    caption_text(page)
    files = [[name, base64.b64encode(photo(seed)).decode()] for seed, name in enumerate(names)]
    page.evaluate(HAND_OVER, [kind, files])


@at_both_widths
def test_a_captioned_example_is_there_at_once(open_page: Open) -> None:
    page = open_page()
    assert caption_text(page)
    expect(page.get_by_role("button", name="Example 1:")).to_be_visible()
    expect(page.get_by_role("button", name="Upload", exact=True)).to_be_in_viewport(ratio=1)
    expect(page.locator(".frame")).to_be_in_viewport(ratio=0.9)
    assert needs_no_scrolling(page)


@pytest.mark.parametrize("kind", ["paste", "drop"])
def test_a_picture_is_taken_wherever_it_is_pasted_or_dropped(open_page: Open, kind: str) -> None:
    page = open_page()
    hand_over(page, kind, "image.png")
    expect(page.get_by_text("Shown: image.png")).to_be_visible()


def test_several_files_at_once_become_a_table(open_page: Open) -> None:
    page = open_page()
    hand_over(page, "drop", "one.png", "two.png")
    expect(page.get_by_text("2 pictures captioned.")).to_be_visible()


@on_a_phone
def test_a_drawing_says_that_it_is_one(open_page: Open) -> None:
    page = open_page(f"?example={DRAWINGS[0].name}")
    expect(page.get_by_text(examples.NOTE.format(DRAWINGS[0].shows))).to_be_visible()
    assert caption_text(page)


def test_in_an_embedded_page_the_examples_come_first(open_page: Open) -> None:
    page = open_page("?embed=true")
    example, uploader = (page.get_by_role("button", name=name) for name in ("Example 1:", "file upload"))
    expect(example).to_be_visible()
    above, below = example.bounding_box(), uploader.bounding_box()
    assert above
    assert below
    assert above["y"] < below["y"]
