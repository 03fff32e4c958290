"""A sitting: people rate what the model says about pictures. No pictures here, no model, no page.

Sitting ──rate, annotate──> Sitting ──> shares with their intervals, agreement with a score
   └──> CSV ──> Sitting
Sittings: all that are going on, in memory, each under a key that cannot be guessed
"""

from __future__ import annotations

import csv
import io
import math
import re
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from captioner.app.components.spreadsheet import BYTE_ORDER_MARK, defused, revealed
from captioner.errors import CaptionerError
from captioner.inference.warning import SENTENCES

VERDICTS = ("right", "partly", "wrong")  # best first
WARNINGS = tuple(SENTENCES)  # codes
MOST = 100  # pictures in a sitting
LONGEST = 300  # characters of a remark or a name
OPEN = 100  # sittings at a time: with MOST and LONGEST, some 10 MB
KEPT = 12 * 3600  # seconds since the last change
MAX_BYTES = 1_000_000  # of a file: MOST rows have 200,000
COLUMNS = ("picture", "digest", "caption", "log_prob", "warnings", "rating", "remark", "cider", "model")
NEEDED = frozenset(COLUMNS) - {"cider", "warnings"}
Z = 1.959964  # 95 % of a normal distribution lie within so many standard deviations

_DIGEST = re.compile(r"([0-9a-f]{16})?")
_MODEL = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Entry:
    """One picture of a sitting and what people say about its caption."""

    picture: str  # the file's name
    digest: str = ""  # of an upload, as uploads share names: the first 16 digits of its SHA-256
    caption: str = ""  # empty until the model was asked
    log_prob: float | None = None
    rating: str = ""  # one of VERDICTS; empty: not rated yet
    remark: str = ""
    warnings: str = ""  # codes of what the caption came with, a space between

    @property
    def id(self) -> str:
        return self.digest or self.picture


@dataclass(frozen=True)
class Sitting:
    """Pictures in their order with their ratings. Raises ValueError for none, too many, or twins."""

    model: str  # checksum of the bundle that said the captions
    entries: tuple[Entry, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.entries) <= MOST:
            raise ValueError(f"a sitting has 1 to {MOST} pictures; got {len(self.entries)}")
        if len({entry.id for entry in self.entries}) < len(self.entries):
            raise ValueError("a picture is in a sitting once; got one twice")

    @property
    def rated(self) -> tuple[Entry, ...]:
        return tuple(entry for entry in self.entries if entry.rating)

    @property
    def done(self) -> bool:
        return len(self.rated) == len(self.entries)

    def rate(self, id: str, rating: str, caption: str, log_prob: float | None, warnings: str = "") -> Sitting:
        """Say of a picture's caption that it is right, partly right or wrong."""
        if rating not in VERDICTS:
            raise ValueError(f"a rating is one of {', '.join(VERDICTS)}; got {rating!r}")
        return self._changed(
            id,
            lambda entry: replace(
                entry, rating=rating, caption=caption, log_prob=log_prob, warnings=warnings
            ),
        )

    def annotate(self, id: str, remark: str) -> Sitting:
        """Put a remark to a picture in place of the one before."""
        return self._changed(id, lambda entry: replace(entry, remark=cleaned(remark)))

    def following(self, position: int) -> int:
        """The next picture to rate after this one, around the end; where all are rated, this one."""
        count = len(self.entries)
        around = [(position + step) % count for step in range(1, count + 1)]
        return next((index for index in around if not self.entries[index].rating), position)

    def _changed(self, id: str, change: Callable[[Entry], Entry]) -> Sitting:
        return replace(self, entries=tuple(change(e) if e.id == id else e for e in self.entries))


@dataclass(frozen=True)
class Share:
    """So many of a total, and between which shares it would lie with a great many pictures of the kind."""

    count: int
    total: int

    @property
    def value(self) -> float:
        return self.count / self.total if self.total else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """95 % score interval (Wilson 1927), which unlike the usual one makes sense for few pictures."""
        if not self.total:
            return 0.0, 1.0
        n, p = self.total, self.value
        centre = (p + Z * Z / (2 * n)) / (1 + Z * Z / n)
        half = Z * math.sqrt(p * (1 - p) / n + Z * Z / (4 * n * n)) / (1 + Z * Z / n)
        return max(0.0, min(p, centre - half)), min(1.0, max(p, centre + half))


def shares(entries: Sequence[Entry]) -> dict[str, Share]:
    """How many of the rated captions got each verdict."""
    rated = [entry.rating for entry in entries if entry.rating]
    return {verdict: Share(rated.count(verdict), len(rated)) for verdict in VERDICTS}


def agreement(rated: Iterable[tuple[str, float]]) -> tuple[float, int] | None:
    """How often a number agrees with people about which of two captions is better.

    Over all pairs of (rating, number) with different ratings, the share in which the better rating has the
    larger number, equal numbers counting half; and how many pairs there are. None without such a pair.
    """
    ranked = sorted(rated, key=lambda one: VERDICTS.index(one[0]))
    pairs = [(better, worse) for better, worse in combinations(ranked, 2) if better[0] != worse[0]]
    if not pairs:
        return None
    agreeing = sum((better > worse) + (better == worse) / 2 for (_, better), (_, worse) in pairs)
    return agreeing / len(pairs), len(pairs)


def cleaned(text: str) -> str:
    """One line of printable text, at most ``LONGEST`` characters."""
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(printable.split())[:LONGEST].strip()


