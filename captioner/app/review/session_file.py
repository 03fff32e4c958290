"""A rating session as a CSV file that spreadsheets open, and back."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Mapping, Sequence

from captioner.app.components.wording import BYTE_ORDER_MARK
from captioner.app.review.session import RATINGS, Item, RatingSession, clean_text
from captioner.errors import CaptionerError
from captioner.inference.warning import SENTENCES
from captioner.text import escape_formula, unescape_formula

COLUMNS = (
    "picture",
    "upload_hash",
    "caption",
    "log_prob",
    "warnings",
    "rating",
    "remark",
    "cider",
    "model",
    "expected_share",
)
OLD_NAMES = {"digest": "upload_hash"}  # columns of files saved by earlier versions
REQUIRED = frozenset(COLUMNS) - {"cider", "warnings", "expected_share"}
WARNINGS = tuple(SENTENCES)  # codes
MAX_BYTES = 1_000_000  # of a file: a full session has 200,000

_HASH = re.compile(r"([0-9a-f]{16})?")
_MODEL = re.compile(r"[0-9a-f]{64}")


def to_csv(session: RatingSession, ciders: Mapping[str, float]) -> bytes:
    """The file of a session, with the CIDEr of the items that ``ciders`` has, by their ids."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for item in session.items:
        texts = [escape_formula(item.picture), item.upload_hash, escape_formula(item.caption)]
        log_prob = "" if item.log_prob is None else repr(item.log_prob)
        cider = ciders.get(item.id, "")
        rating = item.warnings, item.rating, escape_formula(item.remark)
        share = "" if item.expected_share is None else repr(item.expected_share)
        writer.writerow([*texts, log_prob, *rating, cider, session.model, share])
    return f"{BYTE_ORDER_MARK}{file.getvalue()}".encode()


def from_csv(data: bytes) -> RatingSession:
    """Read a session's file, also after a spreadsheet saved it with semicolons and decimal commas.

    Raises:
        CaptionerError: the file is not valid; says which row, what was expected and what it has.
    """
    text = _text(data)
    head = text.partition("\n")[0]
    delimiter = ";" if ";" in head and "," not in head else ","
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        reader.fieldnames = [OLD_NAMES.get(name, name) for name in reader.fieldnames or ()]
        if missing := sorted(REQUIRED - set(reader.fieldnames)):
            raise CaptionerError(
                f"the file is no saved review session: it has no column {missing[0]}. "
                "Load one downloaded here."
            )
        rows = [_row(number, row) for number, row in enumerate(reader, start=2)]
    except csv.Error as error:
        raise CaptionerError(f"the file is no table ({error}). Load one downloaded here.") from error
    models = {model for model, _ in rows}
    if len(models) > 1:
        raise CaptionerError("the file has ratings of several models. Load one file for each.")
    try:
        return RatingSession(next(iter(models), ""), tuple(item for _, item in rows))
    except ValueError as error:
        raise CaptionerError(f"the file does not make a review session: {error}.") from error


def _text(data: bytes) -> str:
    if len(data) > MAX_BYTES:
        raise CaptionerError(
            "the file is over 1 MB, more than a review session takes. Load one downloaded here."
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CaptionerError(
            "the file is not UTF-8 text. Save it as “CSV UTF-8”, or load the one downloaded here."
        ) from error


def _row(number: int, row: Mapping[str | None, str | None]) -> tuple[str, Item]:
    """The model's checksum and the item of one row; DictReader marks rows of another length with None."""
    if None in row or None in row.values():
        raise CaptionerError(f"row {number} of the file does not have as many cells as the first row.")
    cell = {name: (text or "").strip() for name, text in row.items() if name}
    item = Item(
        picture=clean_text(unescape_formula(cell["picture"])),
        upload_hash=cell["upload_hash"],
        caption=clean_text(unescape_formula(cell["caption"])),
        log_prob=_number(cell["log_prob"]),
        rating=cell["rating"].lower(),
        remark=clean_text(unescape_formula(cell["remark"])),
        warnings=" ".join(cell.get("warnings", "").split()),
        expected_share=_number(cell.get("expected_share", "")),
    )
    known_warnings = set(item.warnings.split()) <= set(WARNINGS)
    rules = (
        (item.picture, "the picture must have a name", cell["picture"]),
        (
            _HASH.fullmatch(item.upload_hash),
            "upload_hash must be 16 hexadecimal digits, or empty",
            item.upload_hash,
        ),
        (item.rating in ("", *RATINGS), f"the rating must be {_listed(RATINGS)}, or empty", item.rating),
        (item.caption or not item.rating, "a rating needs the caption that was rated", item.caption),
        (_plausible(item.log_prob), "log_prob must be a number up to 0, or empty", cell["log_prob"]),
        (
            item.expected_share is None or 0 <= item.expected_share <= 1,
            "expected_share must be a number from 0 to 1, or empty",
            cell.get("expected_share", ""),
        ),
        (known_warnings, f"warnings must be {_listed(WARNINGS)}, or empty", item.warnings),
        (_MODEL.fullmatch(cell["model"]), "the model must be a checksum of 64 digits", cell["model"]),
    )
    for holds, rule, value in rules:
        if not holds:
            raise CaptionerError(f"row {number} of the file: {rule}; it is “{value[:40]}”.")
    return cell["model"], item


def _listed(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}"


def _number(text: str) -> float | None:
    try:
        return float(text.replace(",", ".")) if text else None
    except ValueError:
        return math.nan


def _plausible(log_prob: float | None) -> bool:
    return log_prob is None or (math.isfinite(log_prob) and log_prob <= 0)
