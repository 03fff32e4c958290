"""Keeps review sessions. Whoever has a session's key, which stands in its link, takes part; no other way
leads to it: the database has only the key's hash.

An upload comes again after the server has restarted, and has to be recognised: by the first digits of its
SHA-256. As such a digest would tell whoever reads the database whether a certain picture was reviewed, it is
stored XORed with digits that only the key gives (a one-time pad for each picture).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from captioner.feedback.database import Database
from captioner.feedback.rating import RATINGS, clean_text, now
from captioner.feedback.session import Item, ReviewSession
from captioner.feedback.tables import review_items, review_ratings, review_sessions

UPLOAD = "picture {number}"  # what an upload is called where nobody knows its file's name
CAPTION_COLUMNS = ("caption", "log_prob", "warnings", "expected_precision")  # empty until captioned


@dataclass(frozen=True)
class ReviewStore:
    """The review sessions in a database. Every method raises ``FeedbackError`` as ``Database.write`` does."""

    database: Database

    def open(self, session: ReviewSession, others: Mapping[str, ReviewSession] | None = None) -> str:
        """Keep a new session with its ratings, and those of others by their names; returns its key."""
        key = secrets.token_urlsafe(16)
        about = {
            "id": _id(key),
            "group_name": session.group,
            "bundle_checksum": session.bundle_checksum,
            "created": now(),
        }
        ratings = [
            row
            for rater, one in {"": session, **(others or {})}.items()
            for row in _rating_rows(key, rater, one)
        ]
        with self.database.write() as connection:
            connection.execute(sa.insert(review_sessions), about)
            connection.execute(sa.insert(review_items), _item_rows(key, session))
            if ratings:
                connection.execute(sa.insert(review_ratings), ratings)
        return key

    def by_rater(self, key: str) -> dict[str, ReviewSession]:
        """A session as each rater rated it; first "", those without a name, even if they rated nothing.

        Empty where no session has this key.
        """
        with self.database.read() as connection:
            session = _session(connection, key)
            if session is None:
                return {}
            ratings = {"": {}, **_ratings(connection, key)}
            return {rater: _rated(session, ratings[rater]) for rater in sorted(ratings)}

    def rate(self, key: str, rater: str, rated: Item) -> ReviewSession | None:
        """Keep a rating and its caption; the same rater's next one replaces it.

        Returns the session with this rater's ratings; None where no session has this key.

        Raises:
            ValueError: the rating is not one of ``RATINGS``.
        """
        if rated.rating not in RATINGS:
            raise ValueError(f"a rating is one of {', '.join(RATINGS)}; got {rated.rating!r}")
        with self.database.write() as connection:
            session = _session(connection, key)
            if session is None:
                return None
            position = [item.id for item in session.items].index(rated.id)
            items = review_items.c
            connection.execute(
                sa.update(review_items)
                .where(items.session == _id(key), items.position == position, items.caption == "")
                .values({name: getattr(rated, name) for name in CAPTION_COLUMNS})
            )
            row = _rating_row(key, position, rater, rating=rated.rating)
            self.database.upsert(connection, review_ratings, [row], ("rating", "time"))
            return _find(connection, key, rater)

    def set_remark(self, key: str, rater: str, id: str, remark: str) -> None:
        """Keep a rater's remark about the item of this id, if the session is there."""
        with self.database.write() as connection:
            if session := _session(connection, key):
                position = [item.id for item in session.items].index(id)
                row = _rating_row(key, position, rater, remark=clean_text(remark))
                self.database.upsert(connection, review_ratings, [row], ("remark", "time"))


def _id(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()


def _mask(key: str, position: int, digits: str) -> str:
    """16 hexadecimal digits as they are stored, and back; nothing stays nothing."""
    if not digits:
        return ""
    pad = hmac.new(key.encode(), str(position).encode(), hashlib.sha256).hexdigest()[:16]
    return f"{int(digits, 16) ^ int(pad, 16):016x}"


def _item_rows(key: str, session: ReviewSession) -> list[dict[str, Any]]:
    return [
        {
            "session": _id(key),
            "position": position,
            "image": "" if item.upload_hash else item.image,
            "upload": _mask(key, position, item.upload_hash),
            **{name: getattr(item, name) for name in CAPTION_COLUMNS},
        }
        for position, item in enumerate(session.items)
    ]


def _rating_row(key: str, position: int, rater: str, rating: str = "", remark: str = "") -> dict[str, Any]:
    where = {"session": _id(key), "position": position, "rater": rater}
    return {**where, "rating": rating, "remark": remark, "time": now()}


def _rating_rows(key: str, rater: str, session: ReviewSession) -> list[dict[str, Any]]:
    """The rows of what a rater has said."""
    return [
        _rating_row(key, position, rater, item.rating, item.remark)
        for position, item in enumerate(session.items)
        if item.rating or item.remark
    ]


def _find(connection: Connection, key: str, rater: str) -> ReviewSession | None:
    session = _session(connection, key)
    return session and _rated(session, _ratings(connection, key, rater).get(rater, {}))


def _session(connection: Connection, key: str) -> ReviewSession | None:
    """A session without ratings."""
    about = connection.execute(sa.select(review_sessions).where(review_sessions.c.id == _id(key))).first()
    if about is None:
        return None
    rows = connection.execute(
        sa.select(review_items).where(review_items.c.session == _id(key)).order_by(review_items.c.position)
    )
    items = tuple(
        Item(
            row.image or UPLOAD.format(number=row.position + 1),
            _mask(key, row.position, row.upload),
            **{name: row._mapping[name] for name in CAPTION_COLUMNS},
        )
        for row in rows
    )
    return ReviewSession(about.bundle_checksum, items, about.group_name)


Rated = dict[int, tuple[str, str]]  # position → rating, remark


def _ratings(connection: Connection, key: str, rater: str | None = None) -> dict[str, Rated]:
    """By rater; only one rater's, where that is given."""
    columns = review_ratings.c
    chosen = sa.select(review_ratings).where(columns.session == _id(key))
    ratings: dict[str, Rated] = {}
    for row in connection.execute(chosen if rater is None else chosen.where(columns.rater == rater)):
        ratings.setdefault(row.rater, {})[row.position] = row.rating, row.remark
    return ratings


def _rated(session: ReviewSession, rated: Rated) -> ReviewSession:
    items = tuple(
        replace(item, rating=rating, remark=remark)
        for position, item in enumerate(session.items)
        for rating, remark in [rated.get(position, ("", ""))]
    )
    return replace(session, items=items)
