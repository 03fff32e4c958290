"""Laws of consensus reranking: agreement, the samples, and the search that uses both."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from captioner.cider import EQUAL_WEIGHTS, Cider, NGramWeights, PredictedWords, document_frequencies
from captioner.inference import beam_search
from captioner.inference.beam_search import State
from captioner.inference.decoding import END_WORD, DecodingOptions, DecodingResult
from captioner.inference.reranking import (
    MAX_CANDIDATES,
    SCORE_WEIGHT,
    Gain,
    agreement,
    gains,
    rank_key,
    with_sample_shares,
)
from captioner.text import END, START
from tests.fake_captioner import make_candidate
from tests.table_stepper import (
    REGIONS,
    A,
    B,
    C,
    Decoder,
    Ids,
    TableStepper,
    decode,
    draw_samples,
    random_decoder,
    search,
    sequence,
    summary,
    table,
    without_end,
)

seeds = st.integers(0, 10_000)
sentences = st.lists(st.sampled_from(["a", "dog", "cat", "runs", "on"]), min_size=1, max_size=8)
several = st.lists(sentences, min_size=1, max_size=6)
quickly = settings(max_examples=settings().max_examples // 4)


# Agreement


@given(sentences, several)
@quickly
def test_nothing_agrees_more_than_what_all_samples_say(sample: list[str], others: list[list[str]]) -> None:
    own, *rest = agreement([sample, *others], [sample] * 3, EQUAL_WEIGHTS)
    assert own == pytest.approx(10 * min(len(sample), 4) / 4)
    assert max(rest) <= own + 1e-9


@given(several, several, st.randoms(use_true_random=False))
@quickly
def test_the_order_of_samples_does_not_matter(
    candidates: list[list[str]], samples: list[list[str]], random: object
) -> None:
    backwards = agreement(candidates, samples[::-1], EQUAL_WEIGHTS)
    assert agreement(candidates, samples, EQUAL_WEIGHTS) == pytest.approx(backwards)


@given(several, several)
@quickly
def test_agreement_is_cider_with_the_samples_as_references(
    candidates: list[list[str]], samples: list[list[str]]
) -> None:
    images = [samples, *([candidate] for candidate in candidates)]
    weights = NGramWeights.of_frequencies(len(images), document_frequencies(images))
    expected = [Cider(images).score(candidate, samples) for candidate in candidates]
    assert agreement(candidates, samples, weights) == pytest.approx(expected)


def test_with_one_sample_the_nearest_candidate_agrees_most() -> None:
    candidates = [text.split() for text in ("a cat sleeps", "a dog runs on grass", "two men talk")]
    assert agreement(candidates, [["a", "dog", "runs"]], EQUAL_WEIGHTS).argmax() == 1


def test_a_rare_word_in_common_counts_more() -> None:
    weights = NGramWeights.of_frequencies(100, {("a",): 99, ("man",): 60, ("kayak",): 2})
    common, rare = agreement([["man"], ["kayak"]], [["a", "man", "kayak"]], weights)
    assert common < rare


@given(several)
def test_a_words_share_is_that_of_the_samples_that_have_it(samples: list[list[str]]) -> None:
    candidate = make_candidate((("dog", 0.5), ("runs", 0.5), (END_WORD, 0.5)))
    expected = [sum(word in sample for sample in samples) / len(samples) for word in ("dog", "runs")]
    free, forced = (with_sample_shares(candidate, samples, count).words for count in (0, 1))
    assert [word.sample_share for word in free] == [*expected, None]
    assert [word.sample_share for word in forced] == [None, expected[1], None]


# The search


@given(seeds, st.integers(1, 4), st.integers(1, 20))
@quickly
def test_the_candidates_are_those_of_the_plain_search(seed: int, beams: int, samples: int) -> None:
    decoder = random_decoder(seed)
    plain = search(decoder, beams=beams, max_words=6)
    result = search(decoder, beams=beams, max_words=6, samples=samples)
    assert sorted(summary(result)) == sorted(summary(plain))
    assert result.beam_tree == plain.beam_tree
    assert {c.text: c.words for c in result.candidates} == {c.text: c.words for c in plain.candidates}
    assert all(candidate.agreement is None for candidate in plain.candidates)


@given(seeds, st.integers(1, 4), st.integers(1, 20))
@quickly
def test_candidates_are_ranked_by_agreement_and_score(seed: int, beams: int, samples: int) -> None:
    result = search(random_decoder(seed), beams=beams, max_words=6, samples=samples, seed=seed)
    values = [_value(candidate.agreement, candidate.score) for candidate in result.candidates]
    assert values == sorted(values, reverse=True)
    assert len(result.leaves) == len(result.candidates)


def _value(agreement: float | None, score: float) -> float:
    assert agreement is not None
    assert 0 <= agreement <= 10 + 1e-9
    return agreement + SCORE_WEIGHT * score


def test_only_the_best_of_many_are_returned() -> None:
    every = search(random_decoder(0), beams=20, max_words=6)
    best = search(random_decoder(0), beams=20, max_words=6, samples=10)
    assert len(every.candidates) == 20
    assert len(best.candidates) == len(best.leaves) == MAX_CANDIDATES
    assert {*summary(best)} <= {*summary(every)}


def test_many_samples_outvote_the_likeliest_sentence() -> None:
    """One sentence with c is the likeliest, and most of what the model says is about b."""
    third = {A: 0.3, B: 0.3, C: 0.3}
    decoder = table({(): {A: 0.6, C: 0.4}, (A,): {B: 0.9}, (A, B): third, (C,): {END: 0.99}})
    plain, ranked = (search(decoder, beams=6, length_penalty=0, samples=samples) for samples in (0, 40))
    assert without_end(plain.candidates[0]) == (C,)
    assert without_end(ranked.candidates[0])[:2] == (A, B)


def test_a_redundant_candidate_ranks_below_all_others_but_not_by_score_alone() -> None:
    words = ["<pad>", "<start>", END_WORD, "<unknown>", "hat", "and", "smiles"]
    rules = {(): {A: 0.9, C: 0.1}, (A,): {B: 0.9, END: 0.1}, (A, B): {A: 0.99}, (A, B, A): {END: 0.99}}

    def texts(samples: int, temperature: float | None = None) -> list[str]:
        options = DecodingOptions(
            beams=3, num_return_sequences=20, max_words=4, samples=samples, temperature=temperature, top_p=1
        )
        return [
            c.text for c in beam_search.decode(TableStepper(table(rules)), REGIONS, options, words).candidates
        ]

    assert texts(0)[0] == "hat and hat"
    assert sorted(texts(40)) == sorted(texts(0))
    assert texts(40)[-1] == "hat and hat"
    sampled = texts(0, temperature=1.0)
    assert sampled[-1] == "hat and hat"
    assert len(sampled) > 1


def test_where_all_candidates_are_redundant_the_best_of_them_is_first() -> None:
    redundant = ["a", "hat", "and", "a", "hat"]
    keys = [rank_key(redundant, Gain(agreement), -1.0) for agreement in (1.0, 3.0, 2.0)]
    assert max(keys) == keys[1] < rank_key(["a", "hat"], Gain(0.0), -9.0)


def test_samples_do_not_leak_into_the_search_nor_the_search_into_them() -> None:
    """The state of every row holds its own words, by which the decoder tells rows that were mixed up."""

    class Recording(TableStepper):
        def __init__(self, decoder: Decoder) -> None:
            super().__init__(decoder)
            self.stepped: list[set[Ids]] = []

        def step(
            self, ids: NDArray[np.int32], state: State
        ) -> tuple[NDArray[np.float32], State, NDArray[np.float32]]:
            rows = np.column_stack([state["ids"][:, 1:], ids]).astype(int)
            self.stepped.append(set(map(tuple, rows.tolist())))
            return super().step(ids, state)

    stepper = Recording(random_decoder(5))
    options = DecodingOptions(beams=3, max_words=6, samples=25)
    result = decode(stepper, options)
    alone = draw_samples(random_decoder(5), 25, max_words=6)
    assert stepper.stepped[0] == {(START,)}
    for sample in alone:
        for t in range(1, len(sample)):
            assert sample[:t] in stepper.stepped[t]
    assert sorted(summary(result)) == sorted(summary(search(random_decoder(5), beams=3, max_words=6)))


def test_rows_become_fewer_as_sentences_end() -> None:
    stepper = TableStepper(random_decoder(2))
    decode(stepper, DecodingOptions(beams=3, max_words=8, samples=30))
    assert min(stepper.rows) >= 3
    assert max(stepper.rows) <= 3 + 30


@given(seeds, st.sampled_from([(A,), (B, B), (A, END)]))
@quickly
def test_a_prefix_begins_every_candidate(seed: int, prefix: Ids) -> None:
    result = search(random_decoder(seed), beams=3, max_words=5, prefix=prefix, samples=10)
    assert {sequence(candidate)[: len(prefix)] for candidate in result.candidates} == {prefix}


def test_a_random_version_needs_no_samples() -> None:
    options = DecodingOptions(num_return_sequences=3, max_words=6, temperature=1.0)
    assert not replace(options, samples=10).consensus

    def result(samples: int) -> DecodingResult:
        return decode(TableStepper(random_decoder(1)), replace(options, samples=samples))

    assert result(10) == result(0)


def test_a_blocked_word_is_in_no_sample() -> None:
    """A candidate that is like the samples would otherwise be one that they cannot be."""
    decoder = table({(): {A: 0.9, B: 0.05}, (B,): {END: 0.99}})
    result = decode(TableStepper(decoder), DecodingOptions(beams=1, samples=20), blocklist=[A])
    assert without_end(result.candidates[0]) == (B,)
    assert result.candidates[0].agreement == pytest.approx(10 / 4)


def test_of_equal_agreement_the_candidate_with_the_predicted_words_ranks_first() -> None:
    predicted = PredictedWords({"dog": 0.6, "cat": 0.1})
    candidates, samples = [["a", "cat"], ["a", "dog"]], [["a", "dog"], ["a", "cat"]]
    cat, dog = gains(candidates, samples, EQUAL_WEIGHTS, predicted)
    assert cat.agreement == dog.agreement
    assert dog.word_similarity > cat.word_similarity
    assert rank_key(candidates[1], dog, -1.0) > rank_key(candidates[0], cat, -1.0)
