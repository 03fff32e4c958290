"""Strict reading of the JSON and CSV files of a bundle into typed records.

Every fault of a file is a ``BundleError`` that names the file, the field, its rule, and the value.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
from typing import Any, TypeVar

import msgspec

from captioner import metrics
from captioner.bundle import migration
from captioner.bundle.migration import FORMAT
from captioner.errors import PULL_AGAIN, BundleError

Value = TypeVar("Value")
Row = TypeVar("Row", bound=msgspec.Struct)


def parse(data: bytes, name: str, version: int = FORMAT) -> object:
    """Parse strict JSON: UTF-8, no duplicate keys, no NaN or infinity.

    Keys of earlier formats are renamed; ``name`` is the file's name in the current one.

    Raises:
        BundleError: the file is not such JSON.
    """

    def unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
        return _unique(pairs if version == FORMAT else migration.renamed(name, pairs, version))

    hooks: dict[str, Any] = {"object_pairs_hook": unique, "parse_constant": _finite, "parse_float": _finite}
    try:
        value: object = json.loads(data.decode(), **hooks)
        if b"\\u" in data:
            json.dumps(value, ensure_ascii=False).encode()  # a lone surrogate cannot be encoded
        return value
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{name} is not proper JSON ({str(error)[:80]}). {PULL_AGAIN}") from error


def parse_object(data: bytes, name: str) -> dict[str, Any]:
    """As ``parse``, for a file that holds an object."""
    value = parse(data, name)
    if not isinstance(value, dict):
        raise BundleError(f"{name} must hold a JSON object; it holds a {type(value).__name__}. {PULL_AGAIN}")
    return value


def decode(value: object, kind: type[Value], name: str) -> Value:
    """Convert a JSON value to a record; ``name`` is the file's name for the error.

    Raises:
        BundleError: a field is missing or invalid; the message gives field, rule and value.
    """
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise BundleError(f"{name}: {_describe(str(error), value)}. {PULL_AGAIN}") from error


def rows(text: str, kind: type[Row], name: str, max_rows: int) -> list[Row]:
    """The rows of a CSV file with a header. In optional columns an empty cell or ``nan`` is the default.

    The columns of per-image metrics become a record's ``scores``.

    Raises:
        BundleError: it is no table, has more than ``max_rows`` rows, or a cell is invalid.
    """
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    optional = {field.name for field in msgspec.structs.fields(kind) if not field.required}
    metric_columns = metrics.per_image_metrics() if "scores" in kind.__struct_fields__ else []
    records: list[Row] = []
    try:
        header = next(reader, [])
        if len(set(header)) < len(header):
            raise BundleError(f"{name} has two columns of the same name. {PULL_AGAIN}")
        for cells in reader:
            if len(records) == max_rows:
                raise BundleError(f"{name} must have at most {max_rows:,} rows; it has more. {PULL_AGAIN}")
            if len(cells) != len(header):
                raise BundleError(
                    f"{name}, row {len(records) + 1}: {len(cells)} cells, not {len(header)}. {PULL_AGAIN}"
                )
            named: dict[str, Any] = {
                c: v for c, v in zip(header, cells, strict=True) if c not in optional or v not in ("", "nan")
            }
            if metric_columns:
                named["scores"] = {key: named[key] for key in metric_columns if key in named}
            records.append(_row(named, kind, f"{name}, row {len(records) + 1}"))
    except csv.Error as error:
        raise BundleError(f"{name} is not a table as captioner writes it ({error}). {PULL_AGAIN}") from error
    return records


def _row(cells: dict[str, Any], kind: type[Row], name: str) -> Row:
    try:
        return msgspec.convert(cells, kind, strict=False)  # all cells of a CSV file are text
    except msgspec.ValidationError as error:
        raise BundleError(f"{name}: {_describe(str(error), cells)}. {PULL_AGAIN}") from error


_TYPE_NAMES = {
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "nothing",
}


def _describe(message: str, value: Any) -> str:
    """An error message of msgspec in plain words, with the field and its value."""
    rule, _, path = message.partition(" - at ")
    keyed = path.startswith("`key` in ")
    path = path.removeprefix("`key` in ").strip("`").removeprefix("$").lstrip(".")
    if match := re.fullmatch(r"Object missing required field `(.*)`", rule):
        return f"{'.'.join(filter(None, (path, match[1])))} is missing"
    if match := re.fullmatch(r"Object contains unknown field `(.*)`", rule):
        return f"{match[1][:40]!r} is no field that this captioner knows"
    if match := re.fullmatch(r"Expected (.*?)(?:, got .*)?", rule):
        rule = f"must be {_expected(match[1])}"
    elif rule == "Number out of range":
        rule = "must be a smaller number"
    else:  # from a record's __post_init__
        return rule
    return f"{'each key of ' if keyed else ''}{path or 'it'} {rule}{_describe_value(path, value)}"


def _expected(rule: str) -> str:
    if options := re.search(r"regex '.*\((.*)\)", rule):
        return options[1].replace("|", " or ")
    words = re.sub(r"`([a-z]+)`", lambda kind: _TYPE_NAMES.get(kind[1], kind[1]), rule)
    return "a line of plain text" if "regex" in words else words.replace("`", "")


def _describe_value(path: str, value: Any) -> str:
    """The value at a path; empty if the path is ambiguous."""
    if "..." in path:
        return ""
    for name, index in re.findall(r"([^.\[\]]+)|\[(\d+)\]", path):
        value = value[name] if name else value[int(index)]
    shown = str(value)
    return f"; it is {shown[:60]!r}{' …' if len(shown) > 60 else ''}"


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    unique = dict(pairs)
    if len(unique) < len(pairs):
        raise ValueError("duplicate key")
    return unique


def _finite(number: str) -> float:
    if not math.isfinite(value := float(number)):
        raise ValueError(f"{number[:20]} is not a finite number")
    return value