def to_csv(sitting: Sitting, ciders: Mapping[str, float]) -> bytes:
    """The sitting as a file that spreadsheets open, with the CIDEr of the pictures for which it is known."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for entry in sitting.entries:
        texts = [defused(entry.picture), entry.digest, defused(entry.caption)]
        log_prob = "" if entry.log_prob is None else repr(entry.log_prob)
        cider = ciders.get(entry.id, "")
        rating = entry.warnings, entry.rating, defused(entry.remark)
        writer.writerow([*texts, log_prob, *rating, cider, sitting.model])
    return f"{BYTE_ORDER_MARK}{file.getvalue()}".encode()


def from_csv(data: bytes) -> Sitting:
    """A sitting from its file, also after a spreadsheet has saved it with semicolons and decimal commas.

    Raises:
        CaptionerError: it is no such file: which row, what was expected, what is there.
    """
    text = _text(data)
    head = text.partition("\n")[0]
    reader = csv.DictReader(
        io.StringIO(text, newline=""), delimiter=";" if ";" in head and "," not in head else ","
    )
    try:
        if lacking := sorted(NEEDED - set(reader.fieldnames or ())):
            raise CaptionerError(
                f"the file is no saved sitting: it has no column {lacking[0]}. Load one downloaded here."
            )
        rows = [_row(number, row) for number, row in enumerate(reader, start=2)]
    except csv.Error as error:
        raise CaptionerError(f"the file is no table ({error}). Load one downloaded here.") from error
    models = {model for model, _ in rows}
    if len(models) > 1:
        raise CaptionerError("the file has ratings of several models. Load one file for each.")
    try:
        return Sitting(next(iter(models), ""), tuple(entry for _, entry in rows))
    except ValueError as error:
        raise CaptionerError(f"the file does not make a sitting: {error}.") from error


def _text(data: bytes) -> str:
    if len(data) > MAX_BYTES:
        raise CaptionerError("the file is over 1 MB, more than a sitting takes. Load one downloaded here.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CaptionerError(
            "the file is not UTF-8 text. Save it as “CSV UTF-8”, or load the one downloaded here."
        ) from error


def _row(number: int, row: Mapping[str | None, str | None]) -> tuple[str, Entry]:
    """The model's checksum and the entry of one row; DictReader marks rows of another length with None."""
    if None in row or None in row.values():
        raise CaptionerError(f"row {number} of the file has not as many cells as the first row.")
    cell = {name: (text or "").strip() for name, text in row.items() if name}
    entry = Entry(
        picture=cleaned(revealed(cell["picture"])),
        digest=cell["digest"],
        caption=cleaned(revealed(cell["caption"])),
        log_prob=_number(cell["log_prob"]),
        rating=cell["rating"].lower(),
        remark=cleaned(revealed(cell["remark"])),
        warnings=" ".join(cell.get("warnings", "").split()),
    )
    known = set(entry.warnings.split()) <= set(WARNINGS)
    rules = (
        (entry.picture, "the picture must have a name", cell["picture"]),
        (_DIGEST.fullmatch(entry.digest), "the digest must be 16 hexadecimal digits, or empty", entry.digest),
        (entry.rating in ("", *VERDICTS), f"the rating must be {_listed(VERDICTS)}, or empty", entry.rating),
        (entry.caption or not entry.rating, "a rating needs the caption that was rated", entry.caption),
        (_plausible(entry.log_prob), "log_prob must be a number up to 0, or empty", cell["log_prob"]),
        (known, f"warnings must be {_listed(WARNINGS)}, or empty", entry.warnings),
        (_MODEL.fullmatch(cell["model"]), "the model must be a checksum of 64 digits", cell["model"]),
    )
    for kept, rule, found in rules:
        if not kept:
            raise CaptionerError(f"row {number} of the file: {rule}; it is “{found[:40]}”.")
    return cell["model"], entry


def _listed(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}"


def _number(text: str) -> float | None:
    try:
        return float(text.replace(",", ".")) if text else None
    except ValueError:
        return math.nan


def _plausible(log_prob: float | None) -> bool:
    return log_prob is None or (math.isfinite(log_prob) and log_prob <= 0)


class Sittings:
    """The sittings going on, for ``seconds`` after their last change. Serves many threads.

    Beyond ``most``, the one that was left alone longest makes room.
    """

    def __init__(
        self, most: int = OPEN, seconds: float = KEPT, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most, self._seconds, self._clock = most, seconds, clock
        self._kept: OrderedDict[str, tuple[float, Sitting]] = OrderedDict()  # longest unchanged first
        self._lock = threading.Lock()

    def open(self, sitting: Sitting) -> str:
        """Keep a sitting, and give the key to it."""
        key = secrets.token_urlsafe(16)
        with self._lock:
            self._put(key, sitting)
        return key

    def find(self, key: str) -> Sitting | None:
        with self._lock:
            self._forget()
            return self._kept[key][1] if key in self._kept else None

    def change(self, key: str, change: Callable[[Sitting], Sitting]) -> Sitting | None:
        """Put the changed sitting in place of the one before; None when it is no longer kept."""
        with self._lock:
            self._forget()
            if key not in self._kept:
                return None
            self._put(key, change(self._kept[key][1]))
            return self._kept[key][1]

    def _put(self, key: str, sitting: Sitting) -> None:
        self._kept[key] = self._clock(), sitting
        self._kept.move_to_end(key)
        self._forget()

    def _forget(self) -> None:
        while self._kept:
            changed, _ = next(iter(self._kept.values()))
            if len(self._kept) <= self._most and self._clock() - changed <= self._seconds:
                return
            self._kept.popitem(last=False)
