"""Laws of what the search remembers: the steps of a sentence, and the tree of all that was considered."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from captioner.inference.decoding import DecodingOptions, State, decode
from captioner.text import END, START
from tests.table_stepper import REGIONS, A, B, C, Said, TableStepper, any_speaker, search, spoken

seeds = st.integers(0, 10_000)
quickly = settings(max_examples=settings().max_examples // 4)


@given(seeds, st.integers(0, 7))
@quickly
def test_runners_up_are_the_likeliest_other_words(seed: int, count: int) -> None:
    speaker = any_speaker(seed)
    (best, *_) = search(speaker, beams=3, max_words=6, runners_up=count).hypotheses
    for t, step in enumerate(best.steps):
        log_probs = speaker(spoken(best)[:t])
        others = [(w, float(log_probs[w])) for w in (END, A, B, C) if w != step.id]
        assert list(step.runners_up) == sorted(others, key=lambda other: -other[1])[:count]


@given(seeds)
@quickly
def test_what_a_greedy_search_passes_over_is_ruled_out(seed: int) -> None:
    (best,) = search(any_speaker(seed), beams=1, max_words=9).hypotheses
    for step in best.steps:
        assert {word for word, log_prob in step.runners_up if log_prob > step.log_prob} <= step.blocked
        assert step.id not in step.blocked


def test_what_only_a_prefix_may_say_is_ruled_out() -> None:
    (best, *_) = search(any_speaker(1), prefix=(A, B, B)).hypotheses
    assert [step.id in step.blocked for step in best.steps[:3]] == [False, False, True]


@given(seeds)
@quickly
def test_attention_belongs_to_its_word(seed: int) -> None:
    for hypothesis in search(any_speaker(seed), beams=4, max_words=6).hypotheses:
        before = [START, *spoken(hypothesis)[:-1]]
        seen = [step.attention for step in hypothesis.steps]
        np.testing.assert_array_equal(np.stack([a for a in seen if a is not None]), np.tile(before, (4, 1)).T)


def test_a_decoder_without_attention_has_none() -> None:
    class Blind(TableStepper):
        def step(self, words: NDArray[np.int32], state: State) -> tuple[NDArray[np.float32], State, Any]:
            return *super().step(words, state)[:2], None

    decoded = decode(Blind(any_speaker(0)), REGIONS, DecodingOptions(beams=2, max_words=4))
    assert {step.attention for hypothesis in decoded.hypotheses for step in hypothesis.steps} == {None}


@given(seeds, st.integers(1, 5), st.sampled_from([None, 1.0]))
@quickly
def test_the_tree_holds_every_sentence_and_adds_up(seed: int, beams: int, temperature: float | None) -> None:
    speaker = any_speaker(seed)
    decoded = search(speaker, beams=beams, max_words=6, temperature=temperature)
    paths: list[Said] = []
    for i, node in enumerate(decoded.tree):
        assert -1 <= node.parent < i
        before, total = (
            ((), 0.0) if node.parent < 0 else (paths[node.parent], decoded.tree[node.parent].log_prob)
        )
        assert node.parent < 0 or decoded.tree[node.parent].kept
        assert node.step == len(before)
        assert node.log_prob == total + float(speaker(before)[node.id])
        paths.append((*before, node.id))
    assert len(set(paths)) == len(paths)
    assert [paths[leaf] for leaf in decoded.leaves] == [spoken(h) for h in decoded.hypotheses]


@given(seeds, st.integers(1, 5))
@quickly
def test_pruned_nodes_are_the_next_best(seed: int, beams: int) -> None:
    tree = search(any_speaker(seed), beams=beams, max_words=6).tree
    for step in range(tree[-1].step + 1):
        kept = [node.log_prob for node in tree if node.step == step and node.kept]
        pruned = [node.log_prob for node in tree if node.step == step and not node.kept]
        assert len(kept) <= beams
        assert len(pruned) <= beams
        assert not pruned or len(kept) == beams
        assert max(pruned, default=-np.inf) <= min(kept)
    first = [node.kept for node in tree if node.step == 0]  # of the three words that may come first
    assert first == [*[True] * min(beams, 3), *[False] * min(beams, 3 - min(beams, 3))]


@given(seeds, st.integers(1, 5), st.sampled_from([0.0, 0.7, 1.0]))
@quickly
def test_the_best_leaf_of_the_tree_is_the_best_caption(seed: int, beams: int, length_penalty: float) -> None:
    decoded = search(any_speaker(seed), beams=beams, length_penalty=length_penalty, max_words=6)
    ended = [node for node in decoded.tree if node.kept and (node.id == END or node.step == 5)]
    assert (
        max(node.log_prob / (node.step + 1) ** length_penalty for node in ended)
        == decoded.hypotheses[0].score
    )
