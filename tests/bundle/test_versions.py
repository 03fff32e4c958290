"""Versions of a bundle side by side, one of them active: complete at every moment, whatever is killed."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from captioner.bundle import hub, storage, versions
from captioner.bundle.storage import Bundle
from captioner.errors import BundleError, HubError
from tests import tiny
from tests.fake_hub import FakeHub

REPO = "someone/captioner"
ROOT = Path(__file__).resolve().parents[2]


def write(folder: Path, recipe: str) -> Bundle:
    return storage.write(
        folder, {**tiny.required_files(tiny.config(recipe=recipe)), "README.md": "# A card\n"}
    )


def add(store: Path, recipe: str, commit: str) -> Bundle:
    source = write(store.with_name("source"), recipe).folder
    with versions.staging(store / ".tmp-pull") as files:
        shutil.copytree(source, files, dirs_exist_ok=True)
        return versions.add(store, REPO, commit * 40, files)


def current(store: Path) -> str:
    version = versions.current(store)
    assert version is not None
    return versions.load(store, version).config.recipe


def test_the_newest_counts_and_the_one_before_it_stays(tmp_path: Path) -> None:
    store = tmp_path / "store"
    assert versions.current(store) is None
    added = [add(store, recipe, commit) for recipe, commit in (("one", "1"), ("two", "2"), ("three", "3"))]
    assert current(store) == "three"
    assert [bundle.folder.exists() for bundle in added] == [False, True, True]
    assert not (store / ".tmp-pull").exists()


KILLED = """
import json, os, shutil, signal, sys
from pathlib import Path
from captioner.bundle import manifest, storage, versions

def dying(original):
    def call(*arguments, **options):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*arguments, **options)
    return call

for place, name in ((manifest, "sync"), (Path, "rename"), (Path, "replace"), (shutil, "rmtree")):
    setattr(place, name, dying(getattr(place, name)))
for line in sys.stdin:
    left, store, newest = json.loads(line)
    child = os.fork()
    if not child:
        with versions.staging(Path(store) / ".tmp-pull") as files:
            shutil.copytree(newest, files, dirs_exist_ok=True)
            versions.add(Path(store), "someone/captioner", "3" * 40, files)
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@pytest.fixture
def add_and_die() -> Iterator[Callable[[int, Path, Path], int]]:
    """Adds a version in a process that dies at its nth step; returns how that ended."""
    command = [sys.executable, "-c", KILLED]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:  # of one process a step, so that the imports are made once

        def add_and_die(step: int, store: Path, newest: Path) -> int:
            assert parent.stdin
            assert parent.stdout
            print(json.dumps([step, str(store), str(newest)]), file=parent.stdin, flush=True)
            return int(parent.stdout.readline())

        yield add_and_die


def test_whenever_it_is_killed_the_old_version_or_the_new_one_is_whole(
    tmp_path: Path, add_and_die: Callable[[int, Path, Path], int]
) -> None:
    newest = write(tmp_path / "newest", "three").folder
    seen = []
    for point in range(1, 100):
        store = tmp_path / f"store{point}"
        add(store, "one", "1")
        add(store, "two", "2")
        code = add_and_die(point, store, newest)
        seen.append(current(store))
        add(store, "four", "4")  # nothing that is left stands in the way, nor does it stay
        assert current(store) == "four"
        assert len([path for path in store.iterdir() if path.is_dir()]) == 2
        if code == 0:
            break
        assert code == -signal.SIGKILL
    assert seen == sorted(seen, key=["two", "three"].index)
    assert set(seen) == {"two", "three"}


@pytest.mark.parametrize("text", ["", "{}", "[1]", "not JSON", '{"repo": 1}', "[" * 100_000])
def test_an_unreadable_pointer_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / versions.POINTER).write_text(text)
    assert versions.current(tmp_path) is None


def test_a_pointer_leads_nowhere_else(tmp_path: Path) -> None:
    added = add(tmp_path / "store", "one", "1")
    pointer = tmp_path / "store" / versions.POINTER
    pointer.write_text(pointer.read_text().replace(added.folder.name, "../source"))
    assert versions.current(tmp_path / "store") is None


def test_another_bundle_than_the_one_added_is_refused(tmp_path: Path) -> None:
    added = add(tmp_path / "store", "one", "1")
    version = versions.current(tmp_path / "store")
    assert version is not None
    write(added.folder, "another")
    with pytest.raises(BundleError, match="another bundle"):
        versions.load(tmp_path / "store", version)


def test_one_process_at_a_time_fetches_into_a_store(tmp_path: Path) -> None:
    refused = []

    def second() -> None:
        try:
            add(tmp_path / "store", "one", "1")
        except HubError as error:
            refused.append(str(error))

    with versions.staging(tmp_path / "store" / ".tmp-pull"):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join()
    assert "another process" in refused[0]


def test_a_commit_that_does_not_run_is_tested_again_after_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    versions.reject(tmp_path, REPO, "1" * 40, "it does not run.")
    assert versions.rejection(tmp_path, REPO, "1" * 40) == "it does not run."
    assert versions.rejection(tmp_path, REPO, "2" * 40) is None
    monkeypatch.setattr(versions, "RETRY_AFTER", -1.0)
    assert versions.rejection(tmp_path, REPO, "1" * 40) is None


def test_a_version_that_is_here_is_not_fetched_again_unless_it_is_damaged(
    server: FakeHub, tmp_path: Path
) -> None:
    hub.push(write(tmp_path / "trained", "one").folder, REPO)
    first = hub.update(REPO, None, tmp_path / "store", lambda _: None)
    server.requests.clear()
    assert hub.update(REPO, None, tmp_path / "store", lambda _: None) == first
    assert not any("resolve" in request for request in server.requests)
    first.model_path.write_bytes(b"")
    again = hub.update(REPO, None, tmp_path / "store", lambda _: None)
    assert (again.checksum, current(tmp_path / "store")) == (first.checksum, "one")


def test_what_a_killed_pull_left_is_removed_by_the_next(server: FakeHub, tmp_path: Path) -> None:
    hub.push(write(tmp_path / "trained", "one").folder, REPO)
    left = tmp_path / "pulled.tmp-pull" / "files" / "captioner.tflite"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half of it")
    hub.pull(REPO, None, tmp_path / "pulled")
    assert sorted(path.name for path in tmp_path.glob("pulled*")) == ["pulled"]
