"""manifest.json: the files of a bundle with sizes and SHA-256. Files it does not name are never read."""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

from captioner.bundle import migration, reader
from captioner.bundle.migration import FORMAT
from captioner.errors import PULL_AGAIN, BundleError

MANIFEST = "manifest.json"
MODEL = "captioner.tflite"
BASELINES = "baselines.json"
NOVELTY = "novelty.json"
CALIBRATION = "calibration.json"
RATINGS_FILE = "ratings.json"
DOCUMENT_FREQUENCIES = "document_frequencies.json"
REQUIRED = ("config.json", MODEL, "vocabulary.json")
FILES = (
    *REQUIRED,
    "history.csv",
    "metrics.json",
    "predictions.csv",
    "dataset.json",
    CALIBRATION,
    NOVELTY,
    DOCUMENT_FREQUENCIES,
    BASELINES,
    RATINGS_FILE,
    "README.md",
)
MAX_BYTES = 500_000_000  # of a whole bundle
MAX_MODEL = 300_000_000  # bytes; the largest encoder of keras.applications needs a third of that
MAX_CARD = 1_000_000  # bytes
MAX_TABLE = 2_000_000  # bytes of any other file: JSON or CSV

_EXAMPLE = re.compile(r"(examples|samples)/[A-Za-z0-9_][A-Za-z0-9_.-]*\.(jpg|jpeg|png|webp|json)")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Entry:
    """One file as the manifest describes it: bytes, and SHA-256 in hexadecimal."""

    size: int
    sha256: str


def check_name(name: str) -> None:
    """Raise ``BundleError`` unless a name is on the allow-list, which admits no path outside the folder."""
    if name not in FILES and name not in migration.FILES and not _EXAMPLE.fullmatch(name):
        raise BundleError(f"{name[:80]!r} is no file of a bundle. Only {', '.join(FILES)} and examples/ are.")


def max_bytes(name: str) -> int:
    """Maximum size of a file in bytes, checked before it is read or hashed."""
    if _EXAMPLE.fullmatch(name) and not name.endswith(".json"):
        from captioner import images  # here, as it imports Pillow and few bundles have pictures

        return images.MAX_BYTES
    return {MODEL: MAX_MODEL, "README.md": MAX_CARD}.get(name, MAX_TABLE)


def seal(folder: Path, version: int = FORMAT) -> None:
    """Flush every file of a folder to disk, then write its manifest; ``version`` is the format number."""
    files = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        sync(path)
        files[path.relative_to(folder).as_posix()] = {"sha256": _sha256(path), "size": path.stat().st_size}
    (folder / MANIFEST).write_bytes(canonical({"files": files, "format": version}))
    sync(folder / MANIFEST)
    sync(folder)


def entries(folder: Path) -> tuple[dict[str, Entry], str]:
    """Files that the manifest names, and its own SHA-256. The files themselves are not read.

    Raises:
        BundleError: the manifest is missing, from a newer version, or not exactly what ``seal`` writes.
    """
    if not (folder / MANIFEST).exists():
        raise BundleError(
            f"{folder} holds no bundle: {MANIFEST} is missing. Train one with train.py, or pull one."
        )
    data = _bytes(folder, MANIFEST, 1_000_000)
    value = reader.parse_object(data, MANIFEST)
    migration.check_format(value.get("format"), MANIFEST)
    if set(value) != {"files", "format"} or not isinstance(value["files"], dict) or canonical(value) != data:
        raise BundleError(f"{MANIFEST} was edited or damaged: it is not as captioner writes it. {PULL_AGAIN}")
    entries_by_name = {name: _entry(name, entry) for name, entry in value["files"].items()}
    if missing := [name for name in REQUIRED if name not in entries_by_name]:
        raise BundleError(f"{MANIFEST} does not name {', '.join(missing)}. {PULL_AGAIN}")
    if (size := sum(entry.size for entry in entries_by_name.values())) > MAX_BYTES:
        raise BundleError(f"{MANIFEST} names {size} bytes; a bundle has at most {MAX_BYTES}. {PULL_AGAIN}")
    if len({name.casefold() for name in entries_by_name}) < len(entries_by_name):
        raise BundleError(f"{MANIFEST} names two files that differ only in upper and lower case. Rename one.")
    return entries_by_name, hashlib.sha256(data).hexdigest()


def check(folder: Path, name: str, entry: Entry) -> None:
    """Raise ``BundleError`` unless the file is there, is no link, and is what the manifest says."""
    path = _regular(folder, name)
    try:
        size = path.stat().st_size
        sha256 = _sha256(path) if size == entry.size else ""
    except OSError as error:
        raise _unreadable(path, error) from error
    if size != entry.size:
        raise BundleError(f"{path} has {size} bytes, {MANIFEST} says {entry.size}. {PULL_AGAIN}")
    if sha256 != entry.sha256:
        raise BundleError(
            f"{path} was altered or damaged: its SHA-256 is not that in {MANIFEST}. {PULL_AGAIN}"
        )


def content(folder: Path, name: str, entry: Entry) -> bytes:
    """The bytes of a file, checked after reading, as the folder may have been replaced meanwhile.

    Raises:
        BundleError: the file is missing, unreadable, or not what the manifest says.
    """
    data = _bytes(folder, name, entry.size)
    if len(data) != entry.size or hashlib.sha256(data).hexdigest() != entry.sha256:
        raise BundleError(f"{folder / name} changed since the bundle was opened. Open it again.")
    return data


def canonical(value: object) -> bytes:
    """A value as canonical JSON: sorted keys, no spaces, ASCII, a final newline.

    Raises:
        ValueError: the value holds NaN or an infinity.
    """
    return (json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False) + "\n").encode("ascii")


def sync(path: Path) -> None:
    """Flush a file or, on POSIX, a folder's entries to disk (fsync)."""
    if path.is_dir() and os.name != "posix":
        return
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _entry(name: str, value: object) -> Entry:
    check_name(name)
    if isinstance(value, dict) and set(value) == {"size", "sha256"}:
        size, sha256 = value["size"], str(value["sha256"])
        if type(size) is int and 0 <= size <= max_bytes(name) and _SHA256.fullmatch(sha256):
            return Entry(size, sha256)
    raise BundleError(f"{MANIFEST}: {name} needs a size up to {max_bytes(name)} and a SHA-256. {PULL_AGAIN}")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _bytes(folder: Path, name: str, limit: int) -> bytes:
    path = _regular(folder, name)
    try:
        with path.open("rb") as file:
            return file.read(limit + 1)
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> BundleError:
    return BundleError(f"{path} cannot be read ({error.strerror or error}). Check its permissions.")


def _regular(folder: Path, name: str) -> Path:
    """No symbolic link below the folder: it could show a file from anywhere as part of the bundle."""
    path = folder / name
    for part in (path, *path.parents[: name.count("/")]):
        if part.is_symlink():
            raise BundleError(f"{part} is a symbolic link. Put the file itself in its place.")
    if not path.is_file():
        raise BundleError(f"{path} is missing. {PULL_AGAIN}")
    return path
