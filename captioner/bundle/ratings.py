"""ratings.json: what people said about the captions of a bundle, written when its owner asks for that."""

from __future__ import annotations

import json
from typing import Annotated

from msgspec import Meta, structs, to_builtins

from captioner.bundle.manifest import RATINGS_FILE
from captioner.bundle.schema import (
    LINE,
    RECORDED_OPTIONS,
    Beams,
    Config,
    Count,
    LengthPenalty,
    MaxWords,
    Name,
    PositiveInt,
    Record,
    Samples,
    Share,
)
from captioner.bundle.storage import Bundle

MAX_RATED_BY = 60  # characters
MAX_IDS = 20_000
Id = Annotated[str, Meta(pattern=r"\Ar[0-9a-f]{31}\Z")]  # as feedback.rating.rating_id makes them


class RatingShare(Record, frozen=True, forbid_unknown_fields=True):
    """How many ratings were of a kind, and the 95 % interval of their share."""

    count: Count
    interval: tuple[Share, Share]


class RatingSummary(Record, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """ratings.json. Writing it changes the bundle's checksum, by which ratings are counted: so it names those
    that the same model had before.

    With ``rated_by`` it is a human evaluation: who is named there rated captions of test images picked at
    random. Its ratings are never counted again among visitors' where a database has both: ``ids`` says which
    they are.
    """

    checksums: Annotated[tuple[Name, ...], Meta(min_length=1, max_length=1000)]
    beams: Beams  # these and the next: how the captions that were rated were decoded
    length_penalty: LengthPenalty
    max_words: MaxWords
    samples: Samples
    right: RatingShare
    partly: RatingShare
    wrong: RatingShare
    captions: PositiveInt  # different ones that were rated
    rated_by: Annotated[str, Meta(max_length=MAX_RATED_BY, pattern=LINE)] = ""  # empty: by visitors
    ids: Annotated[tuple[Id, ...], Meta(max_length=MAX_IDS)] = ()  # of the ratings of a human evaluation

    @property
    def total(self) -> int:
        return self.right.count + self.partly.count + self.wrong.count

    def is_of(self, config: Config) -> bool:
        """Whether a bundle still captions as it did when it was rated."""
        return all(getattr(self, name) == getattr(config, name) for name in RECORDED_OPTIONS)


def read(bundle: Bundle) -> RatingSummary | None:
    """What people said about a bundle; None where it was not asked for, or was about other decoding options.

    Raises:
        BundleError: the file is malformed, or was altered since the bundle was opened.
    """
    summary = bundle.record(RATINGS_FILE, RatingSummary)
    return summary if summary and summary.is_of(bundle.config) else None


def human_evaluation(bundle: Bundle) -> RatingSummary | None:
    """The human evaluation by those whom ``rated_by`` names, where a bundle has one; raises as ``read``."""
    summary = read(bundle)
    return summary if summary and summary.rated_by else None


def checksums(bundle: Bundle) -> set[str]:
    """Those by which ratings of this model are counted."""
    summary = read(bundle)
    return {bundle.checksum, *(summary.checksums if summary else ())}


def carried_over(bundle: Bundle) -> RatingSummary | None:
    """What ``read`` gives, for a bundle that is about to get another checksum."""
    summary = read(bundle)
    return structs.replace(summary, checksums=tuple(sorted(checksums(bundle)))) if summary else None


def to_json(summary: RatingSummary) -> str:
    """The text of ratings.json."""
    return json.dumps(to_builtins(summary), indent=1) + "\n"


def file(bundle: Bundle) -> dict[str, str]:
    """ratings.json by its name, as it has to be written with whatever changes a bundle's checksum and not its
    captions; empty where the bundle has none.
    """
    summary = carried_over(bundle)
    return {RATINGS_FILE: to_json(summary)} if summary else {}
