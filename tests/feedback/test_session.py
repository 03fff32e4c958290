"""Review sessions: their bounds, and the next picture."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from captioner.feedback.session import MAX_PICTURES, Item, ReviewSession

MODEL = "0123456789abcdef" * 4


def session(*ratings: str) -> ReviewSession:
    """Pictures p0, p1, … with these ratings."""
    return ReviewSession(
        MODEL, tuple(Item(f"p{i}", caption="a dog", rating=rating) for i, rating in enumerate(ratings))
    )


@given(some.lists(some.sampled_from(("", "right")), min_size=1, max_size=9), some.integers(-1, 8))
def test_every_unrated_picture_comes_up(ratings: list[str], position: int) -> None:
    position = min(position, len(ratings) - 1)
    rated = session(*ratings)
    next_unrated = rated.next_unrated(position)
    if rated.done:
        assert next_unrated == position
    else:
        assert rated.items[next_unrated].rating == ""


def test_a_session_has_bounds() -> None:
    for count in (0, MAX_PICTURES + 1):
        with pytest.raises(ValueError, match=f"got {count}"):
            session(*[""] * count)
    with pytest.raises(ValueError, match="twice"):
        ReviewSession(MODEL, (Item("a"), Item("a")))
    assert ReviewSession(MODEL, (Item("a", "0" * 16), Item("a", "1" * 16)))
