"""Strict reading of the JSON and CSV files of a bundle into typed records.

All that is wrong with a file is one ``BundleError``: the file, the field, its rule, and the value found.
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
    """Strict JSON: UTF-8, no key twice, no NaN or infinity. ``BundleError`` naming the file otherwise.

    Keys of format 1 are renamed; ``name`` is the one that the file has in format 2.
    """

    def unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
        return _unique(migration.renamed(name, pairs) if version == 1 else pairs)

    hooks: dict[str, Any] = {"object_pairs_hook": unique, "parse_constant": _finite, "parse_float": _finite}
    try:
        value: object = json.loads(data.decode(), **hooks)
        if b"\\u" in data:
            json.dumps(value, ensure_ascii=False).encode()  # half a character can be shown nowhere
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
    """A value as JSON has it, as a record; ``name`` is the file's, for the error.

    Raises:
        BundleError: a field is missing or breaks its rule: which, the rule, what came.
    """
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise BundleError(f"{name}: {_describe(str(error), value)}. {PULL_AGAIN}") from error


def rows(text: str, kind: type[Row], name: str, most: int) -> list[Row]:
    """The rows of a CSV file with a head; a blank is None, and so is NaN in a column that may lack values.

    A record's ``scores`` are the columns of the metrics that score an image alone.

    Raises:
        BundleError: it is no table, has more than ``most`` rows, or a cell breaks the rule of its column.
    """
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    lacking = {field.name for field in msgspec.structs.fields(kind) if not field.required}
    scored = metrics.per_image_metrics() if "scores" in kind.__struct_fields__ else []
    found: list[Row] = []
    try:
        head = next(reader, [])
        if len(set(head)) < len(head):
            raise BundleError(f"{name} has two columns of the same name. {PULL_AGAIN}")
        for cells in reader:
            if len(found) == most:
                raise BundleError(f"{name} must have at most {most:,} rows; it has more. {PULL_AGAIN}")
            if len(cells) != len(head):
                raise BundleError(
                    f"{name}, row {len(found) + 1}: {len(cells)} cells, not {len(head)}. {PULL_AGAIN}"
                )
            named: dict[str, Any] = {
                c: v for c, v in zip(head, cells, strict=True) if c not in lacking or v not in ("", "nan")
            }
            if scored:
                named["scores"] = {key: named[key] for key in scored if key in named}
            found.append(_row(named, kind, f"{name}, row {len(found) + 1}"))
    except csv.Error as error:
        raise BundleError(f"{name} is not a table as captioner writes it ({error}). {PULL_AGAIN}") from error
    return found


def _row(cells: dict[str, Any], kind: type[Row], name: str) -> Row:
    try:
        return msgspec.convert(cells, kind, strict=False)  # numbers, too, are text in a CSV file
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
    """A message of msgspec in plain words, with the field and its value."""
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
    else:  # a rule about several fields
        return rule
    return f"{'each key of ' if keyed else ''}{path or 'it'} {rule}{_describe_value(path, value)}"


def _expected(rule: str) -> str:
    if options := re.search(r"regex '.*\((.*)\)", rule):
        return options[1].replace("|", " or ")
    words = re.sub(r"`([a-z]+)`", lambda kind: _TYPE_NAMES.get(kind[1], kind[1]), rule)
    return "a line of plain text" if "regex" in words else words.replace("`", "")


def _describe_value(path: str, value: Any) -> str:
    """What stands at a path; nothing where the path does not tell which of many."""
    if "..." in path:
        return ""
    for name, index in re.findall(r"([^.\[\]]+)|\[(\d+)\]", path):
        value = value[name] if name else value[int(index)]
    shown = str(value)
    return f"; it is {shown[:60]!r}{' …' if len(shown) > 60 else ''}"


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice")
    return found


def _finite(number: str) -> float:
    if not math.isfinite(value := float(number)):
        raise ValueError(f"{number[:20]} is not a finite number")
    return value
