"""Reads, verifies and writes a bundle: the folder of a trained captioner.

    config.json  captioner.tflite  vocabulary.json       required
    history.csv  metrics.json  predictions.csv  dataset.json  novelty.json  calibration.json
    baselines.json  document_frequencies.json  ratings.json  README.md  examples/
    manifest.json                                        size and SHA-256 of each file above; written last

JSON, CSV, pictures and one flatbuffer: nothing in it can run code. Files that the manifest does not name are
ignored when reading (the Hub adds some) and carried over when writing.

A folder cannot be renamed over another, so ``write`` takes two renames: the old one becomes
``<folder>.tmp-old``, then the new one ``<folder>``. After a crash between the two, ``load`` and ``write`` put
the old one back. One writer at a time is assumed.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias, TypeVar

from captioner.bundle import manifest, migration, reader, schema
from captioner.bundle.manifest import BASELINES, CALIBRATION, FILES, MANIFEST, MODEL, Entry
from captioner.bundle.migration import FORMAT
from captioner.bundle.schema import Baseline, Baselines, Config, DatasetStatistics, Epoch, Metrics, Prediction
from captioner.errors import PULL_AGAIN, BundleError
from captioner.text import Vocabulary

__all__ = ["FILES", "FORMAT", "MANIFEST", "Bundle", "Config", "load", "refuse_foreign", "replace", "write"]

MAX_EPOCHS, MAX_PREDICTIONS = 2_000, 20_000  # rows

Value = TypeVar("Value")
Row = TypeVar("Row", bound=schema.Record)
Files: TypeAlias = Mapping[str, bytes | str | Path]  # name → contents, or a path to copy


@dataclass(frozen=True)
class Bundle:
    """A verified folder. Every method reads its file and checks it again: it may have changed since."""

    folder: Path
    config: Config
    vocabulary: Vocabulary
    checksum: str  # SHA-256 of manifest.json, so of everything
    files: Mapping[str, Entry] = field(default_factory=dict)
    format: int = FORMAT  # of its files; ``migration`` translates earlier ones

    @property
    def model_path(self) -> Path:
        return self.folder / MODEL

    @property
    def examples(self) -> Path | None:
        """The folder of example pictures in the bundle, if it has any."""
        return next((self.folder / name.split("/")[0] for name in self.files if "/" in name), None)

    def model(self) -> bytes:
        """The LiteRT file with the signatures encode, start and step, perhaps also predict_words."""
        return self._read(self.model_path.name)

    def history(self) -> list[Epoch]:
        """One row per epoch; empty if the bundle has no history."""
        return self._rows("history.csv", Epoch, MAX_EPOCHS)

    def predictions(self) -> list[Prediction]:
        """One row per test picture; empty before the first evaluation."""
        return self._rows("predictions.csv", Prediction, MAX_PREDICTIONS)

    def metrics(self) -> Metrics | None:
        """Results of ``evaluate.evaluate``; None before the first evaluation."""
        return self.record("metrics.json", Metrics)

    def dataset(self) -> DatasetStatistics | None:
        """Statistics of the training captions, if they were recorded."""
        return self.record("dataset.json", DatasetStatistics)

    def baselines(self) -> list[Baseline]:
        """Results of other bundles; none unless some were added."""
        record = self.record(BASELINES, Baselines)
        return list(record.baselines) if record else []

    def calibration_parameters(self) -> schema.CalibrationParameters | None:
        """Calibrated probabilities and their reliability; None where none were measured."""
        return self.record(CALIBRATION, schema.CalibrationParameters)

    def card(self) -> str:
        """The model card, Markdown with a YAML head."""
        return _text(self._read("README.md"), "README.md")

    def record(self, name: str, kind: type[Value]) -> Value | None:
        """A JSON file as a record of this type; None if the bundle lacks the file.

        Raises:
            BundleError: it is malformed, or was altered since the bundle was opened.
        """
        if self._disk_name(name) not in self.files:
            return None
        return reader.decode(reader.parse(self._read(name), name, self.format), kind, name)

    def in_current_format(self) -> Files:
        """Every file in the current format; a file whose content stays the same is given as its path."""
        files: Files = {migration.current_name(name): self.folder / name for name in self.files}
        if self.format == FORMAT:
            return files
        renamed: dict[str, str] = {}
        for name in migration.KEYS[self.format].keys() & files.keys():
            if name.endswith(".csv"):
                renamed[name] = self._table(name)
            else:
                value = reader.parse(self._read(name), name, self.format)
                renamed[name] = json.dumps(value, indent=1) + "\n"
        config = json.dumps(self.config.to_json(), indent=1, sort_keys=True) + "\n"
        return {**files, **renamed, "config.json": config}

    def _rows(self, name: str, kind: type[Row], max_rows: int) -> list[Row]:
        return reader.rows(self._table(name), kind, name, max_rows)

    def _table(self, name: str) -> str:
        text = _text(self._read(name), name)
        return text if self.format == FORMAT else migration.table(text, name, self.format)

    def _read(self, name: str) -> bytes:
        name = self._disk_name(name)
        return manifest.content(self.folder, name, self.files[name]) if name in self.files else b""

    def _disk_name(self, name: str) -> str:
        if self.format == FORMAT:
            return name
        return next((own for own in self.files if migration.current_name(own) == name), name)


def load(folder: str | Path) -> Bundle:
    """Open a bundle after checking every byte of it.

    Raises:
        BundleError: a file is missing, altered, malformed or from a newer version: which one, and what to do.
    """
    folder = Path(folder)
    _recover(folder)
    entries, checksum = manifest.entries(folder)
    for name, entry in entries.items():
        manifest.check(folder, name, entry)
    config = manifest.content(folder, "config.json", entries["config.json"])
    words = manifest.content(folder, "vocabulary.json", entries["vocabulary.json"])
    value = reader.parse_object(config, "config.json")
    return Bundle(folder, Config.from_json(value), _vocabulary(words), checksum, entries, value["format"])


def write(folder: str | Path, files: Files, version: int = FORMAT) -> Bundle:
    """Replace the bundle in a folder, if there is one, by a bundle of these files.

    The old bundle stays until the new one is complete on disk and verified; after a full disk or a crash
    one of the two is there. Text is written as UTF-8. ``version`` is the format of the files.

    Raises:
        BundleError: a file that does not belong in a bundle; a folder that holds something else; a full disk
            or another disk error.
    """
    folder = _target(Path(folder))
    staging = folder.with_name(f"{folder.name}.tmp-{os.urandom(4).hex()}")
    try:
        _recover(folder)
        refuse_foreign(folder)
        _clear(folder)
        _fill(staging, files, version)
        load(staging)
        _swap(staging, folder)
    except OSError as error:
        raise BundleError(
            f"{folder} was not written: {_disk_error(error)}. What was there is untouched."
        ) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    _clear_leniently(folder)
    return load(folder)


def replace(folder: str | Path, files: Files) -> Bundle:
    """Replace or add these files and seal the bundle again; the other files are verified and kept.

    A bundle of an earlier format is written in the current one.
    """
    return write(folder, {**load(folder).in_current_format(), **files})


def _text(data: bytes, name: str) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise BundleError(f"{name} is not UTF-8 text. {PULL_AGAIN}") from error


def _vocabulary(data: bytes) -> Vocabulary:
    try:
        words = reader.parse(data, "vocabulary.json")
        return Vocabulary(reader.decode(words, tuple[schema.Word, ...], "vocabulary.json"))
    except ValueError as error:
        raise BundleError(f"vocabulary.json: {error}. {PULL_AGAIN}") from error


def _target(folder: Path) -> Path:
    """A path with a name, for siblings such as ``<name>.tmp-old``: ``.`` has none; a link is resolved."""
    return folder.resolve() if folder.is_symlink() or folder.name in ("", "..") else folder


def _old(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.tmp-old")


def _recover(folder: Path) -> None:
    """Undo a swap that was interrupted between its two renames."""
    if folder.exists() or not (_old(folder) / MANIFEST).exists():
        return
    try:
        _old(folder).rename(folder)
    except OSError as error:
        if not folder.exists():  # else another process was faster
            raise BundleError(f"{folder} is in {_old(folder)} after a crash. Rename it back.") from error


def refuse_foreign(folder: Path) -> None:
    """Raise ``BundleError`` if ``write`` would: only a bundle is ever replaced.

    Hidden files, such as .gitkeep, may be there.
    """
    if not folder.exists() or (folder / MANIFEST).exists():
        return
    if not folder.is_dir() or any(not path.name.startswith(".") for path in folder.iterdir()):
        raise BundleError(f"{folder} is there and is no bundle. Name a new folder, or move this one away.")


def _fill(staging: Path, files: Files, version: int) -> None:
    staging.mkdir(parents=True)
    for name, content in files.items():
        manifest.check_name(name)
        path = staging / name
        path.parent.mkdir(exist_ok=True)
        if isinstance(content, Path):
            shutil.copyfile(content, path)
        else:
            path.write_bytes(content.encode() if isinstance(content, str) else content)
    manifest.seal(staging, version)


def _swap(staging: Path, folder: Path) -> None:
    old = _old(folder)
    if folder.exists():
        folder.rename(old)
    try:
        staging.rename(folder)
    except OSError:
        if old.exists():
            old.rename(folder)
        raise
    manifest.sync(folder.parent)


def _disk_error(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "the disk is full"
    return f"{error.strerror or error}" + (f" ({error.filename})" if error.filename else "")


def _clear_leniently(folder: Path) -> None:
    """Remove leftovers after the swap; those that cannot be removed now, the next write removes."""
    try:
        _clear(folder)
    except OSError:
        return


def _clear(folder: Path) -> None:
    """Remove leftovers of writes next to the folder, after moving files that are not the bundle's."""
    leftover = re.compile(re.escape(folder.name) + r"\.tmp-(old|[0-9a-f]{8})")
    for path in folder.parent.iterdir() if folder.parent.is_dir() else ():
        if leftover.fullmatch(path.name):
            if path == _old(folder):
                _move_others(path, folder)
            shutil.rmtree(path)


def _move_others(old: Path, new: Path) -> None:
    try:
        bundled = {MANIFEST, *manifest.entries(old)[0]}
    except BundleError:
        bundled = {MANIFEST, *FILES}
    for path in sorted(old.rglob("*")):
        name = path.relative_to(old).as_posix()
        if name not in bundled and (path.is_symlink() or not path.is_dir()) and not (new / name).exists():
            (new / name).parent.mkdir(parents=True, exist_ok=True)
            path.rename(new / name)
