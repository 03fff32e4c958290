"""The tables of people's ratings, as the migrations make them. Nothing else is stored.

No table has a picture, the name of a visitor's file, or an address. Names begin with ``captioner_``, so that
a database may be shared with other programs.
"""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    Column,
    DateTime,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)

from captioner.feedback.rating import MAX_TEXT

metadata = MetaData()

# Ratings under a caption, and those from imported files.
ratings = Table(
    "captioner_ratings",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("caption", Text, nullable=False),
    Column("rating", String(8), CheckConstraint("rating IN ('right', 'partly', 'wrong')"), nullable=False),
    Column("remark", String(MAX_TEXT), nullable=False),
    Column("bundle_checksum", String(64), nullable=False),
    Column("image", String(MAX_TEXT), nullable=False),
    Column("time", DateTime, nullable=False),
    Column("source", String(16), nullable=False),
)

# ``id`` is the SHA-256 of what stands in the session's link: the database does not say how to take part.
review_sessions = Table(
    "captioner_review_sessions",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("group_name", String(MAX_TEXT), nullable=False),
    Column("bundle_checksum", String(64), nullable=False),
    Column("created", DateTime, nullable=False),
)

# ``upload`` recognises an upload that comes again, for those who have the link (see ``review_store``).
review_items = Table(
    "captioner_review_items",
    metadata,
    Column(
        "session",
        String(64),
        ForeignKey("captioner_review_sessions.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("image", String(MAX_TEXT), nullable=False),
    Column("upload", String(16), nullable=False),
    Column("caption", Text, nullable=False),
    Column("log_prob", Float),
    Column("warnings", String(MAX_TEXT), nullable=False),
    Column("expected_precision", Float),
)

# A rating is empty where there is only a remark so far.
review_ratings = Table(
    "captioner_review_ratings",
    metadata,
    Column("session", String(64), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("rater", String(MAX_TEXT), primary_key=True),
    Column(
        "rating", String(8), CheckConstraint("rating IN ('', 'right', 'partly', 'wrong')"), nullable=False
    ),
    Column("remark", String(MAX_TEXT), nullable=False),
    Column("time", DateTime, nullable=False),
    ForeignKeyConstraint(
        ["session", "position"],
        ["captioner_review_items.session", "captioner_review_items.position"],
        ondelete="CASCADE",
    ),
)
