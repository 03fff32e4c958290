"""A bundle is read as it was written, or not at all; a write leaves the old one or the new one."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from captioner.bundle import manifest, reader, storage
from captioner.bundle.schema import Baseline, DatasetStatistics, Epoch, Metrics, Prediction
from captioner.bundle.storage import MANIFEST
from captioner.errors import BundleError
from captioner.text import SPECIALS
from tests import tiny

posix_only = pytest.mark.skipif(os.name != "posix", reason="needs POSIX links, processes or permissions")


def rewrite(artifacts: Path, name: str, data: bytes) -> None:
    """Put other contents into a file and fit the manifest to them."""
    (artifacts / name).write_bytes(data)
    (artifacts / MANIFEST).unlink()
    manifest.seal(artifacts)


def test_a_bundle_reads_as_it_was_written(artifacts: Path) -> None:
    result = storage.load(artifacts)

    assert result.config == tiny.config()
    assert result.vocabulary.words == (*SPECIALS, *tiny.WORDS)
    assert result.history()[0] == Epoch(1, "fit", loss=4.5, val_loss=4.25)
    assert result.history()[1].val_loss is None, "NaN would be no JSON and draw no curve"
    assert result.predictions() == [
        Prediction("a.jpg", "2", -3.5, -1.5, {"bleu4": 0.25, "rouge_l": 0.5, "cider": 1.5})
    ]
    assert result.metrics() == reader.decode(tiny.METRICS, Metrics, "metrics.json")
    assert result.dataset() == reader.decode(tiny.DATASET, DatasetStatistics, "dataset.json")
    assert result.baselines() == [reader.decode(tiny.BASELINE, Baseline, "baselines.json")]
    assert result.card() == "# A card\n"
    assert result.examples == artifacts / "examples"
    assert result.model_path.read_bytes() == b"not a model"


def test_what_is_optional_reads_as_empty(tmp_path: Path) -> None:
    result = storage.write(tmp_path / "artifacts", tiny.required_files(tiny.config()))

    assert (result.history(), result.predictions(), result.metrics(), result.card()) == ([], [], None, "")
    assert result.examples is None


def test_readers_share_nothing(artifacts: Path) -> None:
    result = storage.load(artifacts)
    result.history().clear()

    assert len(result.history()) == 2


def test_the_same_files_give_the_same_checksum(tmp_path: Path) -> None:
    one, other = (
        storage.write(tmp_path / name, tiny.required_files(tiny.config())) for name in ("one", "other")
    )

    assert one.checksum == other.checksum
    assert one.checksum != storage.replace(other.folder, {"README.md": "new"}).checksum


def test_a_reader_notices_that_the_folder_was_swapped(artifacts: Path) -> None:
    old = storage.load(artifacts)
    storage.replace(artifacts, {"metrics.json": json.dumps(tiny.METRICS | {"images": 2000})})

    with pytest.raises(BundleError, match=r"metrics\.json changed"):
        old.metrics()


def test_files_of_other_programs_are_ignored_and_carried_over(artifacts: Path) -> None:
    (artifacts / ".gitattributes").write_text("* -text")
    (artifacts / ".cache" / "deep").mkdir(parents=True)
    (artifacts / ".cache" / "deep" / "lock").touch()
    (artifacts / "examples" / "mine.jpg").write_bytes(b"put here by a person")

    storage.load(artifacts)
    storage.replace(artifacts, {"README.md": "new"})

    assert (artifacts / ".gitattributes").read_text() == "* -text"
    assert (artifacts / ".cache" / "deep" / "lock").exists()
    assert (artifacts / "examples" / "mine.jpg").read_bytes() == b"put here by a person"
    assert [path.name for path in artifacts.parent.iterdir()] == ["artifacts"]


def test_replace_keeps_the_rest(artifacts: Path) -> None:
    result = storage.replace(artifacts, {"metrics.json": json.dumps(tiny.METRICS | {"images": 2000})})
    metrics = result.metrics()

    assert metrics
    assert metrics.images == 2000
    assert result.card() == "# A card\n"
    assert len(result.history()) == 2


def test_replace_does_not_seal_damage(artifacts: Path) -> None:
    (artifacts / "captioner.tflite").write_bytes(b"not@a model")

    with pytest.raises(BundleError, match=r"captioner\.tflite was altered"):
        storage.replace(artifacts, {"README.md": "new"})


@posix_only
def test_a_link_to_a_bundle_stays_a_link(artifacts: Path) -> None:
    link = artifacts.with_name("link")
    link.symlink_to(artifacts, target_is_directory=True)

    storage.replace(link, {"README.md": "new"})

    assert link.is_symlink()
    assert storage.load(artifacts).card() == "new"


def test_the_folder_may_be_the_current_one(artifacts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(artifacts)

    storage.load(".")
    assert storage.replace(".", {"README.md": "new"}).card() == "new"


@pytest.mark.parametrize(
    "words", [{}, ["a"], [*SPECIALS, "a", "a"], [*SPECIALS, 1], [*SPECIALS, "a b"], [*SPECIALS, ""]]
)
def test_a_malformed_vocabulary_is_refused(artifacts: Path, words: object) -> None:
    rewrite(artifacts, "vocabulary.json", json.dumps(words).encode())

    with pytest.raises(BundleError, match=r"vocabulary\.json"):
        storage.load(artifacts)


@pytest.mark.parametrize(
    "table",
    [
        b"epoch,phase\n1\n",
        b"epoch,phase\n1,a,3\n",
        b"epoch,phase\none,a\n",
        b"epoch\n1\n",
        b'epoch,phase\n"1',
        b"\xff\n1\n",
    ],
)
def test_a_malformed_table_is_named(artifacts: Path, table: bytes) -> None:
    rewrite(artifacts, "history.csv", table)

    with pytest.raises(BundleError, match=r"history\.csv"):
        storage.load(artifacts).history()


def test_a_bundle_lacking_a_needed_file_is_not_written(tmp_path: Path) -> None:
    whole = tiny.required_files(tiny.config())
    del whole["vocabulary.json"]

    with pytest.raises(BundleError, match=r"vocabulary\.json"):
        storage.write(tmp_path / "artifacts", whole)
    assert list(tmp_path.iterdir()) == []


def test_another_folder_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.txt").write_text("years of work")
    (tmp_path / "file").write_text("a file")

    for name in ("home", "file"):
        with pytest.raises(BundleError, match="is no bundle"):
            storage.write(tmp_path / name, tiny.required_files(tiny.config()))
    assert (tmp_path / "home" / "thesis.txt").exists()


def test_an_empty_folder_may_be_filled(tmp_path: Path) -> None:
    (tmp_path / "artifacts").mkdir()
    (tmp_path / "artifacts" / ".gitkeep").touch()

    storage.write(tmp_path / "artifacts", tiny.required_files(tiny.config()))

    assert (tmp_path / "artifacts" / ".gitkeep").exists()


def test_a_full_disk_leaves_the_old_bundle(artifacts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    before = storage.load(artifacts)
    for owner, name in ((shutil, "copyfile"), (os, "fsync"), (Path, "write_bytes"), (Path, "mkdir")):
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, full)
            with pytest.raises(BundleError, match=r"the disk is full\. What was there is untouched"):
                storage.replace(artifacts, {"README.md": "new"})
        assert storage.load(artifacts) == before
        assert [path.name for path in artifacts.parent.iterdir()] == ["artifacts"]


def test_a_swap_that_is_refused_is_undone(artifacts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, rename = storage.load(artifacts), Path.rename

    def busy(path: Path, target: Path) -> Path:
        if path.name != "artifacts" and not path.name.endswith("old"):
            raise PermissionError(errno.EACCES, "in use")
        return rename(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", busy)
        with pytest.raises(BundleError, match="in use"):
            storage.replace(artifacts, {"README.md": "new"})
    assert storage.load(artifacts) == before


KILLED = """
import itertools, os, shutil, sys
from pathlib import Path
from captioner.bundle import storage as bundle

