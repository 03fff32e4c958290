"""Bundles from the Hub as the app keeps them: a folder a version, and a pointer to the one that counts.

    current.json     the pointer: repository, commit, folder and checksum; replaced in one step
    <commit>-<hex>/  a bundle that was verified and tried; never changed, so whoever has it open can go on
    refused.json     the commit that was tried last and does not run, so it is not fetched over and over
    .tmp-pull/       what is being fetched; one process at a time

A crash at any moment leaves the pointer on the old version or on the new one, both whole.
"""

from __future__ import annotations

import json
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

from captioner.bundle import manifest, storage
from captioner.bundle.storage import Bundle
from captioner.errors import BundleError, HubError

POINTER = "current.json"
REFUSED = "refused.json"
RETRY_AFTER = (
    600.0  # seconds until a commit that did not run is tried again: the machine may have been at fault
)

_FOLDER = re.compile(r"[0-9a-f]{1,12}-[0-9a-f]{8}")
_Record = TypeVar("_Record", "Version", "Refusal")


@dataclass(frozen=True)
class Version:
    """What the pointer says: ``commit`` has 40 digits, ``checksum`` is the bundle's, ``folder`` a name."""

    repo: str
    commit: str
    checksum: str
    folder: str


@dataclass(frozen=True)
class Refusal:
    """A commit that is whole and does not run, and why: a sentence."""

    repo: str
    commit: str
    why: str


@contextmanager
def staging(place: Path) -> Iterator[Path]:
    """An empty folder in ``place`` to put files together in; removed afterwards, unless it was renamed.

    What a process left there that was killed is removed first.

    Raises:
        HubError: another process has it.
    """
    from filelock import FileLock, Timeout  # comes with huggingface_hub

    place.mkdir(parents=True, exist_ok=True)
    files = place / "files"
    try:
        with FileLock(place / "lock", timeout=0):  # the system gives it back when a process is killed
            shutil.rmtree(files, ignore_errors=True)
            files.mkdir()
            try:
                yield files
            finally:
                shutil.rmtree(place, ignore_errors=True)
    except Timeout as error:
        raise HubError(f"another process is just fetching into {place}. Let it finish.") from error


def current(store: Path) -> Version | None:
    """The version that counts; None when there is none, or no pointer that ``add`` has written."""
    found = _read(store / POINTER, Version)
    return found if found and _FOLDER.fullmatch(found.folder) else None


def load(store: Path, version: Version) -> Bundle:
    """Open a version after checking every byte of it; ``BundleError`` unless it is the one that was added."""
    found = storage.load(store / version.folder)
    if found.checksum != version.checksum:
        raise BundleError(f"{found.folder} holds another bundle than {POINTER} says. Delete both.")
    return found


def add(store: Path, repo: str, commit: str, files: Path) -> Bundle:
    """Move a verified folder into the store and have the pointer name it; remove all but the last two."""
    version = Version(repo, commit, storage.load(files).checksum, f"{commit[:12]}-{secrets.token_hex(4)}")
    before = current(store)
    for path in [*files.rglob("*"), files]:
        manifest.sync(path)
    files.rename(store / version.folder)
    manifest.sync(store)
    _write(store / POINTER, version)
    with suppress(OSError):  # the new version counts already; the next one tidies up
        _prune(store, {version.folder, before.folder if before else ""})
    return load(store, version)


def refuse(store: Path, repo: str, commit: str, why: str) -> None:
    """Remember that a commit does not run."""
    _write(store / REFUSED, Refusal(repo, commit, why))


def refused(store: Path, repo: str, commit: str) -> str | None:
    """Why a commit need not be fetched: it was tried a short while ago and did not run."""
    found = _read(store / REFUSED, Refusal)
    if found and (found.repo, found.commit) == (repo, commit):
        with suppress(OSError):
            if time.time() - (store / REFUSED).stat().st_mtime < RETRY_AFTER:
                return found.why
    return None


def _prune(store: Path, kept: set[str]) -> None:
    for path in store.iterdir():
        if _FOLDER.fullmatch(path.name) and path.name not in kept:
            shutil.rmtree(path, ignore_errors=True)


def _read(path: Path, kind: type[_Record]) -> _Record | None:
    try:
        fields = json.loads(path.read_bytes())
        found = kind(**fields)
    except (OSError, ValueError, TypeError, RecursionError):
        return None
    return found if all(isinstance(value, str) for value in fields.values()) else None


def _write(path: Path, record: Version | Refusal) -> None:
    """In one step: whoever reads the file sees what it held before or what it holds now."""
    new = path.with_name(f"{path.name}.tmp")
    new.write_bytes(manifest.canonical(asdict(record)))
    manifest.sync(new)
    new.replace(path)
    manifest.sync(path.parent)
