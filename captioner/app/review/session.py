"""A rating session: people look at pictures and rate the captions. Knows no pixels, no model, no page."""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace

RATINGS = ("right", "partly", "wrong")  # best first
MAX_PICTURES = 100  # in a session
MAX_TEXT = 300  # characters of a remark or a name
MAX_SESSIONS = 100  # in memory: with the limits above, some 10 MB
LIFETIME = 12 * 3600  # seconds since the last change


@dataclass(frozen=True)
class Item:
    """One picture of a session, its caption, and how people rate that."""

    picture: str  # the file's name
    upload_hash: str = ""  # of an upload (names repeat): the first 16 digits of its SHA-256
    caption: str = ""  # empty until there is one
    log_prob: float | None = None
    rating: str = ""  # one of RATINGS; empty: not rated yet
    remark: str = ""
    warnings: str = ""  # codes of the warnings that came with the caption, separated by spaces
    expected_share: float | None = (
        None  # of the caption's words, that people use, too; None if not calibrated
    )

    @property
    def id(self) -> str:
        return self.upload_hash or self.picture


@dataclass(frozen=True)
class RatingSession:
    """Pictures in their order with their ratings; a change makes a new session.

    Raises:
        ValueError: there are no pictures, too many, or one twice.
    """

    model: str  # checksum of the bundle that the captions are from
    items: tuple[Item, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.items) <= MAX_PICTURES:
            raise ValueError(f"a review session has 1 to {MAX_PICTURES} pictures; got {len(self.items)}")
        if len({item.id for item in self.items}) < len(self.items):
            raise ValueError("a picture is in a review session once; got one twice")

    @property
    def rated(self) -> tuple[Item, ...]:
        return tuple(item for item in self.items if item.rating)

    @property
    def done(self) -> bool:
        return len(self.rated) == len(self.items)

    def rate(
        self,
        id: str,
        rating: str,
        caption: str,
        log_prob: float | None,
        warnings: str = "",
        expected_share: float | None = None,
    ) -> RatingSession:
        """Rate a picture's caption.

        Raises:
            ValueError: the rating is not one of ``RATINGS``.
        """
        if rating not in RATINGS:
            raise ValueError(f"a rating is one of {', '.join(RATINGS)}; got {rating!r}")
        return self._changed(
            id,
            lambda item: replace(
                item,
                rating=rating,
                caption=caption,
                log_prob=log_prob,
                warnings=warnings,
                expected_share=expected_share,
            ),
        )

    def set_remark(self, id: str, remark: str) -> RatingSession:
        """Set the remark about a picture."""
        return self._changed(id, lambda item: replace(item, remark=clean_text(remark)))

    def next_unrated(self, position: int) -> int:
        """Index of the next picture without a rating, from the start again after the end; else the same."""
        count = len(self.items)
        indices = [(position + step) % count for step in range(1, count + 1)]
        return next((index for index in indices if not self.items[index].rating), position)

    def _changed(self, id: str, change: Callable[[Item], Item]) -> RatingSession:
        return replace(self, items=tuple(change(item) if item.id == id else item for item in self.items))


def clean_text(text: str) -> str:
    """One line of printable text, at most ``MAX_TEXT`` characters."""
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(printable.split())[:MAX_TEXT].strip()


class RatingSessionStore:
    """Open sessions in memory, each under a key that cannot be guessed. Thread-safe.

    A session is removed ``lifetime`` seconds after its last change, or earlier where there are more than
    ``max_sessions``: then the one unchanged for longest goes first.
    """

    def __init__(
        self,
        max_sessions: int = MAX_SESSIONS,
        lifetime: float = LIFETIME,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._max_sessions, self._lifetime, self._clock = max_sessions, lifetime, clock
        self._sessions: OrderedDict[str, tuple[float, RatingSession]] = OrderedDict()  # by time of change
        self._lock = threading.Lock()

    def open(self, session: RatingSession) -> str:
        """Add a session; returns its key."""
        key = secrets.token_urlsafe(16)
        with self._lock:
            self._put(key, session)
        return key

    def find(self, key: str) -> RatingSession | None:
        with self._lock:
            self._remove_old()
            return self._sessions[key][1] if key in self._sessions else None

    def change(self, key: str, change: Callable[[RatingSession], RatingSession]) -> RatingSession | None:
        """Replace a session by ``change`` of it, and return that; None where it is no longer there."""
        with self._lock:
            self._remove_old()
            if key not in self._sessions:
                return None
            self._put(key, change(self._sessions[key][1]))
            return self._sessions[key][1]

    def _put(self, key: str, session: RatingSession) -> None:
        self._sessions[key] = self._clock(), session
        self._sessions.move_to_end(key)
        self._remove_old()

    def _remove_old(self) -> None:
        while self._sessions:
            changed, _ = next(iter(self._sessions.values()))
            if len(self._sessions) <= self._max_sessions and self._clock() - changed <= self._lifetime:
                return
            self._sessions.popitem(last=False)
