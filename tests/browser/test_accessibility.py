"""axe-core finds no serious fault of ours on any page, in both themes and at both widths."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import pytest
from axe_playwright_python.base import AXE_SCRIPT  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Page, ViewportSize

from tests.browser.conftest import NARROW, ROOT, TIMEOUT, WIDE, wait_until_idle
from tests.browser.page_states import states

pytestmark = pytest.mark.browser
# The page that opens first has no path.
ROUTER = (ROOT / "streamlit_app.py").read_text(encoding="utf-8")
PATHS = ["", *re.findall(r'^    \(\w+, "(\w+)", ', ROUTER, re.MULTILINE)[1:]]
SEVERE = ("serious", "critical")
MIN_CONTRAST = 4.5  # contrast of text, WCAG 2.2 AA
LOW_CONTRAST = "pale text in a chart"  # axe-core takes the text of a drawing for as dark as that around it
SOURCE = "https://github.com/streamlit/streamlit/blob"
COLOUR_RULES = ("color-contrast", "link-in-text-block")  # all whose result depends on the theme

Theme = Literal["light", "dark"]
# Each state of a page is scanned in these views; the last is that in which it is used.
VIEWS: tuple[tuple[Theme, ViewportSize], ...] = (
    ("light", NARROW),
    ("dark", NARROW),
    ("light", WIDE),
)
# Its first state in this one, too: what only a wide page shows, the navigation, is the same in all of them.
FIRST_VIEW: tuple[Theme, ViewportSize] = ("dark", WIDE)


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


Scan = Callable[[str], tuple[Fault, ...]]


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    """One for all tests here, which go from address to address in it."""
    with browser.new_context(viewport=WIDE, color_scheme="light", reduced_motion="reduce") as context:
        page = context.new_page()
        page.set_default_timeout(TIMEOUT * 1000)
        yield page


@pytest.fixture(scope="module")
def scan(page: Page, address: str) -> Scan:
    """Serious faults of a page of the app, which is opened once and then shown in each of the views."""

    @functools.cache
    def scan(path: str) -> tuple[Fault, ...]:
        page.goto(f"{address}/{path}")
        result: list[Fault] = []
        for number, state in enumerate(states(path, page)):
            for theme, viewport in VIEWS if number else (FIRST_VIEW, *VIEWS):
                show(page, theme, viewport)
                rules = COLOUR_RULES if theme == "dark" else ()
                result += faults(page, f"/{path}, {state}, {theme}, {viewport['width']} px", rules)
        return tuple(result)

    return scan


def show(page: Page, theme: Theme, viewport: ViewportSize) -> None:
    page.emulate_media(color_scheme=theme)
    page.set_viewport_size(viewport)
    page.mouse.move(0, 0)
    page.wait_for_function(SHOWS_THEME, arg=theme)
    wait_until_idle(page)


def faults(page: Page, where: str, rules: Sequence[str] = ()) -> list[Fault]:
    """What axe-core finds serious or critical in the page as it is, and what is pale in its charts.

    Args:
        rules: the only ones of axe-core's to apply; without any, all are.
    """
    selectors = [known.selector for known in ISSUES]
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    options = {"resultTypes": ["violations"]} | ({"runOnly": list(rules)} if rules else {})
    violations = page.evaluate("options => axe.run(options).then(result => result.violations)", options)
    broken = [rule for rule in violations if rule["impact"] in SEVERE]
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
SHOWS_THEME = "theme => getComputedStyle(document.querySelector('[data-testid=stApp]')).colorScheme === theme"
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


@pytest.mark.parametrize("path", PATHS)
def test_nothing_serious_is_ours(scan: Scan, path: str) -> None:
    ours = [f"{fault.rule} ({fault.where}): {fault.element}" for fault in scan(path) if not is_known(fault)]
    assert ours == []


def is_known(fault: Fault) -> bool:
    return any(known.rule == fault.rule and hit for known, hit in zip(ISSUES, fault.known, strict=False))


def test_what_is_known_of_streamlit_still_occurs(scan: Scan) -> None:
    result = [fault for path in PATHS for fault in scan(path)]
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
        (
            "<p>Longer than its <a href='#' style='color: #111; text-decoration: none'>link</a></p>",
            "link-in-text-block",
        ),
        ("<svg class='marks'><text y='20' fill='#999'>pale</text></svg>", LOW_CONTRAST),
        ("<div data-testid='stTable'><button></button></div>", "button-name"),
    ],
)
def test_a_planted_fault_is_found(page: Page, body: str, rule: str) -> None:
    page.goto("about:blank")
    head = "<html lang='en'><title>A page</title><body style='background: white'>"
    page.set_content(f"{head}<main><h1>Title</h1>{body}</main>")
    result = faults(page, "a page", COLOUR_RULES if rule in COLOUR_RULES else ())
    assert rule in {fault.rule for fault in result}
    assert not any(map(is_known, result))


def test_the_rules_about_colour_are_known(page: Page) -> None:
    page.goto("about:blank")
    page.evaluate(AXE_SCRIPT)
    about_colour = set(page.evaluate("axe.getRules(['cat.color']).map(rule => rule.ruleId)"))
    assert about_colour - {"color-contrast-enhanced"} == set(COLOUR_RULES)  # that one is for level AAA
