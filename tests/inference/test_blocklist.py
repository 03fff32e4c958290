"""The blocked words: that there are some, why, and which stay allowed."""

from __future__ import annotations

from collections import Counter

import pytest

from captioner import text
from captioner.bundle.storage import Bundle
from captioner.inference import blocklist


def test_every_group_has_a_reason_and_words() -> None:
    assert len(blocklist.groups()) > 5
    assert all(group.reason and "#" not in group.reason and group.words for group in blocklist.groups())


def test_every_word_is_one_that_a_caption_can_have_and_stands_once() -> None:
    counts = Counter(word for group in blocklist.groups() for word in group.words)
    assert set(counts) == blocklist.words()
    assert set(counts.values()) == {1}
    assert all(text.words(word) == [word] for word in counts)


@pytest.mark.parametrize("word", ["condoms", "topless", "oriental", "asian", "fat", "homeless", "retarded"])
def test_insulting_words_are_blocked(word: str) -> None:
    assert word in blocklist.words()


@pytest.mark.parametrize(
    "word", ["black", "white", "bikini", "american", "german", "hot", "old", "dog", "man"]
)
def test_words_for_dogs_and_clothes_are_allowed(word: str) -> None:
    assert word not in blocklist.words()


def test_the_committed_captions_have_no_such_word(committed: Bundle) -> None:
    used = {word for row in committed.predictions() for word in row.caption.split()}
    assert "man" in used
    assert not used & blocklist.words()
