"""The real client over HTTP against a fake Hub: what was pushed comes back, failure changes nothing."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from captioner.__main__ import main
from captioner.bundle import download, hub, migration, storage
from captioner.bundle.hub_errors import translated_errors
from captioner.bundle.storage import Bundle
from captioner.errors import BundleError, HubError
from tests import fake_hub, tiny
from tests.bundle.test_migration import old_bundle
from tests.fake_hub import FakeHub
from tests.fake_repository import Repository

REPO = "someone/captioner"
CARD = "---\nlicense: apache-2.0\n---\n"


def write(folder: Path, model: bytes = b"\0weights\xff" * 1000, **others: bytes) -> Bundle:
    """A bundle of which only the Hub's side is looked at, so the model is any bytes."""
    extra = {"README.md": CARD, "history.csv": "epoch,phase\n1,fit\n"}
    examples = {f"examples/{name}.jpg": data for name, data in others.items()}
    return storage.write(folder, {**tiny.required_files(tiny.config(), model), **extra, **examples})


@pytest.fixture
def trained(tmp_path: Path) -> Bundle:
    return write(tmp_path / "artifacts", cat=b"a cat", dog=b"a dog")


def repository(server: FakeHub) -> Repository:
    return server.repositories[f"models/{REPO}"]


def contents(folder: Path) -> dict[str, bytes]:
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def test_what_was_pushed_comes_back(server: FakeHub, tmp_path: Path) -> None:
    sent = write(tmp_path / "artifacts")
    pushed = hub.push(sent.folder, REPO)
    pulled = hub.pull(REPO, pushed.commit, tmp_path / "pulled")
    assert contents(pulled.folder) == contents(sent.folder)
    assert (pulled.checksum, pulled.config) == (sent.checksum, sent.config)


def test_a_push_is_one_commit_of_the_bundle_and_nothing_else(server: FakeHub, trained: Bundle) -> None:
    (trained.folder / "notes.txt").write_text("mine")
    pushed = hub.push(trained.folder, REPO)
    first, second = repository(server).commits
    assert (first.message, second.oid) == ("initial commit", pushed.commit)
    assert set(second.files) - set(first.files) == set(pushed.files)
    assert "notes.txt" not in pushed.files


def test_files_named_by_an_earlier_format_are_removed(server: FakeHub, tmp_path: Path) -> None:
    old = old_bundle(tmp_path / "old")
    old = storage.write(old.folder, {**{n: old.folder / n for n in old.files}, "README.md": CARD}, version=1)
    pushed = hub.push(old.folder, REPO)
    pulled = hub.pull(REPO, None, tmp_path / "pulled")
    assert (pulled.format, pulled.checksum) == (1, old.checksum)

    hub.push(storage.replace(old.folder, {}).folder, REPO)
    there = set(repository(server).commits[-1].files)
    assert migration.FILES.keys() <= set(pushed.files)
    assert not migration.FILES.keys() & there
    assert set(migration.FILES.values()) <= there


def test_examples_are_pushed_only_on_request(server: FakeHub, trained: Bundle, tmp_path: Path) -> None:
    assert not any("examples" in name for name in hub.push(trained.folder, REPO).files)
    assert hub.pull(REPO, None, tmp_path / "without").examples is None

    assert "examples/cat.jpg" in hub.push(trained.folder, REPO, examples=True).files
    assert hub.pull(REPO, None, tmp_path / "with").checksum == trained.checksum
    assert hub.EXAMPLES_NOTICE in repository(server).commits[-1].message

    hub.push(trained.folder, REPO)
    assert not any("examples" in name for name in repository(server).commits[-1].files)


def test_a_dry_run_says_what_a_push_would_send_and_sends_nothing(server: FakeHub, trained: Bundle) -> None:
    dry = hub.push(trained.folder, REPO, dry_run=True)
    assert (server.requests, dry.commit) == ([], "")
    assert dry.files == hub.push(trained.folder, REPO).files


def test_an_unchanged_bundle_makes_no_second_commit(server: FakeHub, trained: Bundle) -> None:
    assert hub.push(trained.folder, REPO).commit == hub.push(trained.folder, REPO).commit


def test_a_damaged_bundle_is_not_pushed(server: FakeHub, trained: Bundle) -> None:
    trained.model_path.write_bytes(b"other weights")
    with pytest.raises(BundleError, match=r"captioner\.tflite"):
        hub.push(trained.folder, REPO)
    assert server.requests == []


