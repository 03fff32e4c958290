"""Fetches newer bundles and example pictures from the Hub in the background.

A fetch is a separate process, such as ``python -m captioner pull … --store``: a Hub that hangs, is slow
or never stops sending takes neither a visitor's time nor the app's memory. A bundle is tested there, too.
"""

from __future__ import annotations

import atexit
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Self

import streamlit as st

from captioner.bundle import versions
from captioner.child_process import ROOT

RETRY_INTERVAL = (
    25.0  # seconds between two looks at whether a fetch is due; a bundle's is, if the last failed
)
REFRESH_INTERVAL = (
    300.0  # seconds until the next fetch of a bundle that is there, or of examples after a failure
)
BUNDLE_TIMEOUT = 900.0  # seconds for a whole bundle
EXAMPLES_TIMEOUT = 60.0
ERROR_PREFIX = "python -m captioner: "  # of error sentences on the command line

log = logging.getLogger(__name__)

_FETCHING = threading.Lock()  # one fetch at a time: two processes and the app would not fit into 400 MB


class Fetcher:
    """Runs a command that fetches something, in a separate process, until it has worked or is stopped.

    ``error`` says why the last fetch failed: a sentence, empty after one that worked, None before the first
    has ended.
    """

    timeout = EXAMPLES_TIMEOUT  # seconds

    def __init__(self, *arguments: str) -> None:
        self.error: str | None = None
        self._command = [sys.executable, "-m", "captioner.child_process", *arguments]
        self._child: subprocess.Popen[str] | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=arguments[0], daemon=True)

    def start(self) -> Self:
        self._thread.start()
        atexit.register(self.stop)
        return self

    def stop(self) -> None:
        """End the thread, and with it the process that fetches."""
        self._stopping.set()
        if child := self._child:
            _kill(child)
        self._thread.join()
        atexit.unregister(self.stop)

    def is_due(self, seconds: float) -> bool:
        """Whether to fetch (again), so many seconds after the last time."""
        return self.error is None or (self.error != "" and seconds >= REFRESH_INTERVAL)

    def fetch(self) -> str:
        """Fetch once. Returns an empty text if it worked, else a sentence that says why not."""
        reading, writing = os.pipe()  # the child ends when nobody holds this end any more
        try:
            return self._wait(self._start(reading))
        except OSError as error:
            return f"no process could be started to fetch it ({error.strerror or error})."
        except subprocess.TimeoutExpired:
            return f"the fetch had not ended after {self.timeout:g} seconds."
        finally:
            os.close(writing)

    def _start(self, standard_input: int) -> subprocess.Popen[str]:
        try:
            self._child = subprocess.Popen(
                self._command,
                cwd=ROOT,
                stdin=standard_input,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                start_new_session=True,  # so that it can be ended with the process that tries the bundle
            )
        finally:
            os.close(standard_input)
        return self._child

    def _wait(self, child: subprocess.Popen[str]) -> str:
        if self._stopping.is_set():  # while it was being started
            _kill(child)
        try:
            errors = child.communicate(timeout=self.timeout)[1]
        finally:
            _kill(child)
        return self._outcome(child.returncode, errors)

    def _run(self) -> None:
        last_fetch = 0.0
        while not self._stopping.is_set():
            if not self.is_due(time.monotonic() - last_fetch):
                self._stopping.wait(RETRY_INTERVAL)
            elif _FETCHING.acquire(timeout=0.2):  # not for ever: ``stop`` waits for this thread
                try:
                    self.error = self.fetch()
                finally:
                    _FETCHING.release()
                last_fetch = time.monotonic()
                self._stopping.wait(RETRY_INTERVAL)

    def _outcome(self, code: int, errors: str) -> str:
        if code == 0:
            return ""
        log.warning("%s ended with exit code %d: %s", self._command, code, errors.strip())
        _, prefix, sentence = errors.rpartition(ERROR_PREFIX)
        return sentence.strip() if prefix else "the fetch failed; the server's log says how."


class BundleFetcher(Fetcher):
    """Fetches the bundle of a repository into a store; a commit that is there is not asked for again."""

    timeout = BUNDLE_TIMEOUT

    def __init__(self, repo: str, revision: str, store: Path) -> None:
        options = [f"--revision={revision}"] if revision else []
        super().__init__("captioner", "pull", repo, *options, "--store", str(store))
        self.repo, self.revision, self.store = repo, revision, store

    def is_due(self, seconds: float) -> bool:
        """At once when what was fetched has been deleted."""
        version = versions.current(self.store)
        if self.error != "" or not version or not (self.store / version.folder).exists():
            return True
        return version.commit != self.revision and seconds >= REFRESH_INTERVAL


def examples_status() -> str:
    """Why there are no example pictures from the Hub, a sentence; the first call starts to fetch them."""
    error = _examples_fetcher().error
    return f"The download from the Hub failed: {error.rstrip('.')}." if error else ""


@st.cache_resource(show_spinner=False, on_release=Fetcher.stop)
def _examples_fetcher() -> Fetcher:
    return Fetcher("captioner.data.examples").start()


def bundle_status(repo: str, revision: str, store: Path) -> str:
    """The result of the last fetch, a sentence; the first call starts to fetch, without waiting."""
    fetcher = _bundle_fetcher(repo, revision, store)
    if fetcher.error is None:
        return "The Hub is being checked for it."
    if fetcher.error:
        error = fetcher.error.rstrip(".")
        return f"The download from the Hub failed: {error}. It is retried every {RETRY_INTERVAL:g} seconds."
    return f"The Hub is checked for a newer one every {REFRESH_INTERVAL / 60:g} minutes."


@st.cache_resource(show_spinner=False, max_entries=1, on_release=BundleFetcher.stop)
def _bundle_fetcher(repo: str, revision: str, store: Path) -> BundleFetcher:
    return BundleFetcher(repo, revision, store).start()


def _kill(child: subprocess.Popen[str]) -> None:
    with suppress(OSError):  # it has just ended
        if child.poll() is None and os.name == "posix":
            os.killpg(child.pid, signal.SIGKILL)
        else:
            child.kill()
    child.wait()
