"""The caption page and the way between pages, in a real Chromium."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from captioner import images
from captioner.app.components.wording import PRIVACY
from captioner.bundle.storage import Bundle
from captioner.inference.captioner import Captioner
from tests.browser.conftest import (
    HEALTH,
    Open,
    at_both_widths,
    caption_text,
    go_to,
    needs_no_scrolling,
    on_a_phone,
    photo,
    pick_example,
    upload,
    wait_until_idle,
    word,
)

pytestmark = pytest.mark.browser


@on_a_phone
def test_an_uploaded_picture_is_captioned_and_its_words_answer(open_page: Open, served: Bundle) -> None:
    page = open_page()
    expect(page.get_by_text(PRIVACY)).to_be_visible()
    upload(page, photo())
    caption = caption_text(page)
    assert caption == Captioner(served).caption(images.read(photo())).best.text
    expect(page.get_by_role("img", name=caption, exact=True)).to_be_visible()
    word(page, 1).click()
    expect(page.get_by_text("Try another word")).to_be_visible()
    page.get_by_text("Other sentences", exact=True).click()
    expect(page.get_by_text("The model weighed several sentences")).to_be_visible()
    assert needs_no_scrolling(page)


@on_a_phone
def test_an_example_can_be_picked_and_linked_to(open_page: Open) -> None:
    page = open_page()
    pick_example(page)
    caption = caption_text(page)
    expect(page.get_by_text("What people wrote about this picture")).to_be_visible()
    again = open_page(page.url.partition("/?")[2].join(["?", ""]))
    assert caption_text(again) == caption


def test_horizontal_scrolling_is_detected(open_page: Open) -> None:
    page = open_page()
    assert needs_no_scrolling(page)
    page.get_by_role("heading", level=1).evaluate("title => { title.style.width = '200vw' }")
    assert not needs_no_scrolling(page)


def test_an_upload_survives_a_visit_to_another_page(open_page: Open) -> None:
    page = open_page()
    upload(page, photo())
    caption = caption_text(page)
    go_to(page, "About")
    expect(page.get_by_role("heading", name="About", exact=True)).to_be_visible()
    go_to(page, "Caption")
    assert caption_text(page) == caption


def test_one_upload_after_the_other_is_captioned(open_page: Open) -> None:
    page = open_page()
    for seed in range(3):
        upload(page, photo(seed), name=f"{seed}.png")
        caption_text(page)
        # A file that comes while the one before is being answered may be lost: Streamlit's own.
        wait_until_idle(page)


def test_two_visitors_do_not_see_each_others_picture(open_page: Open) -> None:
    first, second = open_page(), open_page()
    upload(first, photo())
    caption_text(first)
    second.reload()
    caption_text(second)
    wait_until_idle(second)
    assert second.get_by_text("Shown:").count() == 0


def test_an_out_of_distribution_picture_gets_a_warning(open_page: Open) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (120, 160, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, "PNG")
    page = open_page()
    upload(page, file.getvalue())
    caption_text(page)
    expect(page.get_by_text("looks unlike the photographs")).to_be_visible()


def test_no_file_name_becomes_a_link(open_page: Open) -> None:
    page = open_page()
    names = ("www.evil.example.png", "me@evil.example.png", "see https://evil.example.png")
    upload(page, *(b"no picture" for _ in names), names=names, readable=False)
    expect(page.get_by_role("alert")).to_contain_text("evil.example.png")
    assert page.locator("a[href*=evil]").count() == 0


@pytest.mark.parametrize(
    ("path", "heading"),
    [
        ("", "What does the model see?"),
        ("?compare=1", "What differs"),
        ("quality", "How good is it?"),
        ("review", "Is it right? You decide"),
        ("how_it_works", "How it learned"),
        ("about", "Who made this?"),
    ],
)
def test_a_page_opens_by_its_address_and_loads_nothing_from_others(
    open_page: Open, address: str, path: str, heading: str
) -> None:
    page = open_page(HEALTH)
    urls: list[str] = []
    page.on("request", lambda request: urls.append(request.url))
    page.goto(f"{address}/{path}")
    expect(page.get_by_role("heading", name=heading).first).to_be_visible()
    assert needs_no_scrolling(page)
    assert page.locator("[data-testid=stAlertContentError], [data-testid=stException]").count() == 0
    urls.append(page.locator("link[rel~=icon]").evaluate("link => link.href"))
    own = (f"{address}/", f"{address.replace('http', 'ws')}/", "data:", "blob:")
    assert "/media/" in urls[-1], "the icon is the app's own"
    assert [url for url in urls if not url.startswith(own)] == []


@on_a_phone
def test_a_file_that_is_no_picture_is_explained(open_page: Open) -> None:
    page = open_page()
    upload(page, b"not a picture", readable=False)
    expect(page.get_by_role("alert").filter(has_text="cannot be read as a picture")).to_be_visible()
    wait_until_idle(page)
    upload(page, photo())
    caption_text(page)


@at_both_widths
def test_the_navigation_leads_everywhere(open_page: Open) -> None:
    page = open_page()
    for name in ("How it works", "About", "Caption"):
        go_to(page, name)
        title = "What does the model see?" if name == "Caption" else name
        expect(page.get_by_role("heading", level=1, name=title)).to_be_visible()
        expect(page).to_have_title(f"{name} – Captioner")
        expect(page.get_by_test_id("stSidebar")).not_to_be_in_viewport()  # a phone's menu is closed again
    wait_until_idle(page)
    page.get_by_role("link", name="See its mistakes").click()
    expect(page.get_by_role("heading", name="Where it goes wrong")).to_be_in_viewport()


def test_an_old_link_leads_to_the_new_page_with_all_that_it_says(open_page: Open, address: str) -> None:
    page = open_page("explore?search=zzz")
    page.wait_for_url("**/quality?search=zzz")
    expect(page.get_by_text("does not know that word")).to_be_visible()
    expect(page).to_have_title("How good is it? – Captioner")
    page.goto(f"{address}/training")
    expect(page.get_by_role("heading", name="How it learned")).to_be_visible()
