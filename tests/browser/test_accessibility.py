"""axe-core finds no serious fault of ours on any page, in both themes and at both widths."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Page, expect

from captioner.app.components.decoding_controls import SAMPLING
from tests.browser.conftest import NARROW, ROOT, TIMEOUT, WIDE, caption_text, photo, upload, wait_until_idle

pytestmark = pytest.mark.browser
# The page that opens first has no path.
ROUTER = (ROOT / "streamlit_app.py").read_text(encoding="utf-8")
PATHS = ["", *re.findall(r'^    \(\w+, "(\w+)", ', ROUTER, re.MULTILINE)[1:]]
THEMES: tuple[Theme, ...] = ("light", "dark")
SEVERE = ("serious", "critical")
MIN_CONTRAST = 4.5  # contrast of text, WCAG 2.2 AA
LOW_CONTRAST = "pale text in a chart"  # axe-core takes the text of a drawing for as dark as that around it
SOURCE = "https://github.com/streamlit/streamlit/blob"

Theme = Literal["light", "dark"]


@dataclass(frozen=True)
class KnownIssue:
    """What is Streamlit's own and cannot be helped from here."""

    rule: str
    selector: str
    source: str  # its markup, or the report


ISSUES = (
    KnownIssue(  # only a table of a fixed size gets focus, but one too wide for a phone scrolls, too
        "scrollable-region-focusable",
        "[data-testid=stTable] > div",
        f"{SOURCE}/239850353e22a7dea5a8ac4c149b1dd494a398bf"
        "/frontend/lib/src/components/elements/Table/Table.tsx#L152-L164",
    ),
    KnownIssue(  # code in Markdown cannot be told to wrap its lines
        "scrollable-region-focusable",
        "[data-testid=stCode] > pre",
        f"{SOURCE}/05556c5aac94b523a0d4a31ba830f4cbd927eb82"
        "/frontend/lib/src/components/elements/CodeBlock/StreamlitSyntaxHighlighter.tsx#L122",
    ),
)


@dataclass(frozen=True)
class Fault:
    """A rule that an element breaks, and how it would be known."""

    rule: str
    where: str
    element: str
    known: tuple[bool, ...] = ()  # for each of KNOWN


Scan = Callable[[str, Theme], tuple[Fault, ...]]


def caption(page: Page) -> Iterator[str]:
    sample = page.get_by_role("button", name="Use picture 1", exact=True)
    expect(sample).to_be_visible()
    yield "before a picture"
    sample.click()
    caption_text(page)
    page.get_by_role("radiogroup").first.get_by_role("radio").nth(1).click()
    page.get_by_role("radiogroup").nth(1).get_by_role("radio", checked=False).first.click()
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    unfold(page)
    yield "another word chosen"
    page.get_by_role("tab", name="Table").click()
    page.get_by_text(SAMPLING).click()
    expect(page.get_by_role("heading", name="Other random versions")).to_be_visible()
    yield "words drawn"


def batch(page: Page) -> Iterator[str]:
    upload(page, photo(1), b"not a picture", label="Upload photographs")
    start = page.get_by_role("button", name="Caption 2 pictures")
    expect(start).to_be_visible()
    yield "files chosen"
    start.click()
    expect(page.get_by_test_id("stDataFrame")).to_be_visible()
    unfold(page)
    yield "with its table"


def compare(page: Page) -> Iterator[str]:
    page.get_by_role("button", name="Use picture 1", exact=True).click()
    expect(page.get_by_role("heading", name="What differs")).to_be_visible()
    unfold(page)
    yield "two answers"


def explore(page: Page) -> Iterator[str]:
    expect(page.get_by_role("heading", name="Words it never says")).to_be_visible()
    unfold(page)
    yield "with its charts"
    page.get_by_label("Search its sentences").fill("zzz")
    expect(page.get_by_text("never learned that word")).to_be_visible()
    yield "nothing found"


def review(page: Page) -> Iterator[str]:
    start = page.get_by_role("button", name="Start")
    expect(start).to_be_visible()
    unfold(page)
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
    unfold(page)
    yield "in a review session"


def plain(page: Page) -> Iterator[str]:
    """A page that asks for nothing."""
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    unfold(page)
    yield "as it opens"


STATES: dict[str, Callable[[Page], Iterator[str]]] = {
    "": caption,
    "batch": batch,
    "compare": compare,
    "explore": explore,
    "review": review,
}


def unfold(page: Page) -> None:
    """Open every box, so that nothing in it goes unseen."""
    wait_until_idle(page)
    closed = page.locator("details:not([open])")
    for _ in range(5):  # a click while the page is drawn anew may be lost
        for box in page.locator("details").all():
            if box.get_attribute("open") is None:
                box.locator("> summary").click()
        wait_until_idle(page)
        if not closed.count():
            break
    expect(closed).to_have_count(0)


