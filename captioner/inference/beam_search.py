"""Ranked sentences from a decoder that gives one word at a time: beam search, greedy search, sampling.

Knows ids and probabilities; no pictures, no LiteRT. The decoder is any ``Stepper``.

    start ──> step ──> choose N of N x V ──> step ──> … ──> candidates, best first
                └── every step is recorded, so that the alternatives can be shown

N, the number of rows, is constant: resizing an interpreter takes longer than stepping an unused row.
Samples, drawn beside a search to rank its candidates (``reranking``), take further rows, fewer at every word.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from captioner.cider import EQUAL_WEIGHTS, NGramWeights, PredictedWords
from captioner.errors import CaptionerError
from captioner.inference import reranking
from captioner.inference.decoding import END_WORD, BeamNode, Candidate, DecodingOptions, DecodingResult, Word
from captioner.inference.redundancy import is_redundant
from captioner.inference.reranking import MAX_CANDIDATES, Gain, rank_key
from captioner.inference.sampling import Float, Indices, LogProbs, Samples, mask, sample, top_k
from captioner.text import END, PAD, START, UNKNOWN

Float32s: TypeAlias = NDArray[np.float32]
State: TypeAlias = dict[str, Float32s]  # each float32[N, …]

SUPPRESSED = frozenset({PAD, START, UNKNOWN})  # ids that are never chosen and never reported


class Stepper(Protocol):
    """A decoder. It remembers what is fixed for the picture; ``State`` is what differs between rows."""

    def start(self, regions: Float32s) -> State:
        """Begin a sentence about regions float32[1, R, C]: the state of one row, float32[1, …] each."""

    def step(self, ids: NDArray[np.int32], state: State) -> tuple[Float32s, State, Float32s | None]:
        """Log-probabilities of the word after the last ones, ids int32[N].

        Returns log-probabilities float32[N, V], the next state, and attention float32[N, h, w] if there is
        any. The caller may keep the arrays, so a buffer that the next step overwrites must be copied.
        """


def decode(
    stepper: Stepper,
    regions: Float32s,
    options: DecodingOptions,
    words: Sequence[str],
    *,
    conjunctions: Collection[int] = (),
    blocklist: Collection[int] = (),
    weights: NGramWeights = EQUAL_WEIGHTS,
    predicted: PredictedWords | None = None,
) -> DecodingResult:
    """Describe regions float32[1, R, C].

    Beam search (Graves 2012; Sutskever et al. 2014): of all continuations the best N are kept, those that end
    leave the beam, and the others continue. It stops when N sentences have ended that nothing
    in the beam can still beat, or at ``max_words``. With a temperature, N sentences are sampled instead; with
    samples, further rows are sampled beside the search, by which its candidates are ranked (``reranking``).
    Forbidden words are masked (see ``sampling.mask``), which changes no reported probability.

    Args:
        stepper: the decoder.
        regions: the output of the encoder.
        options: how to search.
        words: the texts of the ids, V of them.
        conjunctions: ids after which the previous word may not be repeated: no “black and black”.
        blocklist: ids that are neither chosen nor reported.
        weights: of the n-grams, in the similarity of candidates and samples.
        predicted: the words that people would use, to which candidates are compared beside the samples.

    Raises:
        ValueError: the prefix has an id outside the vocabulary or on the blocklist.
        CaptionerError: no allowed word has a probability above zero.
    """
    if blocked := set(options.prefix).intersection(blocklist):
        raise ValueError(f"prefix holds words that are not blocked; got {blocked}")
    suppressed = SUPPRESSED.union(blocklist)
    suppressed_ids, conjunction_ids = (np.array([*ids], np.intp) for ids in (suppressed, conjunctions))

    def masked(log_probs: NDArray[Float], sequences: Indices) -> NDArray[Float]:
        return mask(log_probs, sequences, suppressed_ids, conjunction_ids)

    search = _Search(options, words, suppressed, masked)
    samples = Samples(options, masked) if options.consensus else None
    _step_together(stepper, regions, search, samples, options)
    if not samples:
        return search.result()
    sentences = [[words[id] for id in ids] for ids in samples.sentences]
    result = search.result(lambda candidates: reranking.gains(candidates, sentences, weights, predicted))
    forced = len(options.prefix)
    candidates = (
        reranking.with_sample_shares(candidate, sentences, forced) for candidate in result.candidates
    )
    return replace(result, candidates=tuple(candidates))


def _step_together(
    stepper: Stepper, regions: Float32s, search: _Search, samples: Samples | None, options: DecodingOptions
) -> None:
    """Step the rows of the search, and below them those of the samples, until both are done."""
    n = options.rows
    rows, last = np.zeros(n + bool(samples), np.intp), np.full(n + bool(samples), START)
    state = stepper.start(regions)
    for _ in range(options.max_words):
        state = {name: values[rows] for name, values in state.items()}
        log_probs, state, attention = stepper.step(last.astype(np.int32), state)
        rows, last = np.arange(n), last[:n]
        if not search.done:
            rows, last = search.advance(log_probs[:n], attention if attention is None else attention[:n])
        if samples and not samples.done:
            below, next_ids = samples.advance(log_probs[n:])
            rows, last = np.append(rows, n + below), np.append(last, next_ids)
        if search.done and (not samples or samples.done):
            break


class _Search:
    """The beam between two steps. Of the N rows stepped, the first ``len(_live)`` count."""

    def __init__(
        self,
        options: DecodingOptions,
        words: Sequence[str],
        suppressed: frozenset[int],
        mask: Callable[[LogProbs, Indices], LogProbs],
    ) -> None:
        live = 1 if options.temperature is None else options.num_return_sequences
        self._options = options
        self._mask = mask
        self._tree = _BeamTree(words, suppressed)
        self._finished: list[int] = []  # nodes
        self._live = [-1] * live  # nodes
        self._log_probs = np.zeros(live)  # float64[live], of the sentences so far
        self._sequences = np.empty((live, 0), np.intp)  # int[live, t], their ids

    @cached_property
    def _rng(self) -> np.random.Generator:
        return np.random.default_rng(self._options.seed)  # late: numpy.random takes 5 ms to import

    @property
    def done(self) -> bool:
        return not self._live

    def advance(self, log_probs: Float32s, attention: Float32s | None) -> tuple[Indices, Indices]:
        """Choose by log_probs float32[N, V]: the rows int[N] to continue, and their next ids int[N]."""
        n = self._options.rows
        totals = self._log_probs[:, None] + log_probs[: len(self._live)]
        masked = self._mask(totals, self._sequences)
        rows, ids = self._continuations(masked)
        chosen = totals[rows, ids]
        nodes = self._add_nodes(rows, ids, chosen)
        self._tree.steps.append(_StepRecord(log_probs, attention, masked > -np.inf))
        self._finished += [node for node, id in zip(nodes, ids[:n], strict=False) if id == END]
        unfinished = np.flatnonzero(ids[:n] != END)
        rows, ids = rows[unfinished], ids[unfinished]
        self._live = [nodes[i] for i in unfinished]
        self._log_probs = chosen[unfinished]
        self._sequences = np.column_stack([self._sequences[rows], ids])
        if self._can_stop():
            self._live = []
        # The rows beyond the live ones repeat them: any valid input will do.
        return np.resize(rows, n), np.resize(ids, n)

    def result(self, gains: Callable[[list[list[str]]], Iterable[Gain]] | None = None) -> DecodingResult:
        """The best by score, or ``MAX_CANDIDATES`` of them by score and what their words gain."""
        # Rows that sampled the same sentence share a leaf.
        leaves = dict.fromkeys(self._finished + self._live)
        if not leaves:
            raise CaptionerError("the model gives no allowed word a probability above 0. Use another model.")
        ranked = sorted(leaves, key=self._rank, reverse=True)[: self._options.rows]
        by_leaf: dict[int, Gain] = {}
        if gains:
            texts = [*map(self._tree.texts, ranked)]
            by_leaf = dict(zip(ranked, gains(texts), strict=True))
            keys = {
                leaf: rank_key(tokens, by_leaf[leaf], self._score(leaf))
                for leaf, tokens in zip(ranked, texts, strict=True)
            }
            ranked = sorted(ranked, key=keys.__getitem__, reverse=True)[:MAX_CANDIDATES]
        candidates = tuple(self._candidate(leaf, by_leaf.get(leaf)) for leaf in ranked)
        return DecodingResult(candidates, tuple(self._tree.nodes), tuple(ranked))

    def _continuations(self, log_probs: LogProbs) -> tuple[Indices, Indices]:
        """Rows and ids of the best continuations, best first, by masked log_probs float64[live, V]."""
        options, (live, vocabulary), t = self._options, log_probs.shape, self._sequences.shape[1]
        if t < len(options.prefix):
            if options.prefix[t] >= vocabulary:
                raise ValueError(f"prefix holds ids below {vocabulary}; got {options.prefix[t]}")
            return np.arange(live), np.full(live, options.prefix[t])
        if options.temperature is None:
            rows, ids = np.divmod(top_k(log_probs.ravel(), 2 * options.beams), vocabulary)
        else:
            ids = sample(log_probs, options.temperature, options.top_p, self._rng)
            rows = np.arange(live)
        possible = log_probs[rows, ids] > -np.inf
        return rows[possible], ids[possible]

    def _add_nodes(self, rows: Indices, ids: Indices, log_probs: LogProbs) -> list[int]:
        """Put the continuations into the tree; of the best first, ``rows`` are kept."""
        n, step = self._options.rows, self._sequences.shape[1]
        continuations = zip(rows.tolist(), ids.tolist(), log_probs.tolist(), strict=True)
        return [
            self._tree.add(self._live[row], id, row, step, log_prob, in_beam=rank < n)
            for rank, (row, id, log_prob) in enumerate(continuations)
        ]

    def _can_stop(self) -> bool:
        """Whether ``rows`` sentences have ended with scores that no live row can still exceed."""
        options = self._options
        if not self._live or len(self._finished) < options.rows:
            return False
        worst = sorted(map(self._score, self._finished), reverse=True)[options.rows - 1]
        # More words can only lower log_prob, but they also divide it by more.
        return bool(self._log_probs.max() / options.max_words**options.length_penalty <= worst)

    def _rank(self, leaf: int) -> tuple[bool, float]:
        """By score, but of sampled sentences those that are redundant last (see ``redundancy``)."""
        redundant = self._options.temperature is not None and is_redundant(self._tree.texts(leaf))
        return not redundant, self._score(leaf)

    def _score(self, leaf: int) -> float:
        node = self._tree.nodes[leaf]
        return float(node.log_prob / (node.step + 1) ** self._options.length_penalty)

    def _candidate(self, leaf: int, gain: Gain | None) -> Candidate:
        node = self._tree.nodes[leaf]
        words = self._tree.path(leaf, self._options.runners_up)
        text = " ".join(word.text for word in words if word.text != END_WORD)
        finished, agreement = node.word == END_WORD, gain.agreement if gain else None
        return Candidate(text, words, node.log_prob, self._score(leaf), finished, agreement=agreement)


@dataclass(frozen=True)
class _StepRecord:
    """What the decoder gave at one step."""

    log_probs: Float32s  # float32[N, V]
    attention: Float32s | None  # float32[N, h, w]
    allowed: NDArray[np.bool_]  # [live, V]


class _BeamTree:
    """Every word considered, with its parent. ``Word``s are made only for what is returned."""

    def __init__(self, words: Sequence[str], suppressed: frozenset[int]) -> None:
        self._words = words
        self._suppressed = suppressed
        self.nodes: list[BeamNode] = []
        self.steps: list[_StepRecord] = []
        self._origins: list[tuple[int, int]] = []  # of each node: its row in the step, its id
        self._node_of: dict[tuple[int, int], int] = {}  # (parent, id) -> node

    def add(self, parent: int, id: int, row: int, step: int, log_prob: float, *, in_beam: bool) -> int:
        """Index of the node; an existing one where another sampled row has chosen the same word."""
        index = self._node_of.setdefault((parent, id), len(self.nodes))
        if index == len(self.nodes):
            self.nodes.append(BeamNode(parent, self._words[id], step, log_prob, in_beam))
            self._origins.append((row, id))
        return index

    def path(self, leaf: int, runners_up: int) -> tuple[Word, ...]:
        """The words from the root to a leaf, each with so many runners-up."""
        return tuple(self._word(node, runners_up) for node in self._nodes_to(leaf))

    def texts(self, leaf: int) -> list[str]:
        """The words from the root to a leaf, without the end."""
        texts = [self.nodes[node].word for node in self._nodes_to(leaf)]
        return [text for text in texts if text != END_WORD]

    def _nodes_to(self, leaf: int) -> list[int]:
        path = []
        while leaf >= 0:
            path.append(leaf)
            leaf = self.nodes[leaf].parent
        return path[::-1]

    def _word(self, node: int, runners_up: int) -> Word:
        step, (row, id) = self.steps[self.nodes[node].step], self._origins[node]
        log_probs = step.log_probs[row]
        top = top_k(log_probs, runners_up + 1 + len(self._suppressed)).tolist()
        others = [other for other in top if other != id and other not in self._suppressed][:runners_up]
        return Word(
            self._words[id],
            float(log_probs[id]),
            tuple((self._words[other], float(log_probs[other])) for other in others),
            blocked=frozenset(self._words[i] for i in (id, *others) if not step.allowed[row, i]),
            attention=None if step.attention is None else step.attention[row].copy(),  # not all rows' with it
        )
