"""People's ratings as a CSV file that spreadsheets open, and back; the same row always gets the same id."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from captioner.app.components.wording import BYTE_ORDER_MARK
from captioner.errors import CaptionerError
from captioner.evaluation.predictions import ScoredCaption
from captioner.feedback import csv_table
from captioner.feedback.rating import RATINGS, Rating, clean_text, now, rating_id
from captioner.text import escape_formula, unescape_formula

COLUMNS = (
    "id",
    "time",
    "rating",
    "caption",
    "remark",
    "image",
    "bundle_checksum",
    "cider",
    "expected_precision",
)
REQUIRED = frozenset({"rating", "caption", "bundle_checksum"})
MAX_BYTES, MAX_ROWS = 5_000_000, 20_000  # of a file
TIMES = ("%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d.%m.%Y")  # as spreadsheets change ISO dates

_ID = re.compile(r"r[0-9a-f]{31}")
_CHECKSUM = re.compile(r"[0-9a-f]{64}")


def to_csv(ratings: Iterable[Rating], scored: Mapping[tuple[str, str], ScoredCaption]) -> bytes:
    """The file of these ratings, with the scores of captions that are known by image and caption."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for one in ratings:
        row = scored.get((one.image, one.caption))
        share = "" if row is None or row.expected_precision is None else row.expected_precision
        texts = (escape_formula(text) for text in (one.caption, one.remark, one.image))
        cells = (one.id, f"{one.time.isoformat()}Z", one.rating, *texts, one.bundle_checksum)
        writer.writerow([*cells, row.cider if row else "", share])
    return f"{BYTE_ORDER_MARK}{file.getvalue()}".encode()


def from_csv(data: bytes) -> list[Rating]:
    """Read what ``to_csv`` wrote, also after a spreadsheet saved it, or a table that people made themselves.

    Rows without an id get one from what they say, so that the same file always gives the same ids.

    Raises:
        CaptionerError: the file is not valid; says which row, what was expected and what it has.
    """
    rows = csv_table.read(data, "file of ratings", REQUIRED, MAX_BYTES)
    if len(rows) > MAX_ROWS:
        raise CaptionerError(f"the file has {len(rows):,} rows; {MAX_ROWS:,} can be read at once. Split it.")
    source = hashlib.sha256(data).hexdigest()[:16]
    seen: Counter[tuple[str, ...]] = Counter()
    ratings = {}
    for number, row in enumerate(rows, start=2):
        values = tuple(row.get(name, "") for name in COLUMNS[1:7])
        seen[values] += 1
        one = _rating(number, row, rating_id(b"", *values, str(seen[values])))
        ratings[one.id] = replace(one, source=source)
    return list(ratings.values())


def _rating(number: int, cell: Mapping[str, str], id: str) -> Rating:
    caption, remark, image = (
        clean_text(unescape_formula(cell.get(name, ""))) for name in ("caption", "remark", "image")
    )
    time = cell.get("time", "")
    rules = (
        (not cell.get("id") or _ID.fullmatch(cell["id"]), "the id must be as downloaded, or empty", "id"),
        (cell["rating"].lower() in RATINGS, f"the rating must be {csv_table.listed(RATINGS)}", "rating"),
        (caption or cell.get("id"), "a rating needs the caption that was rated", "caption"),
        (
            _CHECKSUM.fullmatch(cell["bundle_checksum"]),
            "bundle_checksum must have 64 digits",
            "bundle_checksum",
        ),
        (not time or _time(time), "the time must be like 2026-11-26T12:30:00Z, or empty", "time"),
        (_plausible(cell.get("cider", ""), 10), "cider must be a number from 0 to 10, or empty", "cider"),
        (
            _plausible(cell.get("expected_precision", ""), 1),
            "expected_precision must be a number from 0 to 1, or empty",
            "expected_precision",
        ),
    )
    csv_table.check(number, [(holds, rule, cell.get(name, "")) for holds, rule, name in rules])
    return Rating(
        cell.get("id") or id,
        caption,
        cell["rating"].lower(),
        cell["bundle_checksum"],
        remark,
        image,
        _time(time) or now(),
    )


def _plausible(text: str, maximum: float) -> bool:
    """Whether a score can be one. It is not read: the bundle has it."""
    value = csv_table.number(text)
    return value is None or 0 <= value <= maximum


def _time(text: str) -> datetime | None:
    """A time in UTC, in whole seconds; None where it is none."""
    for read in (
        datetime.fromisoformat,
        *(lambda text, form=form: datetime.strptime(text, form) for form in TIMES),
    ):
        try:
            time: datetime = read(text)
            utc = time.astimezone(UTC) if time.tzinfo else time
        except (ValueError, OverflowError):
            continue
        return utc.replace(microsecond=0, tzinfo=None)
    return None
