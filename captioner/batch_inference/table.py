"""The table of captions as CSV, JSON lines or Parquet: the same rows, streamed both ways.

In a CSV file, a text that a spreadsheet would compute is behind a quote (``text.escape_formula``).
"""

from __future__ import annotations

import csv
import errno
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from captioner.batch_inference.rows import COLUMNS, Row
from captioner.bundle import manifest
from captioner.errors import CaptionerError
from captioner.text import escape_formula, unescape_formula

if TYPE_CHECKING:
    import pyarrow as pa

ROW_GROUP = 10_000  # rows of a Parquet file that are in memory at once


def check_ending(path: Path) -> None:
    """Raise ``CaptionerError`` unless the file's ending names a format."""
    if path.suffix.lower() not in FORMATS:
        raise CaptionerError(f"--out ends with one of {', '.join(FORMATS)}; got {path.name}")


def write(path: Path, rows: Iterable[Row]) -> None:
    """Replace a table. After a crash or a full disk the old one is there, or the new one.

    Raises:
        CaptionerError: the file cannot be written.
    """
    check_ending(path)
    staging = path.with_name(f"{path.name}.tmp")
    with disk_errors(path):
        try:
            FORMATS[path.suffix.lower()][1](staging, rows)
            manifest.sync(staging)
            staging.replace(path)
            manifest.sync(path.parent)
        finally:
            staging.unlink(missing_ok=True)


def read(path: Path) -> Iterator[Row]:
    """The rows of a table that ``write`` wrote.

    Raises:
        CaptionerError: it is none, or cannot be read.
    """
    check_ending(path)
    try:
        for row in FORMATS[path.suffix.lower()][0](path):
            if not isinstance(row, dict) or row.keys() != COLUMNS.keys():
                raise ValueError("it has other columns")
            yield row
    except OSError as error:
        raise CaptionerError(f"{path} cannot be read ({error.strerror or error}).") from error
    except (ValueError, csv.Error) as error:  # pyarrow's and json's are ValueErrors, too
        raise CaptionerError(
            f"{path} is there and is no table of captions of this version. Name another file after "
            "--out, or move it away."
        ) from error


@contextmanager
def disk_errors(path: Path | str) -> Iterator[None]:
    """Turns what the disk refuses into a sentence."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        reason = "the disk is full" if full else error.strerror or error
        raise CaptionerError(
            f"{path} cannot be written: {reason}. Put that right and give the same command again: pictures "
            "that are done stay done."
        ) from error


def schema() -> pa.Schema:
    """The columns as Parquet has them."""
    import pyarrow as pa

    types = {str: pa.string(), float: pa.float64(), bool: pa.bool_()}
    return pa.schema([(name, types[kind]) for name, kind in COLUMNS.items()])


def _write_csv(path: Path, rows: Iterable[Row]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for row in rows:
            writer.writerow([escape_formula(row[name]) if kind is str and row[name] else row[name]
                             for name, kind in COLUMNS.items()])  # fmt: skip


def _read_csv(path: Path) -> Iterator[Row]:
    with path.open(newline="", encoding="utf-8") as file:
        for cells in csv.DictReader(file, strict=True):
            if cells.keys() != COLUMNS.keys():  # a row that is longer than the head, too
                raise ValueError("it has other columns")
            row = {name: _value(cells[name], kind) for name, kind in COLUMNS.items()}
            if not row["error"]:  # CSV does not tell an empty text from none
                row["caption"] = row["caption"] or ""
            yield row | {"warning_codes": row["warning_codes"] or ""}


def _value(cell: str, kind: type) -> Any:
    if not cell:
        return None
    if kind is bool:
        return cell == "True"
    return unescape_formula(cell) if kind is str else kind(cell)


def _write_json_lines(path: Path, rows: Iterable[Row]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _read_json_lines(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)


def _write_parquet(path: Path, rows: Iterable[Row]) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    rest = iter(rows)
    with parquet.ParquetWriter(path, schema()) as writer:
        while group := list(islice(rest, ROW_GROUP)):
            writer.write_table(pa.Table.from_pylist(group, schema()))


def _read_parquet(path: Path) -> Iterator[Row]:
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        for group in file.iter_batches(ROW_GROUP):
            yield from group.to_pylist()


# The ending of a file: how it is read and written.
FORMATS: dict[str, tuple[Callable[[Path], Iterator[Row]], Callable[[Path, Iterable[Row]], None]]] = {
    ".csv": (_read_csv, _write_csv),
    ".jsonl": (_read_json_lines, _write_json_lines),
    ".parquet": (_read_parquet, _write_parquet),
}
