"""Laws of beam search, on decoders whose every probability is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from captioner.errors import CaptionerError
from captioner.inference.decoding import END_WORD, DecodingOptions
from captioner.text import END, PAD, START, UNKNOWN
from tests.table_stepper import (
    A,
    B,
    C,
    Ids,
    TableStepper,
    all_sentences,
    decode,
    greedy,
    id_of,
    is_allowed,
    random_decoder,
    reference_beam_search,
    search,
    sequence,
    summary,
    table,
    without_end,
)

seeds = st.integers(0, 10_000)
length_penalties = st.sampled_from([0.0, 0.7, 1.0])
quickly = settings(max_examples=settings().max_examples // 4)


# The search itself


@given(seeds, length_penalties)
@quickly
def test_one_beam_is_greedy_search(seed: int, length_penalty: float) -> None:
    decoder = random_decoder(seed)
    (only,) = search(decoder, beams=1, length_penalty=length_penalty, max_words=8).candidates
    assert sequence(only) == greedy(decoder, 8)


@given(seeds, length_penalties)
@quickly
def test_a_wide_beam_is_exhaustive_search(seed: int, length_penalty: float) -> None:
    decoder = random_decoder(seed)
    # 36 beams lose nothing on the way, yet return only the best 36 of all 45 sentences.
    result = search(decoder, beams=36, length_penalty=length_penalty, max_words=4)
    scores = {ids: total / len(ids) ** length_penalty for ids, total in all_sentences(decoder, 4)}
    assert len(scores) == 45
    best = sorted(scores, key=scores.__getitem__, reverse=True)[:36]
    assert [sequence(candidate) for candidate in result.candidates] == best
    assert [candidate.score for candidate in result.candidates] == pytest.approx([scores[s] for s in best])


def test_two_beams_find_what_greedy_search_misses() -> None:
    decoder = table({(): {A: 0.6, B: 0.4}, (A,): {END: 0.4, C: 0.3}, (B,): {C: 0.9}, (B, C): {END: 0.9}})
    assert without_end(search(decoder, beams=1, length_penalty=0).candidates[0]) == (A,)
    assert without_end(search(decoder, beams=2, length_penalty=0).candidates[0]) == (B, C)


def test_a_length_penalty_favours_the_longer_sentence() -> None:
    decoder = table({(): {A: 0.9}, (A,): {END: 0.5, B: 0.4}, (A, B): {C: 0.9}, (A, B, C): {END: 0.9}})
    assert without_end(search(decoder, beams=2, length_penalty=0).candidates[0]) == (A,)
    assert without_end(search(decoder, beams=2, length_penalty=1).candidates[0]) == (A, B, C)


def test_the_search_stops_once_nothing_can_get_better() -> None:
    stepper = TableStepper(table({(): {A: 0.5, B: 0.4}, (B,): {C: 0.9}}))
    result = decode(stepper, DecodingOptions(beams=2, max_words=20))
    assert [without_end(candidate) for candidate in result.candidates] == [(A,), (B, C)]
    assert stepper.steps == 3


@given(seeds, st.integers(1, 4), length_penalties)
@quickly
def test_stopping_early_loses_nothing(seed: int, beams: int, length_penalty: float) -> None:
    decoder = random_decoder(seed)
    result = search(decoder, beams=beams, length_penalty=length_penalty, max_words=10)
    assert list(map(sequence, result.candidates)) == reference_beam_search(decoder, beams, length_penalty, 10)


def test_a_sentence_that_ends_makes_room_for_another() -> None:
    decoder = table({(): {A: 0.5, B: 0.4}, (A,): {END: 0.9}, (B,): {A: 0.4, C: 0.4}})
    result = search(decoder, beams=2)
    steps = [node.step for node in result.beam_tree if node.in_beam]
    assert steps[:6] == [0, 0, 1, 1, 2, 2]
    assert {without_end(candidate) for candidate in result.candidates} <= {(A,), (B, A), (B, C)}


@given(seeds, st.integers(1, 6), st.sampled_from([None, 1.0]))
@quickly
def test_every_step_has_the_same_number_of_rows(seed: int, beams: int, temperature: float | None) -> None:
    stepper = TableStepper(random_decoder(seed))
    options = DecodingOptions(beams, num_return_sequences=beams, max_words=6, temperature=temperature)
    decode(stepper, options)
    assert stepper.rows == {beams}


# What it returns


@given(seeds, st.integers(1, 6), length_penalties, st.sampled_from([None, 0.0, 1.0]))
@quickly
def test_candidates_are_ranked_distinct_and_as_probable_as_they_say(
    seed: int, beams: int, length_penalty: float, temperature: float | None
) -> None:
    decoder, ranking = random_decoder(seed), {"length_penalty": length_penalty, "temperature": temperature}
    result = search(decoder, beams=beams, num_return_sequences=beams, max_words=6, **ranking).candidates
    assert 1 <= len(result) <= beams
    assert len({without_end(candidate) for candidate in result}) == len(result)
    assert sorted(result, key=lambda candidate: -candidate.score) == list(result)
    for candidate in result:
        ids = sequence(candidate)
        assert all(is_allowed(ids[:t], word) for t, word in enumerate(ids))
        forced = [float(decoder(ids[:t])[word]) for t, word in enumerate(ids)]
        assert [word.log_prob for word in candidate.words] == forced
        assert candidate.log_prob == sum(forced)
        assert candidate.score == pytest.approx(sum(forced) / len(ids) ** length_penalty)
        assert candidate.finished == (ids[-1] == END)
        assert candidate.finished or len(ids) == 6
        assert without_end(candidate) == tuple(word for word in ids if word != END)


def test_a_sentence_without_an_end_is_unfinished() -> None:
    endless = table({(): {A: 0.9}, (A,): {B: 0.9}, (A, B): {C: 0.9}})
    best = search(endless, beams=1, max_words=3).candidates[0]
    assert (without_end(best), best.finished) == ((A, B, C), False)


# What may not be chosen


def test_masked_words_are_not_chosen_and_not_renormalised() -> None:
    decoder = table({(): {PAD: 0.2, START: 0.2, UNKNOWN: 0.2, END: 0.2, A: 0.1}, (A,): {A: 0.9, B: 0.09}})
    best = search(decoder, beams=1).candidates[0]
    assert without_end(best) == (A, B)
    assert best.log_prob == pytest.approx(np.log(0.1 * 0.09 * 0.99), abs=1e-6)
    assert best.words[0].runners_up[0] == pytest.approx((END_WORD, np.log(0.2)))
    assert best.words[1].runners_up[0] == pytest.approx(("a", np.log(0.9)))


@given(seeds, st.integers(1, 4), st.sampled_from([None, 0.0, 1.0]), st.sampled_from([[B], [A, C]]))
@quickly
def test_a_blocked_word_never_appears_however_likely(
    seed: int, beams: int, temperature: float | None, blocked: list[int]
) -> None:
    def decoder(ids: Ids) -> NDArray[np.float32]:
        log_probs = random_decoder(seed)(ids)
        log_probs[blocked] = -0.01
        return log_probs

    options = DecodingOptions(
        beams, num_return_sequences=beams, temperature=temperature, seed=seed, top_p=1.0
    )
    result = decode(TableStepper(decoder), options, blocklist=blocked)
    words = [word for candidate in result.candidates for word in candidate.words]
    reported = {text for word in words for text in (word.text, *dict(word.runners_up), *word.blocked)}
    assert not {*blocked} & set(map(id_of, reported | {node.word for node in result.beam_tree}))
    for candidate in result.candidates:
        ids = sequence(candidate)
        assert [word.log_prob for word in candidate.words] == [
            float(decoder(ids[:t])[word]) for t, word in enumerate(ids)
        ]


def test_a_blocked_word_makes_room_for_another_runner_up() -> None:
    decoder = table({(): {A: 0.5, B: 0.3, C: 0.1, END: 0.05}})
    options = DecodingOptions(beams=1, max_words=1, runners_up=1)
    (word,) = decode(TableStepper(decoder), options, blocklist=[B]).candidates[0].words
    assert [text for text, _ in word.runners_up] == ["c"]


def test_a_prefix_with_a_blocked_word_is_refused() -> None:
    with pytest.raises(ValueError, match="not blocked"):
        decode(TableStepper(random_decoder(0)), DecodingOptions(prefix=(A, B)), blocklist=[B])


def test_no_trigram_is_repeated() -> None:
    def parrot(ids: Ids) -> NDArray[np.float32]:
        likely = {A: B, B: C, C: A}.get(ids[-1] if ids else C, A)
        return np.asarray(np.log(np.where(np.arange(7) == likely, 0.9, 0.01)), np.float32)

    ids = (A, B, C, A, B)
    best = search(parrot, beams=1, max_words=6, prefix=ids).candidates[0]
    assert without_end(best)[:5] == ids
    assert without_end(best)[5:] != (C,)


def test_a_word_is_not_repeated_after_a_conjunction() -> None:
    decoder = table({(): {A: 0.9}, (A,): {B: 0.9}, (A, B): {A: 0.8, C: 0.1}, (A, B, C): {END: 0.9}})

    def text(conjunctions: list[int], prefix: Ids = ()) -> str:
        options = DecodingOptions(beams=1, max_words=4, prefix=prefix)
        return decode(TableStepper(decoder), options, conjunctions=conjunctions).candidates[0].text

    assert text([]).startswith("a b a")
    assert text([B]) == "a b c"
    assert text([C]).startswith("a b a")
    assert text([B], prefix=(A, B, A)).startswith("a b a")  # whoever asks for it is given it


# Forced prefixes


@given(seeds)
@quickly
def test_greedy_search_completes_its_own_sentence_to_itself(seed: int) -> None:
    decoder = random_decoder(seed)
    whole = summary(search(decoder, beams=1, max_words=6))
    (ids, _), *_ = whole
    for n in range(len(ids) + 1):
        assert summary(search(decoder, beams=1, max_words=6, prefix=ids[:n])) == whole


@given(seeds, st.lists(st.sampled_from([A, B, C, UNKNOWN]), max_size=3), st.sampled_from([None, 1.0]))
@quickly
def test_a_prefix_begins_every_sentence_and_is_counted(
    seed: int, prefix: list[int], temperature: float | None
) -> None:
    decoder, ids = random_decoder(seed), tuple(prefix)
    result = search(decoder, max_words=5, prefix=ids, temperature=temperature)
    forced = sum(float(decoder(ids[:t])[word]) for t, word in enumerate(ids))
    for candidate in result.candidates:
        assert sequence(candidate)[: len(ids)] == ids
        assert sum(word.log_prob for word in candidate.words[: len(ids)]) == pytest.approx(forced)
    assert [id_of(node.word) for node in result.beam_tree[: len(ids)]] == prefix  # one chain, no branches


@pytest.mark.parametrize("prefix", [(A, B, END), (END,), (A, A, A, END)])
@pytest.mark.parametrize("temperature", [None, 1.0])
def test_a_prefix_that_ends_is_the_whole_sentence(prefix: Ids, temperature: float | None) -> None:
    stepper = TableStepper(random_decoder(1))
    result = decode(stepper, DecodingOptions(prefix=prefix, temperature=temperature))
    (only,) = result.candidates
    assert (without_end(only), only.finished) == (prefix[:-1], True)
    assert stepper.steps == len(prefix)


def test_a_prefix_may_use_up_all_words() -> None:
    (only,) = search(random_decoder(1), beams=3, max_words=2, prefix=(A, B)).candidates
    assert (without_end(only), only.finished) == ((A, B), False)


# What is refused


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"beams": 0}, "beams is a number from 1 up; got 0"),
        ({"length_penalty": -0.1}, "length_penalty is a number from 0 up; got -0.1"),
        ({"length_penalty": float("nan")}, "length_penalty is a number"),
        ({"max_words": 0}, "max_words is a number from 1 up; got 0"),
        ({"temperature": -1.0}, "temperature is a number from 0 up; got -1.0"),
        ({"temperature": float("inf")}, "temperature is a number"),
        ({"top_p": 0.0}, "top_p is a number above 0 and at most 1; got 0.0"),
        ({"top_p": 1.1}, "top_p is a number above 0 and at most 1; got 1.1"),
        ({"top_p": float("nan")}, "top_p is a number above 0"),
        ({"seed": -1}, "seed is a number from 0 up; got -1"),
        ({"runners_up": -1}, "runners_up is a number from 0 up; got -1"),
        ({"samples": -1}, "samples is a number from 0 up; got -1"),
        ({"prefix": (A, B, C), "max_words": 2}, r"at most max_words \(2\) words; got 3"),
        ({"prefix": (PAD,)}, "prefix holds words"),
        ({"prefix": (START, A)}, "prefix holds words"),
        ({"prefix": (A, END, B)}, "END at most as the last"),
        ({"prefix": (-1,)}, "prefix holds words"),
    ],
)
def test_contradictory_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DecodingOptions(**options)


def test_a_prefix_outside_the_vocabulary_is_refused() -> None:
    with pytest.raises(ValueError, match="ids below 7; got 7"):
        search(random_decoder(0), prefix=(7,))


@pytest.mark.parametrize("temperature", [None, 1.0])
@pytest.mark.parametrize("log_prob", [-np.inf, np.nan])
def test_a_decoder_without_a_possible_word_is_an_error(log_prob: float, temperature: float | None) -> None:
    with pytest.raises(CaptionerError, match="no allowed word a probability above 0"):
        search(lambda ids: np.full(7, log_prob, np.float32), temperature=temperature)


def test_a_vocabulary_smaller_than_the_beam_is_enough() -> None:
    result = search(random_decoder(2, vocabulary=5), beams=5, max_words=4)
    assert [without_end(candidate) for candidate in result.candidates] == [(A,)]
