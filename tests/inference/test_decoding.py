"""Laws of the search's record: the steps of a candidate, and the beam tree."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from captioner.inference.beam_search import State
from captioner.inference.decoding import DecodingOptions
from captioner.text import END, START
from tests.table_stepper import (
    WORDS,
    A,
    B,
    C,
    Ids,
    TableStepper,
    decode,
    id_of,
    random_decoder,
    search,
    sequence,
)

seeds = st.integers(0, 10_000)
quickly = settings(max_examples=settings().max_examples // 4)


@given(seeds, st.integers(0, 7))
@quickly
def test_runners_up_are_the_likeliest_other_words(seed: int, count: int) -> None:
    decoder = random_decoder(seed)
    (best, *_) = search(decoder, beams=3, max_words=6, runners_up=count).candidates
    for t, word in enumerate(best.words):
        log_probs = decoder(sequence(best)[:t])
        others = [(WORDS[id], float(log_probs[id])) for id in (END, A, B, C) if id != id_of(word)]
        assert list(word.runners_up) == sorted(others, key=lambda other: -other[1])[:count]


@given(seeds)
@quickly
def test_what_a_greedy_search_passes_over_is_blocked(seed: int) -> None:
    (best,) = search(random_decoder(seed), beams=1, max_words=9).candidates
    for word in best.words:
        assert {other for other, log_prob in word.runners_up if log_prob > word.log_prob} <= word.blocked
        assert word.text not in word.blocked


def test_a_repetition_forced_by_a_prefix_is_marked_as_blocked() -> None:
    (best, *_) = search(random_decoder(1), prefix=(A, B, B)).candidates
    assert [word.text in word.blocked for word in best.words[:3]] == [False, False, True]


@given(seeds)
@quickly
def test_attention_belongs_to_its_word(seed: int) -> None:
    for candidate in search(random_decoder(seed), beams=4, max_words=6).candidates:
        before = [START, *sequence(candidate)[:-1]]
        seen = [word.attention for word in candidate.words]
        np.testing.assert_array_equal(np.stack([a for a in seen if a is not None]), np.tile(before, (4, 1)).T)


def test_a_decoder_without_attention_has_none() -> None:
    class Blind(TableStepper):
        def step(self, ids: NDArray[np.int32], state: State) -> tuple[NDArray[np.float32], State, Any]:
            return *super().step(ids, state)[:2], None

    result = decode(Blind(random_decoder(0)), DecodingOptions(beams=2, max_words=4))
    assert {word.attention for candidate in result.candidates for word in candidate.words} == {None}


@given(seeds, st.integers(1, 5), st.sampled_from([None, 1.0]))
@quickly
def test_the_tree_holds_every_sentence_and_adds_up(seed: int, beams: int, temperature: float | None) -> None:
    decoder = random_decoder(seed)
    result = search(decoder, beams=beams, num_return_sequences=beams, max_words=6, temperature=temperature)
    paths: list[Ids] = []
    for i, node in enumerate(result.beam_tree):
        assert -1 <= node.parent < i
        before, total = (
            ((), 0.0) if node.parent < 0 else (paths[node.parent], result.beam_tree[node.parent].log_prob)
        )
        assert node.parent < 0 or result.beam_tree[node.parent].in_beam
        assert node.step == len(before)
        assert node.log_prob == total + float(decoder(before)[id_of(node.word)])
        paths.append((*before, id_of(node.word)))
    assert len(set(paths)) == len(paths)
    assert [paths[leaf] for leaf in result.leaves] == [sequence(h) for h in result.candidates]


@given(seeds, st.integers(1, 5))
@quickly
def test_pruned_nodes_are_the_next_best(seed: int, beams: int) -> None:
    tree = search(random_decoder(seed), beams=beams, max_words=6).beam_tree
    for step in range(tree[-1].step + 1):
        in_beam = [node.log_prob for node in tree if node.step == step and node.in_beam]
        pruned = [node.log_prob for node in tree if node.step == step and not node.in_beam]
        assert len(in_beam) <= beams
        assert len(pruned) <= beams
        assert not pruned or len(in_beam) == beams
        assert max(pruned, default=-np.inf) <= min(in_beam)
    first = [node.in_beam for node in tree if node.step == 0]  # of the three words that may come first
    assert first == [*[True] * min(beams, 3), *[False] * min(beams, 3 - min(beams, 3))]


@given(seeds, st.integers(1, 5), st.sampled_from([0.0, 0.7, 1.0]))
@quickly
def test_the_best_leaf_of_the_tree_is_the_best_caption(seed: int, beams: int, length_penalty: float) -> None:
    result = search(random_decoder(seed), beams=beams, length_penalty=length_penalty, max_words=6)
    ended = [
        node for node in result.beam_tree if node.in_beam and (id_of(node.word) == END or node.step == 5)
    ]
    assert (
        max(node.log_prob / (node.step + 1) ** length_penalty for node in ended) == result.candidates[0].score
    )
