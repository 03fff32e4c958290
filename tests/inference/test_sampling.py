"""Laws of sampling: frequencies, and the nucleus."""

from __future__ import annotations

import itertools
import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from captioner.inference.sampling import (
    SAMPLES_TEMPERATURE,
    ArithmeticSampler,
    LogProbs,
    nucleus,
    sample,
)
from captioner.text import END, PAD
from tests.table_stepper import (
    A,
    B,
    C,
    Decoder,
    Ids,
    all_sentences,
    draw_samples,
    id_of,
    is_allowed,
    random_decoder,
    search,
    sequence,
    summary,
    table,
)

seeds = st.integers(0, 10_000)
temperatures = st.sampled_from([0.3, 1.0, 2.0])
shares = st.floats(0.01, 0.99)
quickly = settings(max_examples=25, deadline=None)


def totals(seed: int, rows: int = 3, words: int = 40) -> LogProbs:
    """Log-probabilities of words that are nowhere alike, some of them masked."""
    values = np.random.default_rng(seed).normal(scale=3, size=(rows, words))
    values[:, ::5] = -np.inf
    return values


@given(seeds, st.integers(1, 4))
@quickly
def test_sampling_at_temperature_zero_is_greedy_search(seed: int, sentences: int) -> None:
    decoder = random_decoder(seed)
    for temperature in (0.0, 1e-12):
        result = search(
            decoder, num_return_sequences=sentences, temperature=temperature, seed=seed, max_words=6
        )
        assert summary(result) == summary(search(decoder, beams=1, max_words=6))


def test_the_same_seed_gives_the_same_sample() -> None:
    def sample(seed: int) -> list[tuple[Ids, float]]:
        return summary(
            search(random_decoder(3), num_return_sequences=3, temperature=1.0, seed=seed, max_words=6)
        )

    assert sample(1) == sample(1)
    assert len({str(sample(seed)) for seed in range(5)}) > 1


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_samples_are_as_frequent_as_they_are_probable(temperature: float) -> None:
    weights = np.array([0.5, 0.3, 0.1]) ** (1 / temperature)
    decoder = table({(): {PAD: 0.1, A: 0.5, B: 0.3, C: 0.1}})
    draws = [
        id_of(
            search(
                decoder, num_return_sequences=1, temperature=temperature, top_p=1.0, seed=seed, max_words=1
            )
            .candidates[0]
            .words[0]
        )
        for seed in range(1500)
    ]
    frequencies = [draws.count(word) / len(draws) for word in (A, B, C)]
    assert frequencies == pytest.approx(list(weights / weights.sum()), abs=0.04)


def test_rows_are_sampled_independently() -> None:
    decoder = table({(): {A: 0.5, B: 0.5}})
    both = [
        len(search(decoder, num_return_sequences=2, temperature=1.0, seed=s).candidates) == 2
        for s in range(400)
    ]
    assert np.mean(both) == pytest.approx(0.5, abs=0.07)


# The nucleus


@given(seeds, temperatures, shares)
@quickly
def test_the_nucleus_is_the_fewest_words_that_hold_so_much(
    seed: int, temperature: float, top_p: float
) -> None:
    values = totals(seed)
    for row, inside in zip(values, nucleus(values, temperature, top_p), strict=True):
        probabilities = np.exp(row / temperature) / np.exp(row / temperature).sum()
        held = probabilities[inside]
        assert held.sum() >= top_p - 1e-9
        assert held.sum() - held.min() < top_p + 1e-9
        assert held.min() >= probabilities[~inside].max()


@given(seeds, temperatures, shares)
@quickly
def test_nothing_outside_the_nucleus_is_sampled(seed: int, temperature: float, top_p: float) -> None:
    values, rng = totals(seed), np.random.default_rng(seed)
    inside = nucleus(values, temperature, top_p)
    for _ in range(20):
        assert inside[np.arange(len(values)), sample(values, temperature, top_p, rng)].all()


@given(seeds, temperatures)
@quickly
def test_a_whole_nucleus_is_plain_sampling(seed: int, temperature: float) -> None:
    values = totals(seed)
    noise = np.random.default_rng(seed).gumbel(size=values.shape)
    drawn = sample(values, temperature, 1.0, np.random.default_rng(seed))
    assert drawn.tolist() == (values / temperature + noise).argmax(axis=1).tolist()


@given(seeds, temperatures)
@quickly
def test_a_tiny_nucleus_is_greedy_search(seed: int, temperature: float) -> None:
    decoder = random_decoder(seed)
    drawn = search(
        decoder, num_return_sequences=2, temperature=temperature, top_p=1e-9, seed=seed, max_words=6
    )
    assert summary(drawn) == summary(search(decoder, beams=1, max_words=6))


@given(seeds, shares)
@quickly
def test_what_is_reported_is_the_decoders_own(seed: int, top_p: float) -> None:
    decoder = random_decoder(seed)
    for candidate in search(
        decoder, num_return_sequences=3, temperature=1.0, top_p=top_p, seed=seed, max_words=6
    ).candidates:
        ids = sequence(candidate)
        assert [word.log_prob for word in candidate.words] == [
            float(decoder(ids[:t])[word]) for t, word in enumerate(ids)
        ]


