"""Reads tables that people send back: CSV files, also as a spreadsheet of another country saves them."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Collection, Mapping, Sequence

from captioner.errors import CaptionerError

# Columns of files saved by earlier versions.
FORMER_COLUMNS = {
    "digest": "upload_hash",
    "expected_share": "expected_precision",
    "model": "bundle_checksum",
    "picture": "image",
    "sample": "image",
}


def read(data: bytes, what: str, required: Collection[str], max_bytes: int) -> list[dict[str, str]]:
    """The rows of a file, each by its columns' names of today, with commas or semicolons between the cells.

    Args:
        what: the kind of file, as messages call it: "saved review session".

    Raises:
        CaptionerError: the file is too large, no UTF-8 or no table, or lacks a column or a cell.
    """
    text = _text(data, what, max_bytes)
    head = text.partition("\n")[0]
    delimiter = ";" if ";" in head and "," not in head else ","
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        reader.fieldnames = [FORMER_COLUMNS.get(name, name) for name in reader.fieldnames or ()]
        if missing := sorted(set(required) - set(reader.fieldnames)):
            raise CaptionerError(
                f"the file is no {what}: it has no column {missing[0]}. Load one downloaded here."
            )
        return [_row(number, row) for number, row in enumerate(reader, start=2)]
    except csv.Error as error:
        raise CaptionerError(f"the file is no table ({error}). Load one downloaded here.") from error


def check(number: int, rules: Sequence[tuple[object, str, str]]) -> None:
    """Raise ``CaptionerError`` for the first of (does it hold, the rule, the value) that does not."""
    for holds, rule, value in rules:
        if not holds:
            raise CaptionerError(f"row {number} of the file: {rule}; it is “{value[:40]}”.")


def number(text: str) -> float | None:
    """A number with a decimal point or comma; None for an empty cell, NaN for what is no number."""
    try:
        return float(text.replace(",", ".")) if text else None
    except ValueError:
        return math.nan


def listed(words: Sequence[str]) -> str:
    """ "right, partly or wrong"."""
    return f"{', '.join(words[:-1])} or {words[-1]}"


def _text(data: bytes, what: str, max_bytes: int) -> str:
    if len(data) > max_bytes:
        raise CaptionerError(
            f"the file is over {max_bytes // 10**6} MB, more than a {what} takes. Load one downloaded here."
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CaptionerError(
            "the file is not UTF-8 text. Save it as “CSV UTF-8”, or load the one downloaded here."
        ) from error


def _row(number: int, row: Mapping[str | None, str | None]) -> dict[str, str]:
    """The cells of a row; DictReader marks rows of another length with None."""
    if None in row or None in row.values():
        raise CaptionerError(f"row {number} of the file does not have as many cells as the first row.")
    return {name: (text or "").strip() for name, text in row.items() if name}
