"""What people said about one bundle, as its model card shows it."""

from __future__ import annotations

from collections.abc import Iterable

from captioner.bundle import ratings
from captioner.bundle.ratings import RatingShare, RatingSummary
from captioner.bundle.storage import Bundle
from captioner.errors import FeedbackError
from captioner.feedback.rating import RATINGS, Tally
from captioner.feedback.statistics import shares_of_tallies


def summarize(bundle: Bundle, tallies: Iterable[Tally]) -> RatingSummary:
    """The ratings of a bundle, also those it got before its ratings.json was written last.

    Raises:
        FeedbackError: there are none.
    """
    own = ratings.checksums(bundle)
    rated = [tally for tally in tallies if tally.model in own]
    if not rated:
        raise FeedbackError(
            f"nobody has rated a caption of this bundle (checksum {bundle.checksum[:12]}) in that database. "
            "Leave out --feedback, or name the database of the app that serves it."
        )
    found = shares_of_tallies(rated)
    config = bundle.config
    low_high = {name: tuple(round(end, 6) for end in share.interval) for name, share in found.items()}
    return RatingSummary(
        checksums=tuple(sorted(own)),
        beams=config.beams,
        length_penalty=config.length_penalty,
        max_words=config.max_words,
        samples=config.samples,
        captions=len({(tally.sample, tally.caption) for tally in rated}),
        **{name: RatingShare(found[name].count, (low_high[name][0], low_high[name][1])) for name in RATINGS},
    )
