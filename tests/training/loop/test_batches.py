"""Batches hold every caption once, as inputs and targets."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from captioner.text import END, PAD, START, UNKNOWN, Vocabulary, words
from captioner.training.loop import batches
from captioner.training.loop.batches import EncodedCaptions

VOCABULARY = Vocabulary.build([["a", "dog", "runs", "on", "grass"]])
SENTENCES = st.lists(st.sampled_from(["a", "dog", "zebra"]), max_size=9).map(" ".join)
CAPTIONS = st.dictionaries(
    st.text("abc", min_size=1, max_size=3).map(lambda name: f"{name}.jpg"),
    st.lists(SENTENCES, min_size=1, max_size=3).map(tuple),
    min_size=1,
    max_size=9,
)


def many(count: int) -> EncodedCaptions:
    """Pictures with one caption each, of one to nine words."""
    return EncodedCaptions.from_captions(
        {f"{i}.jpg": ("a " * (1 + i % 9),) for i in range(count)}, VOCABULARY, words
    )


def load(rows: Sequence[int]) -> NDArray[np.int64]:
    return np.array(rows)


@given(CAPTIONS)
def test_targets_are_the_captions_between_start_and_end(captions: dict[str, tuple[str, ...]]) -> None:
    targets = EncodedCaptions.from_captions(captions, VOCABULARY, words)

    assert targets.names == tuple(captions)
    for lines, references in zip(targets.ids.tolist(), captions.values(), strict=True):
        for i, line in enumerate(lines):
            expected = [START, *VOCABULARY.ids(words(references[i])), END] if i < len(references) else []
            assert line == expected + [PAD] * (len(line) - len(expected))


def test_a_caption_that_is_too_long_is_cut_and_has_no_end() -> None:
    captions = {"a.jpg": ("a dog runs on grass", "a dog runs", "a dog runs on")}
    result = EncodedCaptions.from_captions(captions, VOCABULARY, words, max_caption_length=3).ids[0].tolist()

    assert result == [
        [START, *VOCABULARY.ids(["a", "dog", "runs", "on"])],
        [START, *VOCABULARY.ids(["a", "dog", "runs"]), END],
        [START, *VOCABULARY.ids(["a", "dog", "runs", "on"])],
    ]


@given(CAPTIONS, st.integers(1, 4))
def test_targets_are_the_captions_one_word_ahead(captions: dict[str, tuple[str, ...]], size: int) -> None:
    targets = EncodedCaptions.from_captions(captions, VOCABULARY, words)
    for rows in batches.sorted_by_length(targets, size):
        batch = targets.batch(rows, load)
        _, count, length = batch.ids.shape
        whole = targets.ids[rows]

        assert batch.ids.shape == batch.targets.shape == batch.weights.shape
        assert np.array_equal(batch.ids, whole[:, :count, :length])
        assert np.array_equal(batch.targets, whole[:, :count, 1 : length + 1])
        assert (whole[:, :, length + 1 :] == PAD).all()  # nothing was cut off
        assert (whole[:, count:] == PAD).all()
        assert (whole[:, count - 1, 0] == START).any()
        assert np.array_equal(batch.weights, ~np.isin(batch.targets, [PAD, UNKNOWN]))
        assert length < targets.lengths[rows].max() + 4  # and little is padding
        assert np.array_equal(batch.inputs, rows)
        assert len(set(batch.positions)) == len(batch.positions)
        assert batch.weights.ravel()[batch.positions].sum() == batch.weights.sum()  # every word that counts


@pytest.mark.parametrize("size", [1, 7, 32, 1000])
@pytest.mark.parametrize("count", [1, 32, 500])
def test_an_epoch_shows_every_picture_once(size: int, count: int) -> None:
    for order in (batches.shuffled(many(count), size, 0, 0), batches.sorted_by_length(many(count), size)):
        assert sorted(np.concatenate(order).tolist()) == list(range(count))
        assert max(map(len, order)) <= size


def test_epochs_differ_and_can_be_repeated() -> None:
    def order(seed: int, epoch: int) -> list[int]:
        return np.concatenate(batches.shuffled(many(300), 16, seed, epoch)).tolist()

    assert order(1, 3) == order(1, 3)
    assert len({tuple(order(seed, epoch)) for seed in range(4) for epoch in range(4)}) == 16


@given(st.integers(1, 2000), st.integers(1, 64))
def test_batches_are_counted_as_they_are_made(pictures: int, size: int) -> None:
    assert batches.steps_per_epoch(pictures, size) == len(batches.shuffled(many(pictures), size, 0, 0))


def test_captions_in_a_batch_are_alike_in_length_but_batches_are_not_in_order() -> None:
    targets = many(500)
    lengths = [targets.lengths[rows] for rows in batches.shuffled(targets, 16, 0, 0)]

    assert np.mean([np.ptp(group) for group in lengths]) < 2
    assert [group.max() for group in lengths] != sorted(group.max() for group in lengths)


def test_prefetching_changes_nothing() -> None:
    targets = many(100)
    order = batches.shuffled(targets, 7, 0, 0)
    result = list(batches.prefetched(targets, order, load))

    assert [batch.rows.tolist() for batch in result] == [rows.tolist() for rows in order]
    for batch in result:
        assert np.array_equal(batch.targets, targets.batch(batch.rows, load).targets)


def test_a_failure_in_the_background_is_raised() -> None:
    def fail(rows: Sequence[int]) -> NDArray[np.int64]:
        raise OSError(f"no picture {rows[0]}")

    with pytest.raises(OSError, match="no picture"):
        list(batches.prefetched(many(9), batches.sorted_by_length(many(9), 3), fail))


@pytest.mark.parametrize("ahead", [1, 4])
def test_prefetching_is_bounded(ahead: int) -> None:
    lock, model = threading.Lock(), 0

    def work(item: int) -> int:
        nonlocal model
        with lock:
            model += 1
        return item

    for used, item in enumerate(batches.map_in_background(work, range(50), ahead)):
        assert item == used
        assert model <= used + 1 + ahead


def test_frequencies_are_those_of_the_target_words() -> None:
    vocabulary = Vocabulary.build([["a", "dog"]])
    targets = EncodedCaptions.from_captions({"1.jpg": ("a dog", "a a zebra")}, vocabulary, words)
    shares = np.exp(targets.log_frequencies(len(vocabulary)))
    counts = {PAD: 1, START: 1, END: 3, UNKNOWN: 1, vocabulary.id("a"): 4, vocabulary.id("dog"): 2}

    np.testing.assert_allclose(shares, [counts[i] / 12 for i in range(6)], rtol=1e-5)


def test_unseen_words_are_expected_as_often_as_words_that_occur_once() -> None:
    vocabulary = Vocabulary.build([["a", "dog", "zebra", "gnu"]])
    targets = EncodedCaptions.from_captions({"1.jpg": ("a dog", "a a unknown")}, vocabulary, words)
    unseen, share = targets.unseen_words(len(vocabulary))

    assert {vocabulary.words[i] for i in np.flatnonzero(unseen)} == {"zebra", "gnu"}
    assert share == 1 / 6  # of a, dog, end; a, a, end


@given(CAPTIONS)
def test_where_every_word_occurs_none_is_unseen(captions: dict[str, tuple[str, ...]]) -> None:
    vocabulary = Vocabulary.build([words(caption) for group in captions.values() for caption in group])
    unseen, _ = EncodedCaptions.from_captions(captions, vocabulary, words).unseen_words(len(vocabulary))
    assert not unseen.any()
