"""A review session as a CSV file that spreadsheets open, and back."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Mapping
from dataclasses import replace

from captioner.app.components.wording import BYTE_ORDER_MARK
from captioner.errors import CaptionerError
from captioner.feedback import csv_table
from captioner.feedback.rating import RATINGS, clean_text
from captioner.feedback.session import Item, ReviewSession
from captioner.inference.warning import LOW_CONFIDENCE, NOVELTY, SENTENCES
from captioner.text import escape_formula, unescape_formula

COLUMNS = (
    "image",
    "upload_hash",
    "caption",
    "log_prob",
    "warnings",
    "rating",
    "remark",
    "cider",
    "bundle_checksum",
    "expected_precision",
    "rater",
)
REQUIRED = frozenset(COLUMNS) - {"cider", "warnings", "expected_precision", "rater"}
WARNINGS = tuple(SENTENCES)  # codes
FORMER_WARNINGS = {"unfamiliar": NOVELTY, "unsure": LOW_CONFIDENCE}  # of files saved by earlier versions
MAX_BYTES = 5_000_000  # of a file: a full session of one rater has 200,000

_HASH = re.compile(r"([0-9a-f]{16})?")
_CHECKSUM = re.compile(r"[0-9a-f]{64}")


def to_csv(by_rater: Mapping[str, ReviewSession], ciders: Mapping[str, float]) -> bytes:
    """The file of a session as each rater rated it, with CIDEr where ``ciders`` has it, by the items' ids.

    First every item, with the ratings of those without a name (""); then what each of the others said.
    """
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for rater, session in by_rater.items():
        for item in session.items:
            if item.rating or item.remark or not rater:
                cells = (
                    _cells(item),
                    ciders.get(item.id, ""),
                    session.bundle_checksum,
                    _text(item.expected_precision),
                )
                writer.writerow([*cells[0], *cells[1:], escape_formula(rater)])
    return f"{BYTE_ORDER_MARK}{file.getvalue()}".encode()


def _cells(item: Item) -> list[str]:
    return [
        escape_formula(item.image),
        item.upload_hash,
        escape_formula(item.caption),
        _text(item.log_prob),
        item.warnings,
        item.rating,
        escape_formula(item.remark),
    ]


def _text(number: float | None) -> str:
    return "" if number is None else repr(number)


def from_csv(data: bytes) -> dict[str, ReviewSession]:
    """Read what ``to_csv`` wrote, also after a spreadsheet saved it with semicolons and decimal commas.

    Raises:
        CaptionerError: the file is not valid; says which row, what was expected and what it has.
    """
    cells = csv_table.read(data, "saved review session", REQUIRED, MAX_BYTES)
    rows = [_row(number, row) for number, row in enumerate(cells, start=2)]
    models = {model for model, _, _ in rows}
    if len(models) > 1:
        raise CaptionerError("the file has ratings of several models. Load one file for each.")
    by_rater: dict[str, list[Item]] = {"": []}
    for _, rater, item in rows:
        by_rater.setdefault(rater, []).append(item)
    try:
        everything = ReviewSession(next(iter(models), ""), tuple(by_rater.pop("")))
        return {"": everything, **{rater: _merged(everything, items) for rater, items in by_rater.items()}}
    except ValueError as error:
        raise CaptionerError(f"the file does not make a review session: {error}.") from error


def _merged(everything: ReviewSession, items: list[Item]) -> ReviewSession:
    """The session with one rater's ratings.

    Raises:
        ValueError: one is of a picture that the session does not have, or two are of the same.
    """
    rated = {item.id: item for item in ReviewSession(everything.bundle_checksum, tuple(items)).items}
    if others := rated.keys() - {item.id for item in everything.items}:
        raise ValueError(
            f"a rater's picture must also stand in a row without a rater; {min(others)} does not"
        )
    return replace(everything, items=tuple(rated.get(item.id, item) for item in everything.unrated().items))


def _row(number: int, cell: Mapping[str, str]) -> tuple[str, str, Item]:
    """The model's checksum, the rater and the item of one row."""
    item = Item(
        image=clean_text(unescape_formula(cell["image"])),
        upload_hash=cell["upload_hash"],
        caption=clean_text(unescape_formula(cell["caption"])),
        log_prob=csv_table.number(cell["log_prob"]),
        rating=cell["rating"].lower(),
        remark=clean_text(unescape_formula(cell["remark"])),
        warnings=" ".join(FORMER_WARNINGS.get(code, code) for code in cell.get("warnings", "").split()),
        expected_precision=csv_table.number(cell.get("expected_precision", "")),
    )
    _check(number, cell, item)
    return cell["bundle_checksum"], clean_text(unescape_formula(cell.get("rater", ""))), item


def _check(number: int, cell: Mapping[str, str], item: Item) -> None:
    share, known_warnings = item.expected_precision, set(item.warnings.split()) <= set(WARNINGS)
    checksum = cell["bundle_checksum"]
    ratings, warnings = csv_table.listed(RATINGS), csv_table.listed(WARNINGS)
    rules = (
        (item.image, "image must be the name of a picture", cell["image"]),
        (
            _HASH.fullmatch(item.upload_hash),
            "upload_hash must be 16 hexadecimal digits, or empty",
            item.upload_hash,
        ),
        (item.rating in ("", *RATINGS), f"the rating must be {ratings}, or empty", item.rating),
        (item.caption or not item.rating, "a rating needs the caption that was rated", item.caption),
        (_plausible(item.log_prob), "log_prob must be a number up to 0, or empty", cell["log_prob"]),
        (
            share is None or 0 <= share <= 1,
            "expected_precision must be a number from 0 to 1, or empty",
            cell.get("expected_precision", ""),
        ),
        (known_warnings, f"warnings must be {warnings}, or empty", item.warnings),
        (_CHECKSUM.fullmatch(checksum), "bundle_checksum must have 64 digits", checksum),
    )
    csv_table.check(number, rules)


def _plausible(log_prob: float | None) -> bool:
    return log_prob is None or (math.isfinite(log_prob) and log_prob <= 0)
