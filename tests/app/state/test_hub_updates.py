"""A failing Hub blocks nobody: the app goes on with a good bundle, and takes the new one later."""

from __future__ import annotations

import re
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit as st

from captioner.app.state import hub_updates, serving
from captioner.app.state.hub_updates import BundleFetcher, Fetcher
from captioner.bundle import download, hub, storage
from captioner.bundle.storage import Bundle
from captioner.data import examples
from captioner.errors import HubError
from tests import hub_faults as faults
from tests import tiny
from tests.fake_hub import FakeHub
from tests.hub_faults import Fault

REPO = "someone/captioner"
TIMEOUT = 60.0  # seconds; a test that needs them has failed
SLOW = 0.1  # seconds of patience with a Hub that does not answer

ANYWHERE: dict[str, tuple[Fault, str]] = {
    "401": (faults.error_code("GatedRepo", 401), "gated"),
    "403": (faults.status(403), r"\(403\)"),
    "404": (faults.status(404), "404"),
    "409": (faults.status(409), "answered 409"),
    "429": (faults.status(429, **{"Retry-After": "3600"}), "answered 429"),
    "503": (faults.status(503, **{"Retry-After": "3600"}), "answered 503"),
    "500": (faults.status(500), "answered 500"),
    "hang": (faults.hang, "too slowly"),
    "hang in the body": (faults.hang_in_body, "too slowly"),
    "drip": (faults.slow_body, "too slowly"),
    "drip in the head": (faults.slow_headers, "too slowly"),
    "cut off": (faults.truncated, "broke off"),
    "redirect loop": (faults.redirect_loop, "redirects in a loop"),
    "longer than declared": (faults.too_long, "longer than"),
    "login page": (faults.login_page, "not the Hugging Face Hub|not proper JSON|longer than"),
    "altered": (faults.altered, "not the Hugging Face Hub|not proper JSON|altered"),
    "empty object": (faults.empty_object, "not the Hugging Face Hub|was edited|has 2 bytes|format"),
}
PLACES = {"info": "GET /api/models/", "manifest": "GET .*manifest.json", "file": "GET .*captioner.tflite"}
FAULTS = [(place, name) for place in PLACES for name in ANYWHERE] + [("manifest", "names outside")]
ANYWHERE["names outside"] = (faults.path_traversal, "is no file of a bundle")


def write(folder: Path, recipe: str) -> Bundle:
    """A bundle whose model is any bytes: nothing here captions a picture."""
    return storage.write(
        folder, {**tiny.required_files(tiny.config(recipe=recipe)), "README.md": "# A card\n"}
    )


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


class Gate:
    """Stands in for the process that fetches: it asks the Hub when let, in the fetcher's own thread."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.ended = 0

    def fetch(self, fetcher: BundleFetcher) -> str:
        self.opened.wait(TIMEOUT)
        try:
            hub.update(fetcher.repo, fetcher.revision or None, fetcher.store, lambda _: None)
            return ""
        except HubError as error:
            return str(error)
        finally:
            self.ended += 1


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The app's folders, with a committed bundle in them; whatever a model is, it runs."""
    st.cache_resource.clear()
    monkeypatch.delenv("CAPTIONER_BUNDLE", raising=False)
    monkeypatch.setenv("CAPTIONER_REPO", REPO)
    monkeypatch.setattr(serving, "HUB_STORE", tmp_path / "bundles" / "pulled")
    monkeypatch.setattr(serving, "COMMITTED", write(tmp_path / "artifacts", "committed").folder)
    monkeypatch.setattr(serving, "_captioner", lambda bundle: None)
    monkeypatch.setattr(hub_updates, "RETRY_INTERVAL", 0.01)
    monkeypatch.setattr(hub_updates, "REFRESH_INTERVAL", 0.01)
    yield tmp_path
    st.cache_resource.clear()


