"""Columns and warnings get the names that files and programs know them by; no row is lost."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

COLUMNS = (
    ("captioner_ratings", "model", "bundle_checksum"),
    ("captioner_ratings", "sample", "image"),
    ("captioner_review_sessions", "model", "bundle_checksum"),
    ("captioner_review_items", "sample", "image"),
    ("captioner_review_items", "expected_share", "expected_precision"),
)
WARNINGS = (("unfamiliar", "novelty"), ("unsure", "low_confidence"))


def upgrade() -> None:
    for table, old, new in COLUMNS:  # by hand: for SQLite, Alembic would copy the whole table
        op.execute(f"ALTER TABLE {table} RENAME COLUMN {old} TO {new}")
    items = sa.table("captioner_review_items", sa.column("warnings", sa.String))
    for former, code in WARNINGS:
        op.execute(items.update().values(warnings=sa.func.replace(items.c.warnings, former, code)))
