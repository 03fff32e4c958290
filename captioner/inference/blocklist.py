"""Words that no caption says: those of ``blocklist.txt``, in groups, each with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True)
class Group:
    """Words that are blocked for the same reason."""

    reason: str
    words: tuple[str, ...]


@cache
def groups() -> tuple[Group, ...]:
    """Every paragraph of the file that has words; a line that begins with # belongs to the reason."""
    text = Path(__file__).with_name("blocklist.txt").read_text("utf-8")
    parsed = [_group(paragraph.splitlines()) for paragraph in text.split("\n\n")]
    return tuple(group for group in parsed if group.words)


def _group(lines: list[str]) -> Group:
    reason = " ".join(line.lstrip("# ") for line in lines if line.startswith("#"))
    return Group(reason, tuple(" ".join(line for line in lines if not line.startswith("#")).split()))


@cache
def words() -> frozenset[str]:
    """The words of all groups."""
    return frozenset(word for group in groups() for word in group.words)
