"""What people take away equals what the page shows: clipboard, picture card, links, in a real Chromium."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from captioner import images
from captioner.alt_text.sentence import MAX_LENGTH, alt_text
from captioner.app.batch import files
from captioner.app.batch import texts as batch_texts
from captioner.app.batch.alt_texts import ROW_HEIGHT
from captioner.app.batch.saved import ALT_TEXTS, RESULTS
from captioner.app.caption import result_card, texts
from captioner.app.components.interactive_caption.sharing import TEXTS
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
from tests.fake_captioner import photo as fake_photo

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


def saved(page: Page, button: Locator, name: str = "") -> bytes:
    with page.expect_download() as download:
        button.click()
    assert name in download.value.suggested_filename
    return Path(download.value.path()).read_bytes()


def tick_first(page: Page, reviewed: int) -> None:
    """Tick or untick the first text, so that this many are reviewed."""
    table = page.locator("[data-testid=stDataFrame]:visible")
    done = page.get_by_text(f"{reviewed} of 3 reviewed.")
    for _ in range(3):  # a click while the table is drawn anew may be lost
        table.click(position={"x": 12, "y": 36 + ROW_HEIGHT // 2})  # pixels, beside the tick
        page.keyboard.press("Space")
        with suppress(PlaywrightTimeout):
            done.wait_for(timeout=8000)
            break
    expect(done).to_be_visible()
    wait_until_idle(page)


def captioned(page: Page) -> str:
    upload(page, photo())
    return caption_text(page)


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
    warnings = [warning.sentence for warning in model.caption(photo()).warnings]
    by = f"{served.config.recipe}, {served.checksum[:8]}"
    source = result_card.source(by, date.today(), edited=True)
    card = result_card.draw(images.read(photo()), OWN, warnings, source)
    assert saved(page, action(page, "card"), "mine-card.png") == card
    field.fill(" ")
    assert len(saved(page, action(page, "card"))) > 0  # of the sentence
    action(page, "back").click()
    expect(field).not_to_have_value(OWN)
    action(page, "alt").click()
    expect(field).to_have_value(alt_text(caption))
    expect(page.locator(".count")).to_have_text(f"{len(alt_text(caption))} of {MAX_LENGTH} characters")
    assert copied(page, action(page, "copy")) == alt_text(caption)
    assert action(page, "read").is_visible() == page.evaluate("'speechSynthesis' in window")
    assert needs_no_scrolling(page)


def cell(page: Page, column: int, row: int) -> Locator:
    """Of a table that is drawn on a canvas, as a screen reader finds it."""
    return page.locator("[data-testid=stDataFrame]:visible").get_by_test_id(f"glide-cell-{column}-{row}")


def rows_of(page: Page, count: int) -> list[list[str]]:
    """Alt text, note and file of each row; a narrow page has only the first of them in view."""
    columns = [column for column in (2, 3, 4) if column == 2 or cell(page, column, 0).count()]
    return [[cell(page, column, row).inner_text() for column in columns] for row in range(count)]


def taken(records: Sequence[Mapping[str, Any]], columns: int) -> list[list[str]]:
    """The same of a file."""
    found = [[row["alt_text"], row["problem"] or row["warning"], row["file"]] for row in records]
    return [row[:columns] for row in found]


@at_both_widths
def test_alt_texts_of_many_pictures_are_reviewed_kept_and_saved(open_page: Open, served: Bundle) -> None:
    page = open_page("batch")  # as an old link says
    caption_text(page)
    pictures = [("me.png", photo(1)), ("no.png", b"no picture"), ("me.png", fake_photo(1))]
    upload(page, *(data for _, data in pictures), names=[name for name, _ in pictures], readable=False)
    expect(page.get_by_text("2 pictures captioned.")).to_be_visible()
    page.get_by_role("tab", name=batch_texts.AS_TABLE, exact=True).click()
    expect(cell(page, 1, 1)).to_be_attached()
    page.get_by_role("tab", name=batch_texts.AS_ALT_TEXTS).click()
    expect(cell(page, 2, 2)).to_be_attached()
    wait_until_idle(page)
    for reviewed in (1, 0, 1):
        tick_first(page, reviewed)
    for key in ("ArrowDown", "ArrowDown", "ArrowRight", "ArrowRight", "Enter"):
        page.keyboard.press(key)
    page.locator("#portal textarea").fill(OWN)
    page.keyboard.press("Enter")
    expect(cell(page, 2, 2)).to_have_text(OWN)
    page.wait_for_function(
        "([name, text]) => sessionStorage.getItem(name).includes(text)", arg=[ALT_TEXTS, OWN]
    )
    page.reload()
    expect(page.get_by_text("1 of 3 reviewed.")).to_be_visible()
    expect(cell(page, 2, 2)).to_have_text(OWN)
    shown = rows_of(page, 3)
    archive = zipfile.ZipFile(io.BytesIO(saved(page, page.get_by_role("button", name=batch_texts.SAVE_ZIP))))
    records = json.loads(archive.read(files.JSON_NAME))
    assert taken(records, len(shown[0])) == shown
    assert archive.read("reviewed/me.txt").decode() == f"{shown[0][0]}\n"
    assert archive.read("not-reviewed/me (2).txt").decode() == f"{OWN}\n"
    table_file = saved(page, page.get_by_role("button", name=batch_texts.SAVE)).decode("utf-8-sig")
    found = [*csv.DictReader(io.StringIO(table_file))]
    assert taken(found, len(shown[0])) == shown
    assert [row["reviewed"] for row in found] == ["yes", "no", "no"]
    model = Captioner(served)
    captions = ["" if name == "no.png" else model.caption(data).best.text for name, data in pictures]
    assert [row["caption"] for row in found] == captions
    assert needs_no_scrolling(page)
    page.get_by_role("button", name=batch_texts.CLOSE).click()
    page.wait_for_function(
        "names => names.every(name => !sessionStorage.getItem(name))", arg=[RESULTS, ALT_TEXTS]
    )


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
