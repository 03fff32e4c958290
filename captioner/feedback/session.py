"""A review session: people look at pictures and rate the captions. Knows no pixels, no model, no page."""

from __future__ import annotations

from dataclasses import dataclass, replace

MAX_PICTURES = 100  # in a session


@dataclass(frozen=True)
class Item:
    """One picture of a session, its caption, and how people rate that."""

    image: str  # an example's file name; of an upload, what to call it: its file name is never stored
    upload_hash: str = ""  # of an upload (names repeat): the first 16 digits of its SHA-256
    caption: str = ""  # empty until there is one
    log_prob: float | None = None
    rating: str = ""  # one of RATINGS; empty: not rated yet
    remark: str = ""
    warnings: str = ""  # codes of the warnings that came with the caption, separated by spaces
    expected_precision: float | None = None  # of the caption; None if not calibrated

    @property
    def id(self) -> str:
        return self.upload_hash or self.image


@dataclass(frozen=True)
class ReviewSession:
    """Pictures in their order with one rater's ratings.

    Raises:
        ValueError: there are no pictures, too many, or one twice.
    """

    bundle_checksum: str  # that the captions are from
    items: tuple[Item, ...]
    group: str = ""  # what the group calls itself

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

    def next_unrated(self, position: int) -> int:
        """Index of the next picture without a rating, from the start again after the end; else the same."""
        count = len(self.items)
        indices = [(position + step) % count for step in range(1, count + 1)]
        return next((index for index in indices if not self.items[index].rating), position)

    def unrated(self) -> ReviewSession:
        """As somebody meets it who has said nothing yet."""
        return replace(self, items=tuple(replace(item, rating="", remark="") for item in self.items))
