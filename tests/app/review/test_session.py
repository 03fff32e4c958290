"""Review sessions: ratings, remarks, the next picture, and the memory for those that are open."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as some

from captioner.app.review.session import (
    MAX_PICTURES,
    MAX_TEXT,
    Item,
    RatingSession,
    RatingSessionStore,
    clean_text,
)

MODEL = "0123456789abcdef" * 4


def session(*ratings: str) -> RatingSession:
    """Pictures p0, p1, … with these ratings."""
    return RatingSession(
        MODEL, tuple(Item(f"p{i}", caption="a dog", rating=rating) for i, rating in enumerate(ratings))
    )


def test_ratings_and_remarks_stand_by_themselves() -> None:
    start = session("", "")
    changed = start.set_remark("p1", "  too\nfar ").rate("p1", "partly", "a cat", -2.0)
    assert changed.items[1] == Item("p1", "", "a cat", -2.0, "partly", "too far")
    assert changed.rate("p1", "wrong", "a cat", -2.0).items[1].remark == "too far"
    assert start.rated == ()
    assert changed.rated == changed.items[1:]
    with pytest.raises(ValueError, match="good"):
        start.rate("p0", "good", "a dog", None)


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
        RatingSession(MODEL, (Item("a"), Item("a")))
    assert RatingSession(MODEL, (Item("a", "0" * 16), Item("a", "1" * 16)))


@given(some.text(max_size=2 * MAX_TEXT))
def test_cleaned_text_is_one_short_printable_line(text: str) -> None:
    once = clean_text(text)
    assert clean_text(once) == once
    assert len(once) <= MAX_TEXT
    assert once.isprintable()


def test_a_session_is_removed_its_lifetime_after_the_last_change() -> None:
    now = [0.0]
    store = RatingSessionStore(lifetime=10, clock=lambda: now[0])
    key = store.open(session(""))
    now[0] = 9
    assert store.change(key, lambda session: session.set_remark("p0", "x")) == store.find(key)
    now[0] = 19
    assert store.find(key) is not None
    now[0] = 19.1
    assert store.find(key) is None
    assert store.change(key, lambda session: session) is None


def test_the_session_unchanged_for_longest_makes_room() -> None:
    store = RatingSessionStore(max_sessions=2)
    first, second = store.open(session("")), store.open(session("", ""))
    store.change(first, lambda session: session)
    third = store.open(session(""))
    assert [store.find(key) is not None for key in (first, second, third)] == [True, False, True]


def test_keys_cannot_be_guessed_and_lead_to_one_session_only() -> None:
    store = RatingSessionStore()
    one, other = store.open(session("")), store.open(session("", ""))
    assert len({one, other}) == 2
    assert min(map(len, (one, other))) >= 20
    assert store.find(one) == session("")
    assert store.find("") is None


def test_ratings_at_the_same_time_are_all_stored() -> None:
    store = RatingSessionStore()
    key = store.open(session("", ""))
    started, proceed = threading.Event(), threading.Event()

    def slowly(current: RatingSession) -> RatingSession:
        started.set()
        assert proceed.wait(60)
        return current.rate("p0", "right", "a dog", None)

    with ThreadPoolExecutor() as people:
        first = people.submit(store.change, key, slowly)
        assert started.wait(60)
        second = people.submit(store.change, key, lambda session: session.rate("p1", "right", "a dog", None))
        with pytest.raises(TimeoutError):
            second.result(0.1)
        proceed.set()
        first.result()
        second.result()
    rated = store.find(key)
    assert rated
    assert rated.done
