"""What people said about one bundle, as its model card shows it."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import structs

from captioner.bundle import ratings
from captioner.bundle.ratings import MAX_IDS, MAX_RATED_BY, RatingShare, RatingSummary
from captioner.bundle.storage import Bundle
from captioner.errors import FeedbackError
from captioner.feedback.rating import Rating, Tally, tallied
from captioner.feedback.statistics import Proportion, shares_of_tallies


def summarize(bundle: Bundle, tallies: Iterable[Tally]) -> RatingSummary:
    """The ratings of a bundle, also those it got before its ratings.json was written last.

    Raises:
        FeedbackError: there are none.
    """
    own = ratings.checksums(bundle)
    rated = [tally for tally in tallies if tally.bundle_checksum in own]
    if not rated:
        raise FeedbackError(
            f"nobody has rated a caption of this bundle (checksum {bundle.checksum[:12]}) in that database. "
            "Leave out --feedback, or name the database of the app that serves it."
        )
    found = shares_of_tallies(rated)
    config = bundle.config
    return RatingSummary(
        checksums=tuple(sorted(own)),
        beams=config.beams,
        length_penalty=config.length_penalty,
        max_words=config.max_words,
        samples=config.samples,
        captions=len({(tally.image, tally.caption) for tally in rated}),
        right=_share(found["right"]),
        partly=_share(found["partly"]),
        wrong=_share(found["wrong"]),
    )


def summarize_human_evaluation(bundle: Bundle, all_ratings: Iterable[Rating], rated_by: str) -> RatingSummary:
    """The ratings that named people gave to a bundle's captions of test images picked at random.

    Raises:
        FeedbackError: there are none, or more than ratings.json can name; or it cannot name who gave them.
    """
    rated_by = " ".join(rated_by.split())
    if not 1 <= len(rated_by) <= MAX_RATED_BY or not rated_by.isprintable():
        raise FeedbackError(f"--rated-by must be 1 to {MAX_RATED_BY} printable characters; got {rated_by!r}.")
    own = ratings.checksums(bundle)
    rated = [one for one in all_ratings if one.bundle_checksum in own]
    if len(rated) > MAX_IDS:
        raise FeedbackError(f"there are {len(rated):,} ratings; a human evaluation has at most {MAX_IDS:,}.")
    summary = summarize(bundle, tallied(rated))
    return structs.replace(summary, rated_by=rated_by, ids=tuple(sorted(one.id for one in rated)))


def _share(found: Proportion) -> RatingShare:
    low, high = found.interval
    return RatingShare(found.count, (round(low, 6), round(high, 6)))
