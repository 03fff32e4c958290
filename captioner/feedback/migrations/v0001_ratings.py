"""Ratings under a caption, and review sessions with their pictures and ratings."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

KEY, CHECKSUM, LINE = sa.String(32), sa.String(64), sa.String(300)
SHORT = sa.String(8)


def upgrade() -> None:
    op.create_table(
        "captioner_ratings",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("caption", sa.Text, nullable=False),
        sa.Column(
            "rating", SHORT, sa.CheckConstraint("rating IN ('right', 'partly', 'wrong')"), nullable=False
        ),
        sa.Column("remark", LINE, nullable=False),
        sa.Column("model", CHECKSUM, nullable=False),
        sa.Column("sample", LINE, nullable=False),
        sa.Column("time", sa.DateTime, nullable=False),
        sa.Column("source", sa.String(16), nullable=False),
    )
    op.create_table(
        "captioner_review_sessions",
        sa.Column("id", CHECKSUM, primary_key=True),
        sa.Column("group_name", LINE, nullable=False),
        sa.Column("model", CHECKSUM, nullable=False),
        sa.Column("created", sa.DateTime, nullable=False),
    )
    op.create_table(
        "captioner_review_items",
        sa.Column(
            "session",
            CHECKSUM,
            sa.ForeignKey("captioner_review_sessions.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("sample", LINE, nullable=False),
        sa.Column("upload", sa.String(16), nullable=False),
        sa.Column("caption", sa.Text, nullable=False),
        sa.Column("log_prob", sa.Float),
        sa.Column("warnings", LINE, nullable=False),
        sa.Column("expected_share", sa.Float),
    )
    op.create_table(
        "captioner_review_ratings",
        sa.Column("session", CHECKSUM, primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("rater", LINE, primary_key=True),
        sa.Column(
            "rating", SHORT, sa.CheckConstraint("rating IN ('', 'right', 'partly', 'wrong')"), nullable=False
        ),
        sa.Column("remark", LINE, nullable=False),
        sa.Column("time", sa.DateTime, nullable=False),
        sa.ForeignKeyConstraint(
            ["session", "position"],
            ["captioner_review_items.session", "captioner_review_items.position"],
            ondelete="CASCADE",
        ),
    )
