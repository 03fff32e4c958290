"""Downloaded versions of a bundle in the app's store: a folder per version, and a pointer to the current one.

    current.json     the pointer: repository, commit, folder and checksum; replaced atomically
    <commit>-<hex>/  a verified bundle that passed the smoke test; never changed while it may be open
    rejected.json    the last commit that failed the smoke test, so that it is not downloaded again and again
    .tmp-pull/       a download in progress; one process at a time

A crash at any moment leaves the pointer on the old version or on the new one, both complete.
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
REJECTED = "rejected.json"
RETRY_AFTER = 600.0  # seconds until a rejected commit is tested again: the machine may have been at fault

_FOLDER = re.compile(r"[0-9a-f]{1,12}-[0-9a-f]{8}")
_Record = TypeVar("_Record", "Version", "Rejection")


@dataclass(frozen=True)
class Version:
    """Content of the pointer: a 40-digit commit, the bundle's checksum, and the folder's name."""

    repo: str
    commit: str
    checksum: str
    folder: str


@dataclass(frozen=True)
class Rejection:
    """A commit that failed the smoke test, and the reason as a sentence."""

    repo: str
    commit: str
    reason: str


@contextmanager
def staging(place: Path) -> Iterator[Path]:
    """An empty folder in ``place`` to collect files in; removed afterwards, unless it was renamed.

    Leftovers of a killed process are removed first.

    Raises:
        HubError: another process is using it.
    """
    from filelock import FileLock, Timeout  # comes with huggingface_hub

    place.mkdir(parents=True, exist_ok=True)
    files = place / "files"
    try:
        with FileLock(place / "lock", timeout=0):  # released by the system if the process is killed
            shutil.rmtree(files, ignore_errors=True)
            files.mkdir()
            try:
                yield files
            finally:
                shutil.rmtree(place, ignore_errors=True)
    except Timeout as error:
        raise HubError(f"another process is downloading into {place}. Let it finish.") from error


def current(store: Path) -> Version | None:
    """The version the pointer names; None without a pointer as ``add`` writes it."""
    version = _read(store / POINTER, Version)
    return version if version and _FOLDER.fullmatch(version.folder) else None


def load(store: Path, version: Version) -> Bundle:
    """Open a version after checking every byte of it.

    Raises:
        BundleError: it is not the bundle that was added.
    """
    bundle = storage.load(store / version.folder)
    if bundle.checksum != version.checksum:
        raise BundleError(f"{bundle.folder} holds another bundle than {POINTER} says. Delete both.")
    return bundle


def add(store: Path, repo: str, commit: str, files: Path) -> Bundle:
    """Move a verified folder into the store and make it the current version; keep the last two."""
    version = Version(repo, commit, storage.load(files).checksum, f"{commit[:12]}-{secrets.token_hex(4)}")
    previous = current(store)
    for path in [*files.rglob("*"), files]:
        manifest.sync(path)
    files.rename(store / version.folder)
    manifest.sync(store)
    _write(store / POINTER, version)
    with suppress(OSError):  # the new version is current already; the next call removes the rest
        _prune(store, {version.folder, previous.folder if previous else ""})
    return load(store, version)


def reject(store: Path, repo: str, commit: str, reason: str) -> None:
    """Record that a commit failed the smoke test."""
    _write(store / REJECTED, Rejection(repo, commit, reason))


def rejection(store: Path, repo: str, commit: str) -> str | None:
    """Why a commit was rejected, if that was less than ``RETRY_AFTER`` seconds ago."""
    rejected = _read(store / REJECTED, Rejection)
    if rejected and (rejected.repo, rejected.commit) == (repo, commit):
        with suppress(OSError):
            if time.time() - (store / REJECTED).stat().st_mtime < RETRY_AFTER:
                return rejected.reason
    return None


def _prune(store: Path, keep: set[str]) -> None:
    for path in store.iterdir():
        if _FOLDER.fullmatch(path.name) and path.name not in keep:
            shutil.rmtree(path, ignore_errors=True)


def _read(path: Path, kind: type[_Record]) -> _Record | None:
    try:
        fields = json.loads(path.read_bytes())
        record = kind(**fields)
    except (OSError, ValueError, TypeError, RecursionError):
        return None
    return record if all(isinstance(value, str) for value in fields.values()) else None


def _write(path: Path, record: Version | Rejection) -> None:
    """Replace the file atomically."""
    new = path.with_name(f"{path.name}.tmp")
    new.write_bytes(manifest.canonical(asdict(record)))
    manifest.sync(new)
    new.replace(path)
    manifest.sync(path.parent)
