"""What a person says about a caption: right, partly right or wrong. Knows no pixels, no model, no page."""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

RATINGS = RIGHT, PARTLY, WRONG = "right", "partly", "wrong"  # best first
MAX_TEXT = 300  # characters of a remark or a name


@dataclass(frozen=True)
class Rating:
    """One person's rating of one caption: all that is stored of it."""

    id: str  # of this person's rating of this caption; nobody can tell from it who that is
    caption: str  # not where it is about somebody's own picture in a review session
    rating: str  # one of RATINGS
    bundle_checksum: str  # that the caption is from
    remark: str = ""
    image: str = ""  # file name of an example; empty for an upload
    time: datetime = datetime.min  # UTC, whole seconds
    source: str = ""  # of a rating from a file, which file: so that whoever runs the app can undo that


@dataclass(frozen=True)
class Tally:
    """How many people gave a caption the same rating."""

    bundle_checksum: str
    image: str  # file name of an example; empty for an upload
    caption: str
    rating: str
    count: int


def tallied(ratings: Iterable[Rating]) -> list[Tally]:
    """Ratings, counted."""
    counted = Counter((one.bundle_checksum, one.image, one.caption, one.rating) for one in ratings)
    return [Tally(*what, count) for what, count in counted.items()]


def rating_id(secret: bytes, *about: str) -> str:
    """The same id for the same secret and the same thing that is rated; it gives neither of them away."""
    digest = hmac.new(secret, "\0".join(about).encode(), hashlib.sha256).hexdigest()
    return f"r{digest[:31]}"  # with a letter first, no spreadsheet takes it for a number


def now() -> datetime:
    """The time in UTC, in whole seconds, without a time zone: every database keeps that as it is."""
    return datetime.now(UTC).replace(microsecond=0, tzinfo=None)


def clean_text(text: str) -> str:
    """One line of printable text, at most ``MAX_TEXT`` characters."""
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(printable.split())[:MAX_TEXT].strip()