@pytest.fixture(scope="module")
def scan(browser: Browser, address: str) -> Scan:
    """Grave faults of a page in a theme; each is opened once, and made narrow for the other width."""

    @functools.cache
    def scan(path: str, theme: Theme) -> tuple[Fault, ...]:
        with browser.new_context(viewport=WIDE, color_scheme=theme, reduced_motion="reduce") as context:
            page = context.new_page()
            page.set_default_timeout(TIMEOUT * 1000)
            page.goto(f"{address}/{path}")
            result: list[Fault] = []
            for state in STATES.get(path, plain)(page):
                for width in (NARROW, WIDE):
                    page.set_viewport_size(width)
                    page.mouse.move(0, 0)
                    wait_until_idle(page)
                    result += faults(page, f"/{path}, {state}, {theme}, {width['width']} px")
            return tuple(result)

    return scan


def faults(page: Page, where: str) -> list[Fault]:
    """What axe-core finds serious or critical in the page as it is, and what is pale in its charts."""
    selectors = [known.selector for known in ISSUES]
    response = Axe().run(page, options={"resultTypes": ["violations"]}).response
    broken = [rule for rule in response["violations"] if rule["impact"] in SEVERE]
    return [
        Fault(
            rule["id"],
            where,
            node["html"],
            tuple(page.eval_on_selector(node["target"][0], MATCHED, selectors)),
        )
        for rule in broken
        for node in rule["nodes"]
    ] + [Fault(LOW_CONTRAST, where, text) for text in low_contrast_text(page)]


MATCHED = "(element, selectors) => selectors.map(selector => element.matches(selector))"
COLOURS = """() => [...document.querySelectorAll('svg.marks text')]
    .filter(text => text.textContent.trim() && text.checkVisibility())
    .map(text => [text, getComputedStyle(text)])
    .map(([text, style]) => [text.textContent, style.fill, style.opacity * style.fillOpacity])"""
BACKGROUND = (
    "() => getComputedStyle(document.querySelector('[data-testid=stApp]') ?? document.body).backgroundColor"
)


def low_contrast_text(page: Page) -> list[str]:
    """Text of charts that has too little contrast with the page."""
    background = channels(page.evaluate(BACKGROUND))
    colours = {(text, tuple(channels(fill)), opacity) for text, fill, opacity in page.evaluate(COLOURS)}
    return sorted(
        f"“{text}”: {contrast(mixed, background):.1f}"
        for text, ink, opacity in colours
        for mixed in [
            [opacity * over + (1 - opacity) * under for over, under in zip(ink, background, strict=True)]
        ]
        if contrast(mixed, background) < MIN_CONTRAST
    )


def channels(colour: str) -> list[float]:
    """Red, green and blue, from 0 to 1, of ``rgb(…)``."""
    return [int(value) / 255 for value in re.findall(r"\d+", colour)[:3]]


def contrast(one: list[float], other: list[float]) -> float:
    """Contrast ratio after WCAG 2.2."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: list[float]) -> float:
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in colour]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_every_page_is_scanned() -> None:
    assert len(PATHS) == len(list((ROOT / "captioner" / "app").glob("*/page.py")))


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("path", PATHS)
def test_nothing_serious_is_ours(scan: Scan, path: str, theme: Theme) -> None:
    ours = [
        f"{fault.rule} ({fault.where}): {fault.element}" for fault in scan(path, theme) if not is_known(fault)
    ]
    assert ours == []


def is_known(fault: Fault) -> bool:
    return any(known.rule == fault.rule and hit for known, hit in zip(ISSUES, fault.known, strict=False))


def test_what_is_known_of_streamlit_still_occurs(scan: Scan) -> None:
    result = [fault for path in PATHS for theme in THEMES for fault in scan(path, theme)]
    gone = [
        known
        for index, known in enumerate(ISSUES)
        if not any(fault.rule == known.rule and fault.known[index] for fault in result if fault.known)
    ]
    assert gone == [], "take these off the list"


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ("<img src='data:,'>", "image-alt"),
        ("<p style='color: #999'>pale</p>", "color-contrast"),
        ("<svg class='marks'><text y='20' fill='#999'>pale</text></svg>", LOW_CONTRAST),
        ("<div data-testid='stTable'><button></button></div>", "button-name"),
    ],
)
def test_a_planted_fault_is_found(browser: Browser, body: str, rule: str) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        head = "<html lang='en'><title>A page</title><body style='background: white'>"
        page.set_content(f"{head}<main><h1>Title</h1>{body}</main>")
        result = faults(page, "a page")
        assert rule in {fault.rule for fault in result}
        assert not any(map(is_known, result))
