"""A server and a browser for the whole session, a fresh page for every test."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.error import URLError

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, sync_playwright

from captioner.bundle import Bundle

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60  # seconds, on a machine that does other things, too
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

Open = Callable[..., Page]


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of a Chromium; without one the tests are skipped, unless that is forbidden."""
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next(filter(None, map(shutil.which, names)), None)
    if found:
        return found
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
def address(
    chromium: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The app, served with the committed bundle, or a tiny one where none is committed yet."""
    committed = ROOT / "artifacts"
    bundle: Bundle | None = None if committed.is_dir() else request.getfixturevalue("tiny_bundle")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {
        "CAPTIONER_BUNDLE": str(bundle.folder if bundle else committed),
        "CAPTIONER_FLICKR8K": str(request.getfixturevalue("kaggle_folder")),
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
            _wait(f"http://127.0.0.1:{port}/_stcore/health", server, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(PATIENCE)
    assert "reference" not in log.read_text(), f"a page failed: {log.read_text()}"


def _wait(health: str, server: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and server.poll() is None:
        try:
            with urllib.request.urlopen(health, timeout=5):
                return
        except (URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    pytest.fail(f"the app did not start: {log.read_text()}")


@pytest.fixture
def open_page(browser: Browser, address: str, request: pytest.FixtureRequest) -> Iterator[Open]:
    """Opens a path of the app for a new visitor; wide, unless a test asks for another viewport."""
    viewport: ViewportSize = getattr(request, "param", WIDE)
    contexts: list[BrowserContext] = []

    def open_page(path: str = "") -> Page:
        contexts.append(browser.new_context(viewport=viewport))
        page = contexts[-1].new_page()
        page.set_default_timeout(PATIENCE * 1000)
        page.goto(f"{address}/{path}")
        return page

    yield open_page
    for context in contexts:
        context.close()
