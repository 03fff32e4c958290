"""What people take away equals what the page shows: clipboard, picture card, links, in a real Chromium."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from datetime import date
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from captioner import images
from captioner.alt_text.sentence import MAX_LENGTH, alt_text
from captioner.app.batch import files
from captioner.app.batch import texts as batch_texts
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
    gallery = page.locator(".st-key-examples")
    height = gallery.evaluate("element => element.scrollHeight")
    assert saved(page, action(page, "card"), "mine-card.png") == card
    assert (
        gallery.evaluate("element => element.scrollHeight") == height
    )  # the styles of the page are still there
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


def rows_of(page: Page) -> list[list[str]]:
    """Text, whether it is ticked, warning and file of each row."""
    rows = page.locator(".alt-texts li").all()
    return [
        [
            row.get_by_role("textbox").input_value(),
            "yes" if row.get_by_role("checkbox").is_checked() else "no",
            row.locator(".warning").text_content() or "",
            row.locator(".file").inner_text(),
        ]
        for row in rows
    ]


@at_both_widths
def test_alt_texts_of_many_pictures_are_reviewed_kept_and_saved(open_page: Open, served: Bundle) -> None:
    page = open_page("batch")  # as an old link says
    caption_text(page)
    pictures = [("me.png", photo(1)), ("no.png", b"no picture"), ("me.png", fake_photo(1))]
    upload(page, *(data for _, data in pictures), names=[name for name, _ in pictures], readable=False)
    expect(page.get_by_text("2 pictures captioned.")).to_be_visible()
    page.get_by_role("tab", name=batch_texts.AS_ALT_TEXTS).click()
    first, second = (page.locator(".alt-texts textarea").nth(number) for number in (0, 1))
    first.press("Enter")
    expect(second).to_be_focused()
    page.keyboard.type(OWN)
    page.reload()  # at once: the server never had the last change
    expect(page.get_by_text("1 of 2 reviewed.")).to_be_visible()
    expect(second).to_have_value(OWN)
    shown = rows_of(page)
    wait_until_idle(page)
    second.fill(f"{OWN}!")  # and at once, without a moment in between:
    archive = zipfile.ZipFile(io.BytesIO(saved(page, page.get_by_role("button", name=batch_texts.SAVE_ZIP))))
    shown[1][0] = f"{OWN}!"
    records = json.loads(archive.read(files.JSON_NAME))
    assert [one["image"] for one in records if one["error"]] == ["no.png"]
    taken = [one for one in records if not one["error"]]
    assert [
        [one["alt_text"], "yes" if one["reviewed"] else "no", one["warning"], one["image"]] for one in taken
    ] == shown
    assert archive.read("reviewed/me.txt").decode() == f"{shown[0][0]}\n"
    assert archive.read("not-reviewed/me (2).txt").decode() == f"{OWN}!\n"
    table_file = saved(page, page.get_by_role("button", name=batch_texts.SAVE)).decode("utf-8-sig")
    found = [row for row in csv.DictReader(io.StringIO(table_file)) if not row["error"]]
    assert [[row[name] for name in ("alt_text", "reviewed", "warning", "image")] for row in found] == shown
    model = Captioner(served)
    captions = [model.caption(data).best.text for name, data in pictures if name != "no.png"]
    assert [row["caption"] for row in found] == captions
    assert needs_no_scrolling(page)
    page.get_by_role("button", name=batch_texts.CLOSE).click()
    page.get_by_role("button", name=batch_texts.REOPEN).click()
    expect(second).to_have_value(f"{OWN}!")


@at_both_widths
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
    wait_until_idle(page)  # until the box is open
    link = copied(page, link_button(page, texts.COPY_LINK))
    page.get_by_role("button", name=texts.BACK_TO_DEFAULT).click()
    expect(page.get_by_text(texts.RANDOM_VERSION, exact=True)).to_have_count(0)
    assert caption_text(page) == caption
    page.goto(link)
    assert caption_text(page) == other
    go_to(page, "Review")
    page.get_by_role("button", name=review_texts.START).click()
    page.wait_for_url("**session=*")
    assert copied(page, link_button(page, review_texts.COPY_LINK)) == page.url
