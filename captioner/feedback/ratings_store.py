"""Keeps people's ratings of captions, and counts them: those under a caption, and those of reviews."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Row

from captioner.feedback.database import Database
from captioner.feedback.rating import Rating, Tally, rating_id, tallied
from captioner.feedback.tables import ratings, review_items, review_ratings, review_sessions

UPLOAD = "(about a picture that was uploaded to a review: {code})"  # one code for each, so all stay apart
CHANGES = ("rating", "remark", "time")  # what a person may change about a rating


def save(database: Database, rating: Rating) -> None:
    """Keep a rating; it replaces the same person's earlier one of the same caption.

    Raises:
        FeedbackError: as ``Database.write``; then the earlier one is still there.
    """
    with database.write() as connection:
        database.upsert(connection, ratings, [asdict(rating)], CHANGES)


def withdraw(database: Database, id: str) -> None:
    """Delete a rating, if it is there.

    Raises:
        FeedbackError: as ``Database.write``.
    """
    with database.write() as connection:
        connection.execute(sa.delete(ratings).where(ratings.c.id == id))


def tallies(database: Database, without: Collection[str] = ()) -> list[Tally]:
    """All ratings, counted, except those of the ids ``without``.

    Raises:
        FeedbackError: as ``Database.read``.
    """
    if without:  # in Python, as the ids of reviews' ratings are not in the database
        return tallied(one for one in all_ratings(database) if one.id not in without)
    rows = sa.union_all(
        sa.select(ratings.c.bundle_checksum, ratings.c.image, ratings.c.caption, ratings.c.rating),
        _of_reviews(review_sessions.c.bundle_checksum, review_items.c.image, review_items.c.caption),
    ).subquery()
    counted = sa.select(rows, sa.func.count()).group_by(*rows.c)
    with database.read() as connection:
        return [Tally(*row) for row in connection.execute(counted)]


def all_ratings(database: Database) -> list[Rating]:
    """Every rating, oldest first. Of reviews without remarks and raters, and for captions of uploads a code:
    these are only for those who have the link.

    Raises:
        FeedbackError: as ``Database.read``.
    """
    with database.read() as connection:
        under_captions = [Rating(**row._mapping) for row in connection.execute(sa.select(ratings))]
        found = [*under_captions, *map(_of_review, _review_rows(connection))]
    return sorted(found, key=lambda rating: (rating.time, rating.id))


def add(database: Database, imported: Sequence[Rating]) -> int:
    """Keep ratings from a file, all or none; those that are there already stay as they are. Returns how many
    were new.

    Raises:
        FeedbackError: as ``Database.write``.
    """
    with database.write() as connection:
        there = set(connection.execute(sa.select(ratings.c.id)).scalars())
        there.update(_of_review(row).id for row in _review_rows(connection))
        new = [asdict(rating) for rating in imported if rating.id not in there]
        database.upsert(connection, ratings, new, ())
        return len(new)


def _of_reviews(*columns: sa.ColumnElement[Any]) -> sa.Select[*tuple[Any, ...]]:
    joined = review_ratings.join(review_items).join(review_sessions)
    rating = review_ratings.c.rating
    return sa.select(*columns, rating).select_from(joined).where(rating != "")


def _review_rows(connection: Connection) -> Sequence[Row[*tuple[Any, ...]]]:
    items, rated = review_items.c, review_ratings.c
    columns = (
        review_sessions.c.bundle_checksum,
        items.image,
        items.caption,
        rated.session,
        rated.position,
        rated.rater,
    )
    return connection.execute(_of_reviews(*columns).add_columns(rated.time)).all()


def _of_review(row: Row[*tuple[Any, ...]]) -> Rating:
    """A rating of a review as others may see it. The session's id is in no file and on no page."""
    cells = row._mapping
    secret, position = str(cells["session"]).encode(), str(cells["position"])
    id = rating_id(secret, position, str(cells["rater"]))
    caption = cells["caption"] if cells["image"] else UPLOAD.format(code=rating_id(secret, position)[1:13])
    return Rating(
        id, caption, cells["rating"], cells["bundle_checksum"], image=cells["image"], time=cells["time"]
    )