# Arithmetic sampling


def sentences(rows: int, seed: int, steps: int = 3, words: int = 5) -> list[tuple[int, ...]]:
    """Samples of so many words, each with random probabilities that depend on the words before."""
    sampler, chosen = ArithmeticSampler(rows, seed), np.empty((rows, 0), int)
    for _ in range(steps):
        probabilities = np.stack([next_word(tuple(ids), words) for ids in chosen.tolist()])
        ids = sampler.choose(np.arange(rows), np.arange(rows), probabilities)
        chosen = np.column_stack([chosen, ids])
    return [tuple(ids) for ids in chosen.tolist()]


def next_word(ids: tuple[int, ...], words: int) -> NDArray[np.float32]:
    """Probabilities of any sum; the first word and the last are impossible."""
    weights = np.random.default_rng([7, *ids]).random(words).astype(np.float32)
    weights[[0, -1]] = 0
    return weights


def test_codes_select_each_sentence_as_often_as_it_is_probable() -> None:
    """To within one: the codes are evenly spaced. Independent samples would be off by tens."""
    rows = 3000
    counts = Counter(sentences(rows, seed=1))
    assert sum(counts.values()) == rows
    for ids in itertools.product(range(1, 4), repeat=3):
        shares = [next_word(ids[:t], 5)[id] / next_word(ids[:t], 5).sum() for t, id in enumerate(ids)]
        assert counts[ids] == pytest.approx(rows * math.prod(shares), abs=1.1)


def test_a_word_without_probability_is_never_selected() -> None:
    assert {id for seed in range(50) for ids in sentences(9, seed) for id in ids} == {1, 2, 3}


@given(seeds, st.integers(1, 50))
@quickly
def test_one_seed_gives_one_set_of_samples(seed: int, rows: int) -> None:
    assert sentences(rows, seed) == sentences(rows, seed)


def test_one_sample_is_unbiased_over_seeds() -> None:
    first = [sentences(1, seed, steps=1)[0][0] for seed in range(2000)]
    weights = next_word((), 5)
    expected = (weights / weights.sum()).tolist()
    assert [first.count(id) / 2000 for id in range(5)] == pytest.approx(expected, abs=0.04)


def test_samples_in_any_rows_are_the_same() -> None:
    probabilities = np.stack([next_word((i,), 6) for i in range(3)])
    alone, shared = ArithmeticSampler(6, 3), ArithmeticSampler(6, 3)
    rows = np.array([2, 0, 0, 1, 2, 1])
    expected = alone.choose(np.arange(6), np.arange(6), probabilities[rows])
    assert shared.choose(np.arange(6), rows, probabilities).tolist() == expected.tolist()
    later = shared.choose(np.array([1, 4]), np.array([0, 0]), probabilities)
    assert later.tolist() == alone.choose(np.arange(6), np.zeros(6, int), probabilities)[[1, 4]].tolist()


@given(seeds)
@quickly
def test_sampled_sentences_are_as_frequent_as_they_are_probable(seed: int) -> None:
    """Up to one in each direction and word: their codes are evenly spaced."""
    decoder, count = random_decoder(seed), 2000
    frequencies = Counter(draw_samples(decoder, count, seed, max_words=3))
    assert sum(frequencies.values()) == count
    for ids, probability in _tempered(decoder, 3):
        sentence = tuple(id for id in ids if id != END)
        assert frequencies[sentence] == pytest.approx(count * probability, abs=4)


def _tempered(decoder: Decoder, max_words: int) -> list[tuple[Ids, float]]:
    """Every sentence with its probability at the temperature of the samples."""
    result = []
    for ids, _ in all_sentences(decoder, max_words):
        log_prob = 0.0
        for t, id in enumerate(ids):
            weights = {w: math.exp(p / SAMPLES_TEMPERATURE) for w, p in enumerate(decoder(ids[:t]).tolist())
                       if is_allowed(ids[:t], w)}  # fmt: skip
            log_prob += math.log(weights[id] / sum(weights.values()))
        result.append((ids, math.exp(log_prob)))
    return result


@given(seeds, st.integers(1, 40))
@quickly
def test_the_same_seed_gives_the_same_samples(seed: int, count: int) -> None:
    decoder = random_decoder(3)
    assert draw_samples(decoder, count, seed) == draw_samples(decoder, count, seed)
    assert len(draw_samples(decoder, count, seed)) == count


def test_samples_continue_the_prefix() -> None:
    assert {ids[:2] for ids in draw_samples(random_decoder(1), 30, prefix=(B, B))} == {(B, B)}
    assert draw_samples(random_decoder(1), 3, prefix=(B, END)) == [(B,)] * 3


@pytest.mark.parametrize("log_prob", [-np.inf, np.nan])
def test_a_sample_ends_where_no_word_is_possible(log_prob: float) -> None:
    def decoder(ids: Ids) -> NDArray[np.float32]:
        return np.full(7, log_prob, np.float32) if ids else random_decoder(0)(ids)

    assert {len(ids) for ids in draw_samples(decoder, 10)} == {1}