os.fsync = lambda handle: None  # the disk survives, only the process dies
source, place = map(Path, sys.argv[1:])
artifacts = place / "artifacts"

def replace_and_die(fatal):
    steps = itertools.count(1)

    def step(event, arguments):
        ours = event in {"os.rename", "os.mkdir", "os.remove", "os.rmdir"} or str(place) in str(arguments)
        if ours and next(steps) == fatal:
            os._exit(9)  # as kill -9 does: no handler, no finally

    sys.addaudithook(step)
    bundle.replace(artifacts, {"README.md": "new", "examples/b.jpg": b"b"})

for fatal in itertools.count(1):
    shutil.copytree(source, artifacts)
    child = os.fork()
    if not child:
        try:
            replace_and_die(fatal)
        except BaseException:
            os._exit(1)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    card = bundle.load(artifacts).card()
    bundle.replace(artifacts, {"README.md": "later"})
    print(status, card == "new", *sorted(os.listdir(place)))
    shutil.rmtree(place)
    if status != 9:
        break
"""


@pytest.mark.slow
@posix_only
def test_a_write_killed_at_any_step_leaves_one_of_the_two(artifacts: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(artifacts), str(tmp_path / "killed")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    *killed, last = [line.split() for line in done.stdout.splitlines()]

    assert (done.returncode, done.stderr) == (0, "")
    assert last == ["0", "True", "artifacts"]
    assert {status for status, *_ in killed} == {"9"}
    assert all(beside == ["artifacts"] for _, _, *beside in killed), "the next write tidies up"
    assert [new for _, new, *_ in killed] == sorted(new for _, new, *_ in killed), "once new, always new"
    assert len(killed) > 30
