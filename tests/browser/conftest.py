"""One server and browser for all tests, a new visitor for each, and shared actions."""

from __future__ import annotations

import io
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import (
    Browser,
    FilePayload,
    Locator,
    Page,
    ViewportSize,
    expect,
    sync_playwright,
)

from captioner.app.components.image_picker import LABEL, SHOWN
from captioner.bundle.storage import Bundle

ROOT = Path(__file__).resolve().parents[2]
HEALTH = "_stcore/health"  # a path of the server that is no page of the app
TIMEOUT = 60  # seconds, on a machine that does other things, too
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WIDE, NARROW = ViewportSize(width=1280, height=800), ViewportSize(width=390, height=844)
at_both_widths = pytest.mark.parametrize("open_page", [WIDE, NARROW], ids=["wide", "narrow"], indirect=True)
on_a_phone = pytest.mark.parametrize("open_page", [NARROW], ids=["narrow"], indirect=True)
expect.set_options(timeout=TIMEOUT * 1000)

Open = Callable[..., Page]


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of a Chromium; without one the tests are skipped, unless that is forbidden."""
    names = ("chromium", "chromium-browser", "google-chrome")
    result = next(filter(None, map(shutil.which, names)), None)
    if result:
        return result
    reason = f"no browser: none of {', '.join(names)} is installed"
    if os.environ.get("CAPTIONER_REQUIRE_BROWSER") == "1":
        pytest.fail(f"{reason}, and CAPTIONER_REQUIRE_BROWSER is set")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def served(committed: Bundle) -> Bundle:
    """The bundle that the server runs."""
    return committed


@pytest.fixture(scope="session")
def address(
    chromium: str, served: Bundle, kaggle_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The app, at work on a tiny Flickr8k."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {
        "CAPTIONER_BUNDLE": str(served.folder),
        "CAPTIONER_OTHER_BUNDLES": str(tmp_path_factory.mktemp("bundles")),
        "CAPTIONER_FLICKR8K": str(kaggle_folder),
        "CAPTIONER_DATABASE": f"sqlite:///{tmp_path_factory.mktemp('ratings')}/ratings.sqlite",
        "HF_HUB_OFFLINE": "1",
    }
    command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", "--server.headless", "true"]
    flags = ["--server.address", "127.0.0.1", "--server.port", str(port), "--server.fileWatcherType", "none"]
    log = tmp_path_factory.mktemp("server") / "log"
    with log.open("wb") as file:
        server = subprocess.Popen(
            command + flags, cwd=ROOT, env=os.environ | settings, stdout=file, stderr=subprocess.STDOUT
        )
        try:
            _wait(f"http://127.0.0.1:{port}/{HEALTH}", server, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(TIMEOUT)
    assert "reference" not in log.read_text(), f"a page failed: {log.read_text()}"


def _wait(health: str, server: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + TIMEOUT
    while time.monotonic() < until and server.poll() is None:
        try:
            with urllib.request.urlopen(health, timeout=5):
                return
        except (URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    pytest.fail(f"the app did not start: {log.read_text()}")


@pytest.fixture(scope="session")
def unused_pages() -> list[Page]:
    """Pages of earlier tests: Chromium still has the app's scripts there, which take a second otherwise."""
    return []


@pytest.fixture
def open_page(
    browser: Browser, address: str, unused_pages: list[Page], request: pytest.FixtureRequest
) -> Iterator[Open]:
    """Opens a path of the app for a new visitor; wide, unless a test asks for another viewport."""
    viewport: ViewportSize = getattr(request, "param", WIDE)
    used: list[Page] = []

    def open_page(path: str = "") -> Page:
        page = unused_pages.pop() if unused_pages else browser.new_context().new_page()
        used.append(page)
        page.set_default_timeout(TIMEOUT * 1000)
        page.set_viewport_size(viewport)
        page.goto(f"{address}/{path}")
        return page

    yield open_page
    for page in used:
        page.goto(f"{address}/{HEALTH}")  # leaves the app, and nothing there writes into the storage
        page.evaluate("localStorage.clear(); sessionStorage.clear()")
        page.context.clear_cookies()
        unused_pages.append(page)


def photo(seed: int = 1) -> bytes:
    """A drawn picture, much like grass below a sky."""
    noise = np.random.default_rng(seed).integers(0, 40, (120, 160, 3), dtype=np.uint8)
    ground = np.where(np.arange(120)[:, None, None] > 60, (60, 140, 50), (120, 170, 210)).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(ground + noise).save(file, "PNG")
    return file.getvalue()


def upload(
    page: Page,
    *data: bytes,
    label: str = LABEL,
    name: str = "mine.png",
    names: Sequence[str] = (),
    readable: bool = True,
) -> None:
    """Upload files; where they are pictures for the picker, until the last one is open."""
    expect(page.get_by_text(label)).to_be_attached()
    named = zip(names or [name] * len(data), data, strict=True)
    files: list[FilePayload] = [{"name": one, "mimeType": "image/png", "buffer": file} for one, file in named]
    page.locator("input[type=file]").first.set_input_files(files)
    if label == LABEL and readable:
        expect(page.get_by_text(SHOWN.format(name))).to_be_visible()


def pick_example(page: Page, number: int = 2) -> None:
    """Open an example; the first one is open when a page opens."""
    page.get_by_role("button", name=f"Example {number}:").click()
    page.wait_for_url("**example=*")
    wait_until_idle(page)


def go_to(page: Page, name: str) -> None:
    """Follow a link of the navigation, which a phone keeps behind a button."""
    wait_until_idle(page)
    menu = page.get_by_test_id("stExpandSidebarButton")
    if menu.is_visible():
        menu.click()
    page.get_by_role("link", name=name).click()


def wait_until_idle(page: Page) -> None:
    """Wait until the server is done and the charts are drawn, and no further run follows at once.

    A run that ends may have the browser ask for the next, for example by folding a box.
    """
    page.wait_for_function(
        """() => {
        const idle = document.querySelector('[data-testid=stApp][data-test-script-state=notRunning]')
            && [...document.querySelectorAll('[data-testid=stVegaLiteChart]')]
               .every(chart => !chart.checkVisibility() || chart.querySelector('svg.marks'))
        window.idleFrames = idle ? (window.idleFrames ?? 0) + 1 : 0
        return window.idleFrames >= 20 && !(window.idleFrames = 0)
        }"""
    )


def caption_text(page: Page) -> str:
    """The caption, once all of the page is there, and that of the picture before is gone.

    The sentence comes before what stands below it, and a click on what is being drawn anew may be lost.
    """
    wait_until_idle(page)
    expect(page.locator(".sentence")).to_have_count(1)
    expect(word(page, 0)).to_be_visible()
    return page.locator(".sentence").inner_text()


def word(page: Page, number: int) -> Locator:
    """A word of the sentence that stands with the picture."""
    return page.get_by_role("toolbar", name="The words of the sentence").get_by_role("button").nth(number)


def needs_no_scrolling(page: Page) -> bool:
    """Whether nothing has to be scrolled sideways at either width, once all is drawn."""
    its_own_last = [NARROW, WIDE] if page.viewport_size == WIDE else [WIDE, NARROW]
    return all(_fits(page, viewport) for viewport in its_own_last)


def _fits(page: Page, viewport: ViewportSize) -> bool:
    page.set_viewport_size(viewport)
    wait_until_idle(page)
    # The document never grows: Streamlit cuts it off, and lets its main part scroll.
    return bool(page.get_by_test_id("stMain").evaluate("main => main.scrollWidth <= main.clientWidth"))
