"""Laws of the search, told by decoders whose every probability is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from captioner.errors import CaptionerError
from captioner.inference.decoding import DecodingOptions, decode
from captioner.text import END, PAD, START, UNKNOWN
from tests.table_stepper import (
    REGIONS,
    A,
    B,
    C,
    Said,
    TableStepper,
    any_speaker,
    every_sentence,
    greedy,
    may_follow,
    search,
    slow_beam_search,
    spoken,
    summary,
    table,
)

seeds = st.integers(0, 10_000)
length_penalties = st.sampled_from([0.0, 0.7, 1.0])
quickly = settings(max_examples=settings().max_examples // 4)


# The search itself


@given(seeds, length_penalties)
@quickly
def test_one_beam_is_greedy_search(seed: int, length_penalty: float) -> None:
    speaker = any_speaker(seed)
    (only,) = search(speaker, beams=1, length_penalty=length_penalty, max_words=8).hypotheses
    assert spoken(only) == greedy(speaker, 8)


@given(seeds, length_penalties)
@quickly
def test_a_wide_beam_is_exhaustive_search(seed: int, length_penalty: float) -> None:
    speaker = any_speaker(seed)
    # 36 beams lose nothing on the way, yet return only the best 36 of all 45 sentences.
    decoded = search(speaker, beams=36, length_penalty=length_penalty, max_words=4)
    scores = {said: total / len(said) ** length_penalty for said, total in every_sentence(speaker, 4)}
    assert len(scores) == 45
    best = sorted(scores, key=scores.__getitem__, reverse=True)[:36]
    assert [spoken(hypothesis) for hypothesis in decoded.hypotheses] == best
    assert [hypothesis.score for hypothesis in decoded.hypotheses] == pytest.approx([scores[s] for s in best])


def test_two_beams_find_what_greedy_search_walks_past() -> None:
    speaker = table({(): {A: 0.6, B: 0.4}, (A,): {END: 0.4, C: 0.3}, (B,): {C: 0.9}, (B, C): {END: 0.9}})
    assert search(speaker, beams=1, length_penalty=0).hypotheses[0].ids == (A,)
    assert search(speaker, beams=2, length_penalty=0).hypotheses[0].ids == (B, C)


def test_a_length_penalty_favours_the_longer_sentence() -> None:
    speaker = table({(): {A: 0.9}, (A,): {END: 0.5, B: 0.4}, (A, B): {C: 0.9}, (A, B, C): {END: 0.9}})
    assert search(speaker, beams=2, length_penalty=0).hypotheses[0].ids == (A,)
    assert search(speaker, beams=2, length_penalty=1).hypotheses[0].ids == (A, B, C)


def test_the_search_stops_once_nothing_can_get_better() -> None:
    stepper = TableStepper(table({(): {A: 0.5, B: 0.4}, (B,): {C: 0.9}}))
    decoded = decode(stepper, REGIONS, DecodingOptions(beams=2, max_words=20))
    assert [hypothesis.ids for hypothesis in decoded.hypotheses] == [(A,), (B, C)]
    assert stepper.steps == 3


@given(seeds, st.integers(1, 4), length_penalties)
@quickly
def test_stopping_early_loses_nothing(seed: int, beams: int, length_penalty: float) -> None:
    speaker = any_speaker(seed)
    decoded = search(speaker, beams=beams, length_penalty=length_penalty, max_words=10)
    assert list(map(spoken, decoded.hypotheses)) == slow_beam_search(speaker, beams, length_penalty, 10)


def test_a_sentence_that_ends_makes_room_for_another() -> None:
    speaker = table({(): {A: 0.5, B: 0.4}, (A,): {END: 0.9}, (B,): {A: 0.4, C: 0.4}})
    decoded = search(speaker, beams=2)
    kept = [node.step for node in decoded.tree if node.kept]
    assert kept[:6] == [0, 0, 1, 1, 2, 2]
    assert {hypothesis.ids for hypothesis in decoded.hypotheses} <= {(A,), (B, A), (B, C)}


@given(seeds, st.integers(1, 6), st.sampled_from([None, 1.0]))
@quickly
def test_every_step_has_the_same_number_of_rows(seed: int, beams: int, temperature: float | None) -> None:
    stepper = TableStepper(any_speaker(seed))
    decode(stepper, REGIONS, DecodingOptions(beams=beams, max_words=6, temperature=temperature))
    assert stepper.rows == {beams}


# What it returns


@given(seeds, st.integers(1, 6), length_penalties, st.sampled_from([None, 0.0, 1.0]))
@quickly
def test_hypotheses_are_ranked_distinct_and_as_probable_as_they_say(
    seed: int, beams: int, length_penalty: float, temperature: float | None
) -> None:
    speaker = any_speaker(seed)
    found = search(
        speaker, beams=beams, length_penalty=length_penalty, max_words=6, temperature=temperature
    ).hypotheses
    assert 1 <= len(found) <= beams
    assert len({hypothesis.ids for hypothesis in found}) == len(found)
    assert sorted(found, key=lambda hypothesis: -hypothesis.score) == list(found)
    for hypothesis in found:
        said = spoken(hypothesis)
        assert all(may_follow(said[:t], word) for t, word in enumerate(said))
        forced = [float(speaker(said[:t])[word]) for t, word in enumerate(said)]
        assert [step.log_prob for step in hypothesis.steps] == forced
        assert hypothesis.log_prob == sum(forced)
        assert hypothesis.score == pytest.approx(sum(forced) / len(said) ** length_penalty)
        assert hypothesis.finished == (said[-1] == END)
        assert hypothesis.finished or len(said) == 6
        assert hypothesis.ids == tuple(word for word in said if word != END)


def test_a_sentence_without_an_end_is_unfinished() -> None:
    endless = table({(): {A: 0.9}, (A,): {B: 0.9}, (A, B): {C: 0.9}})
    best = search(endless, beams=1, max_words=3).hypotheses[0]
    assert (best.ids, best.finished) == ((A, B, C), False)


# What may not be chosen


def test_masked_words_are_not_chosen_and_not_made_up_for() -> None:
    speaker = table({(): {PAD: 0.2, START: 0.2, UNKNOWN: 0.2, END: 0.2, A: 0.1}, (A,): {A: 0.9, B: 0.09}})
    best = search(speaker, beams=1).hypotheses[0]
    assert best.ids == (A, B)
    assert best.log_prob == pytest.approx(np.log(0.1 * 0.09 * 0.99), abs=1e-6)
    assert best.steps[0].runners_up[0] == pytest.approx((END, np.log(0.2)))
    assert best.steps[1].runners_up[0] == pytest.approx((A, np.log(0.9)))


@given(seeds, st.integers(1, 4), st.sampled_from([None, 0.0, 1.0]), st.sampled_from([[B], [A, C]]))
@quickly
def test_a_blocked_word_is_nowhere_however_likely(
    seed: int, beams: int, temperature: float | None, blocked: list[int]
) -> None:
    def speaker(said: Said) -> NDArray[np.float32]:
        log_probs = any_speaker(seed)(said)
        log_probs[blocked] = -0.01
        return log_probs

    options = DecodingOptions(beams=beams, max_words=6, temperature=temperature, seed=seed, top_p=1.0)
    decoded = decode(TableStepper(speaker), REGIONS, options, blocked=blocked)
    steps = [step for hypothesis in decoded.hypotheses for step in hypothesis.steps]
    told = {id for step in steps for id in (step.id, *dict(step.runners_up), *step.blocked)}
    assert not {*blocked} & (told | {node.id for node in decoded.tree})
    for hypothesis in decoded.hypotheses:
        said = spoken(hypothesis)
        assert [step.log_prob for step in hypothesis.steps] == [
            float(speaker(said[:t])[word]) for t, word in enumerate(said)
        ]


def test_a_blocked_word_makes_room_for_another_runner_up() -> None:
    speaker = table({(): {A: 0.5, B: 0.3, C: 0.1, END: 0.05}})
    options = DecodingOptions(beams=1, max_words=1, runners_up=1)
    (step,) = decode(TableStepper(speaker), REGIONS, options, blocked=[B]).hypotheses[0].steps
    assert [id for id, _ in step.runners_up] == [C]


def test_a_prefix_with_a_blocked_word_is_refused() -> None:
    with pytest.raises(ValueError, match="not blocked"):
        decode(TableStepper(any_speaker(0)), REGIONS, DecodingOptions(prefix=(A, B)), blocked=[B])


def test_the_same_three_words_are_said_once() -> None:
    def parrot(said: Said) -> NDArray[np.float32]:
        likely = {A: B, B: C, C: A}.get(said[-1] if said else C, A)
        return np.asarray(np.log(np.where(np.arange(7) == likely, 0.9, 0.01)), np.float32)

    said = (A, B, C, A, B)
    best = search(parrot, beams=1, max_words=6, prefix=said).hypotheses[0]
    assert best.ids[:5] == said
    assert best.ids[5:] != (C,)


def test_a_word_is_not_joined_to_itself() -> None:
    speaker = table({(): {A: 0.9}, (A,): {B: 0.9}, (A, B): {A: 0.8, C: 0.1}, (A, B, C): {END: 0.9}})
    options = DecodingOptions(beams=1, max_words=4)
    assert decode(TableStepper(speaker), REGIONS, options).hypotheses[0].ids[:3] == (A, B, A)
    assert decode(TableStepper(speaker), REGIONS, options, joins=[B]).hypotheses[0].ids == (A, B, C)
    assert decode(TableStepper(speaker), REGIONS, options, joins=[C]).hypotheses[0].ids[:3] == (A, B, A)
    forced = DecodingOptions(beams=1, max_words=4, prefix=(A, B, A))  # whoever asks for it is given it
    assert decode(TableStepper(speaker), REGIONS, forced, joins=[B]).hypotheses[0].ids[:3] == (A, B, A)


# Forced prefixes


@given(seeds)
@quickly
def test_greedy_search_completes_its_own_sentence_to_itself(seed: int) -> None:
    speaker = any_speaker(seed)
    whole = summary(search(speaker, beams=1, max_words=6))
    (said, _), *_ = whole
    for n in range(len(said) + 1):
        assert summary(search(speaker, beams=1, max_words=6, prefix=said[:n])) == whole


@given(seeds, st.lists(st.sampled_from([A, B, C, UNKNOWN]), max_size=3), st.sampled_from([None, 1.0]))
@quickly
def test_a_prefix_begins_every_sentence_and_is_counted(
    seed: int, prefix: list[int], temperature: float | None
) -> None:
    speaker, said = any_speaker(seed), tuple(prefix)
    decoded = search(speaker, beams=3, max_words=5, prefix=said, temperature=temperature)
    forced = sum(float(speaker(said[:t])[word]) for t, word in enumerate(said))
    for hypothesis in decoded.hypotheses:
        assert spoken(hypothesis)[: len(said)] == said
        assert sum(step.log_prob for step in hypothesis.steps[: len(said)]) == pytest.approx(forced)
    assert [node.id for node in decoded.tree[: len(said)]] == prefix  # one chain, no branches


@pytest.mark.parametrize("prefix", [(A, B, END), (END,), (A, A, A, END)])
@pytest.mark.parametrize("temperature", [None, 1.0])
def test_a_prefix_that_ends_is_the_whole_sentence(prefix: Said, temperature: float | None) -> None:
    stepper = TableStepper(any_speaker(1))
    decoded = decode(stepper, REGIONS, DecodingOptions(beams=3, prefix=prefix, temperature=temperature))
    (only,) = decoded.hypotheses
    assert (only.ids, only.finished) == (prefix[:-1], True)
    assert stepper.steps == len(prefix)


def test_a_prefix_may_use_up_all_words() -> None:
    (only,) = search(any_speaker(1), beams=3, max_words=2, prefix=(A, B)).hypotheses
    assert (only.ids, only.finished) == ((A, B), False)


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
        search(any_speaker(0), prefix=(7,))


@pytest.mark.parametrize("temperature", [None, 1.0])
@pytest.mark.parametrize("log_prob", [-np.inf, np.nan])
def test_a_decoder_that_says_nothing_is_an_error(log_prob: float, temperature: float | None) -> None:
    with pytest.raises(CaptionerError, match="no word that may be said a probability above zero"):
        search(lambda said: np.full(7, log_prob, np.float32), temperature=temperature)


def test_a_vocabulary_smaller_than_the_beam_is_enough() -> None:
    decoded = search(any_speaker(2, vocabulary=5), beams=5, max_words=4)
    assert [hypothesis.ids for hypothesis in decoded.hypotheses] == [(A,)]
