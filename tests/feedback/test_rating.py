"""What a rating is made of: its text and its id."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as some

from captioner.feedback.rating import MAX_TEXT, clean_text, rating_id


@given(some.text(max_size=2 * MAX_TEXT))
def test_cleaned_text_is_one_short_printable_line(text: str) -> None:
    once = clean_text(text)
    assert clean_text(once) == once
    assert len(once) <= MAX_TEXT
    assert once.isprintable()


def test_an_id_is_of_one_person_and_one_thing() -> None:
    ids = {rating_id(secret, *about) for secret in (b"1", b"2") for about in (("a", "b"), ("ab", ""), ("a",))}
    assert len(ids) == 6
    assert rating_id(b"1", "a", "b") in ids