def test_a_hub_without_xet_storage_is_named(
    server: FakeHub, trained: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", False)
    with pytest.raises(HubError, match="HF_HUB_DISABLE_XET=1"):
        hub.push(trained.folder, REPO)


def test_a_bundle_without_a_model_card_is_not_pushed(server: FakeHub, tmp_path: Path) -> None:
    storage.write(tmp_path / "bare", tiny.required_files(tiny.config()))
    with pytest.raises(HubError, match="model card"):
        hub.push(tmp_path / "bare", REPO)


def test_a_branch_holds_its_own_bundle(server: FakeHub, tmp_path: Path) -> None:
    main, other = write(tmp_path / "a"), write(tmp_path / "b", b"other weights")
    hub.push(main.folder, REPO)
    hub.push(other.folder, REPO, revision="try/2")
    assert hub.pull(REPO, "try/2", tmp_path / "pulled").checksum == other.checksum
    assert hub.pull(REPO, None, tmp_path / "pulled").checksum == main.checksum


def test_only_the_files_of_a_bundle_are_fetched(server: FakeHub, trained: Bundle, tmp_path: Path) -> None:
    pushed = hub.push(trained.folder, REPO)
    repository(server).commit("more", {"film.mp4": b"0" * 10**6, "../up.txt": b"", "examples/run.sh": b""})
    hub.pull(REPO, None, tmp_path / "pulled")
    assert set(contents(tmp_path / "pulled")) == set(pushed.files)


def test_the_command_line_pushes_and_pulls(
    server: FakeHub, trained: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    quiet = {"HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HOME": str(tmp_path / "home")}
    good, pulled = write(tmp_path / "good", tiny.litert_model("attention"), cat=b"a cat"), tmp_path / "pulled"

    def run(*arguments: str | Path) -> str:
        command = [sys.executable, "-m", "captioner", *map(str, arguments)]
        ended = subprocess.run(command, env=os.environ | quiet, capture_output=True, text=True)
        return ended.stderr if ended.returncode else ended.stdout

    assert "sent to" in run("push", good.folder, REPO, "--examples")
    assert good.checksum[:12] in run("pull", REPO, "--to", pulled)
    assert contents(pulled) == contents(good.folder)
    assert main(["push", str(trained.folder), REPO]) == 0  # whole, but no model that LiteRT runs
    assert "sent to" in capsys.readouterr().out
    assert main(["pull", REPO, "--to", str(pulled)]) == 2
    assert "was rejected" in capsys.readouterr().err
    assert contents(pulled) == contents(good.folder)


class TestFailure:
    """Whatever fails, the bundle that was there still is, and the error is a sentence."""

    @pytest.fixture
    def last_good(self, server: FakeHub, trained: Bundle, tmp_path: Path) -> Iterator[Path]:
        there = server.repository(REPO)
        there.commit("first", {**contents(trained.folder)})
        before = hub.pull(REPO, None, tmp_path / "pulled")
        there.commit("second", {**contents(write(tmp_path / "newer", b"newer weights").folder)})
        yield before.folder
        assert storage.load(before.folder) == before
        assert not list(tmp_path.glob("pulled.*"))

    def test_an_unreachable_hub(self, server: FakeHub, last_good: Path) -> None:
        server.stop()
        with pytest.raises(HubError, match="could not be reached"):
            hub.pull(REPO, None, last_good)
        with pytest.raises(HubError, match="could not be reached"):
            hub.push(last_good, REPO)

    @pytest.mark.parametrize(
        ("failing", "status", "sentence"),
        [
            (".* /api/models", 503, "answered 503"),
            ("GET .*/resolve/.*tflite", 404, r"answered 404 for captioner\.tflite"),
            (".* /api/models", 403, r"refuses this token .*\(403\)"),
        ],
    )
    def test_refused_pull(
        self, server: FakeHub, last_good: Path, failing: str, status: int, sentence: str
    ) -> None:
        server.failing, server.status = failing, status
        with pytest.raises(HubError, match=sentence):
            hub.pull(REPO, None, last_good)

    @pytest.mark.parametrize("page", [b"<html>Log in</html>", b"{}", b"[]"])
    def test_not_the_hub(
        self, server: FakeHub, last_good: Path, monkeypatch: pytest.MonkeyPatch, page: bytes
    ) -> None:
        server.failing = ".*"
        with monkeypatch.context() as patch:
            patch.setattr(fake_hub._Handler, "answer", lambda self, *_: self.send(page, 200, {}))
            with pytest.raises(HubError, match="is not the Hugging Face Hub"):
                hub.pull(REPO, None, last_good)
            with pytest.raises(HubError, match="is not the Hugging Face Hub"):
                hub.push(last_good, REPO)

    @pytest.mark.parametrize("failing", ["POST .*/preupload/", "PUT /lfs", "POST .*/commit/"])
    def test_refused_push(self, server: FakeHub, last_good: Path, tmp_path: Path, failing: str) -> None:
        write(tmp_path / "newest", b"newest weights")
        commits = len(repository(server).commits)
        server.failing, server.status = failing, 403
        with pytest.raises(HubError, match="HF_TOKEN"):
            hub.push(tmp_path / "newest", REPO)
        assert len(repository(server).commits) == commits

    @pytest.mark.parametrize("name", ["captioner.tflite", "vocabulary.json", "manifest.json"])
    def test_tampered(self, server: FakeHub, last_good: Path, name: str) -> None:
        repository(server).commit("tamper", {name: b'{"words": []}'})
        with pytest.raises(HubError, match=f"rejected: .*{name}"):
            hub.pull(REPO, None, last_good)

    def test_a_failed_smoke_test(self, server: FakeHub, last_good: Path) -> None:
        def check(arrived: Bundle) -> None:
            raise BundleError("it does not run") from ValueError("no signatures")

        with pytest.raises(HubError, match="rejected: it does not run"):
            hub.pull(REPO, None, last_good, check)

    def test_a_file_is_gone(self, server: FakeHub, last_good: Path) -> None:
        repository(server).commit("remove", {"captioner.tflite": None})
        with pytest.raises(HubError, match=r"captioner\.tflite of someone/captioner is not on the Hub"):
            hub.pull(REPO, None, last_good)

    def test_no_bundle(self, server: FakeHub, last_good: Path) -> None:
        repository(server).commit("remove", {"manifest.json": None})
        with pytest.raises(HubError, match="holds no captioner bundle"):
            hub.pull(REPO, None, last_good)

    def test_too_large(self, server: FakeHub, last_good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(hub, "MAX_BYTES", 100)
        with pytest.raises(HubError, match="at most"):
            hub.pull(REPO, None, last_good)

    @pytest.mark.parametrize("revision", ["v9", "0" * 40])
    def test_no_such_revision(self, server: FakeHub, last_good: Path, revision: str) -> None:
        with pytest.raises(HubError, match=f"no revision '{revision}'"):
            hub.pull(REPO, revision, last_good)

    def test_no_such_repository(self, server: FakeHub, last_good: Path) -> None:
        with pytest.raises(HubError, match="someone/nothing is not on the Hub"):
            hub.pull("someone/nothing", None, last_good)

    @pytest.mark.parametrize("repo", ["", "captioner", "a/b/c", "some one/captioner", "../up", "a/b--c"])
    def test_bad_name(self, server: FakeHub, last_good: Path, repo: str) -> None:
        before = len(server.requests)
        with pytest.raises(HubError, match="user/name"):
            hub.pull(repo, None, last_good)
        with pytest.raises(HubError, match="user/name"):
            hub.push(last_good, repo, dry_run=True)
        assert len(server.requests) == before

    def test_private(self, server: FakeHub, last_good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        repository(server).private = True
        hub.pull(REPO, repository(server).commits[0].oid, last_good)  # with the token
        monkeypatch.setenv("HF_TOKEN", "hf_another")
        with pytest.raises(HubError, match="private"):
            hub.pull(REPO, None, last_good)

    def test_full_disk(self, server: FakeHub, last_good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def full(*_: Any, **__: Any) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(download, "save", full)
        with pytest.raises(HubError, match="disk is full"):
            hub.pull(REPO, None, last_good)

    @pytest.mark.parametrize("repo", ["someone/captioner.git", "someone/-x", "someone/x."])
    def test_name_that_only_the_client_refuses(self, server: FakeHub, last_good: Path, repo: str) -> None:
        with pytest.raises(HubError, match="user/name"):
            hub.pull(repo, None, last_good)


def test_unknown_errors_pass_through() -> None:
    with pytest.raises(ZeroDivisionError), translated_errors(REPO, None):
        _ = 1 / 0


def test_a_timeout_of_the_client_is_reported_as_too_slow() -> None:
    with pytest.raises(HubError, match="too slowly"), translated_errors(REPO, None):
        raise httpx2.ReadTimeout("")


def test_our_own_bugs_are_not_reported_as_hub_errors() -> None:
    with pytest.raises(KeyError), translated_errors(REPO, None):
        _ = dict[str, str]()["ours"]
    with pytest.raises(ValueError, match="Expecting value"), translated_errors(REPO, None):
        json.loads("")