@pytest.fixture
def gate(app: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    gate = Gate()
    monkeypatch.setattr(BundleFetcher, "fetch", lambda fetcher: gate.fetch(fetcher))
    yield gate
    gate.opened.set()
    st.cache_resource.clear()


def recipe() -> str:
    return serving.active_bundle().bundle.config.recipe


def push(app: Path, server: FakeHub, recipe: str) -> None:
    hub.push(write(app / "trained", recipe).folder, REPO)


@pytest.mark.parametrize(("place", "name"), FAULTS)
def test_a_failing_hub_is_reported_and_blocks_nobody(
    server: FakeHub, app: Path, gate: Gate, monkeypatch: pytest.MonkeyPatch, place: str, name: str
) -> None:
    fault, sentence = ANYWHERE[name]
    for good, newer in (("committed", "first"), ("first", "second")):
        gate.opened.clear()
        push(app, server, newer)
        server.failing, server.fault = PLACES[place], fault
        if "slow" in sentence:
            monkeypatch.setattr(download, "TIMEOUT", SLOW)
        assert recipe() == good  # though nobody has asked the Hub yet
        ended = gate.ended
        gate.opened.set()
        until(lambda before=ended: gate.ended > before + 1)  # type: ignore[misc]
        why = serving.active_bundle().reason
        assert recipe() == good
        assert REPO in serving.active_bundle().source or "came with the app" in why
        assert re.search(sentence, why), why

        server.failing = "nothing"
        monkeypatch.setattr(download, "TIMEOUT", TIMEOUT)
        until(lambda newer=newer: recipe() == newer)  # type: ignore[misc]


def test_a_refused_connection_is_reported_and_the_hub_used_once_it_is_back(
    server: FakeHub, app: Path, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    push(app, server, "pushed")
    repositories = server.repositories
    server.stop()
    gate.opened.set()
    assert recipe() == "committed"
    until(lambda: "could not be reached" in serving.active_bundle().reason)
    with FakeHub() as back:
        back.repositories = repositories
        monkeypatch.setenv("HF_ENDPOINT", back.url)
        until(lambda: recipe() == "pushed")


def test_a_pinned_commit_that_is_here_is_never_asked_for(
    server: FakeHub, app: Path, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = hub.push(write(app / "trained", "pinned").folder, REPO).commit
    hub.update(REPO, commit, serving.HUB_STORE, lambda _: None)
    monkeypatch.setenv("CAPTIONER_REVISION", commit)
    server.requests.clear()
    gate.opened.set()
    assert recipe() == "pinned"
    assert serving.active_bundle().reason == "CAPTIONER_REPO names it."
    assert (server.requests, gate.ended) == ([], 0)


def test_a_store_deleted_under_the_app_is_filled_again(
    server: FakeHub, app: Path, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_updates, "REFRESH_INTERVAL", TIMEOUT)
    push(app, server, "pushed")
    gate.opened.set()
    until(lambda: "checked for a newer one" in serving.active_bundle().reason)
    assert recipe() == "pushed"
    gate.opened.clear()
    shutil.rmtree(serving.HUB_STORE)
    assert recipe() == "committed"
    gate.opened.set()
    until(lambda: recipe() == "pushed")


def test_the_old_bundle_is_readable_after_a_swap(server: FakeHub, app: Path, gate: Gate) -> None:
    push(app, server, "first")
    gate.opened.set()
    until(lambda: recipe() == "first")
    before = serving.active_bundle().bundle
    push(app, server, "second")
    until(lambda: recipe() == "second")
    assert before.card() == "# A card\n"


def test_the_process_that_fetches_ends_with_the_app(
    server: FakeHub, app: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    push(app, server, "pushed")
    server.failing, server.fault = ".*", faults.hang
    server.requests.clear()
    assert recipe() == "committed"  # by the real process, which has not been answered yet
    fetcher = hub_updates._bundle_fetcher(REPO, "", serving.HUB_STORE)
    until(lambda: server.requests)
    assert fetcher.error is None
    child = fetcher._child
    assert child is not None
    fetcher.stop()
    assert child.returncode == -signal.SIGKILL


def test_the_real_process_downloads_tests_and_reports(server: FakeHub, app: Path) -> None:
    push(app, server, "broken")  # its model is none
    fetcher = BundleFetcher(REPO, "", serving.HUB_STORE)
    assert "was rejected" in (message := fetcher.fetch())
    assert "\n" not in message
    server.requests.clear()
    assert fetcher.fetch() == message  # and it is not fetched again
    assert not any("resolve" in request for request in server.requests)
    assert recipe() == "committed"


def test_examples_are_downloaded_in_the_background(app: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAPTIONER_FLICKR8K", "nowhere")
    monkeypatch.setenv("XDG_CACHE_HOME", str(app))
    hub_answers = threading.Event()

    def fetch(fetcher: Fetcher) -> str:
        if isinstance(fetcher, BundleFetcher):
            return "not now"
        hub_answers.wait(TIMEOUT)
        return "the Hub is away."

    monkeypatch.setattr(Fetcher, "fetch", fetch)
    assert "not here yet" in serving.examples()[1]  # though nobody has asked the Hub yet
    hub_answers.set()
    until(lambda: "failed: the Hub is away." in serving.examples()[1])
    cached = app / "captioner" / "examples" / examples.HUB_REVISION
    cached.mkdir(parents=True)
    (cached / "a.jpg").write_bytes(b"a picture")
    (cached / "captions.json").write_text('{"a.jpg": ["a dog"]}')
    until(lambda: list(serving.examples()[0]) == ["a.jpg"])


class SlowFetcher(Fetcher):
    """Fetches until ``ended`` is set; counts how often it could have begun and how often it has."""

    def __init__(self) -> None:
        super().__init__("nothing")
        self.due, self.begun, self.ended = threading.Semaphore(0), threading.Event(), threading.Event()

    def is_due(self, seconds: float) -> bool:
        self.due.release()
        return super().is_due(seconds)

    def fetch(self) -> str:
        self.begun.set()
        self.ended.wait()
        return ""


def test_one_fetch_waits_for_the_other_and_can_be_stopped_meanwhile() -> None:
    first, second = SlowFetcher().start(), SlowFetcher()
    second.ended.set()
    assert first.begun.wait(TIMEOUT)
    second.start()
    assert second.due.acquire(timeout=TIMEOUT)
    assert second.due.acquire(timeout=TIMEOUT)
    second.stop()
    assert not second.begun.is_set()
    first.ended.set()
    first.stop()
