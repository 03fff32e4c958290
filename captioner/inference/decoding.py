"""From a decoder that says one word at a time to ranked sentences: beam search, greedy search, sampling.

Knows ids and probabilities; no words, no pictures, no LiteRT. Whatever can take a step is a ``Stepper``.

    start ──> step ──> choose N of N x V ──> step ──> … ──> hypotheses, best first
                └── every step is kept: a person wants to see what else could have been said

N, the number of beams, stays the same: resizing an interpreter costs more than stepping an idle row.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from captioner.errors import CaptionerError
from captioner.inference import constraints, sampling
from captioner.inference.constraints import Indices
from captioner.text import END, PAD, START, UNKNOWN

Floats: TypeAlias = NDArray[np.float32]
Ids: TypeAlias = NDArray[np.int32]
State: TypeAlias = dict[str, Floats]  # each float32[N, …]

NEVER_SAID = frozenset({PAD, START, UNKNOWN})


class Stepper(Protocol):
    """A decoder. It remembers what is fixed for the picture; ``State`` is what differs between rows."""

    def start(self, regions: Floats) -> State:
        """Begin a sentence about regions float32[1, R, C]: the state of one row, float32[1, …] each."""

    def step(self, words: Ids, state: State) -> tuple[Floats, State, Floats | None]:
        """Say what may follow the last words int32[N].

        Returns log-probabilities float32[N, V], the next state, and attention float32[N, R] if there is any.
        The arrays are the caller's to keep: a buffer that the next step overwrites must be copied.
        """


@dataclass(frozen=True)
class DecodingOptions:
    """How to search. Raises ValueError when the options contradict themselves."""

    beams: int = 5  # hypotheses pursued side by side; 1 is greedy search
    length_penalty: float = 0.85  # score = log_prob / length**this (Wu et al. 2016, simplified)
    max_words: int = 20  # a sentence that has not ended by then is returned unfinished
    prefix: tuple[int, ...] = ()  # the first words, forced; END may be the last of them
    temperature: float | None = None  # None searches; a number samples ``beams`` sentences, 0 greedily
    top_p: float = 0.9  # the likeliest words that hold so much are sampled from; 1 is all of them
    seed: int = 0  # of the sampling
    runners_up: int = 5  # other words to remember at every step

    def __post_init__(self) -> None:
        positive, others = ("beams", "max_words"), ("length_penalty", "temperature", "seed", "runners_up")
        for name, low in [*((name, 1) for name in positive), *((name, 0) for name in others)]:
            if not low <= (getattr(self, name) or 0) < math.inf:
                raise ValueError(f"{name} is a number from {low} up; got {getattr(self, name)}")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p is a number above 0 and at most 1; got {self.top_p}")
        if len(self.prefix) > self.max_words:
            raise ValueError(f"prefix has at most max_words ({self.max_words}) words; got {len(self.prefix)}")
        if min(self.prefix, default=END) < END or START in self.prefix or END in self.prefix[:-1]:
            raise ValueError(f"prefix holds words, and END at most as the last; got {self.prefix}")


@dataclass(frozen=True)
class Step:
    """One word being chosen."""

    id: int
    log_prob: float  # nats, straight from the decoder, before anything is masked
    runners_up: tuple[tuple[int, float], ...]  # the most likely other words or END, best first
    blocked: frozenset[int] = frozenset()  # of all these, what only a prefix may say here
    attention: Floats | None = field(default=None, compare=False, repr=False)  # float32[R]


@dataclass(frozen=True)
class Hypothesis:
    """A sentence that the search came up with."""

    steps: tuple[Step, ...]  # with END when finished
    log_prob: float  # the sum over the steps
    score: float  # log_prob / len(steps)**length_penalty; ranks
    finished: bool

    @property
    def ids(self) -> tuple[int, ...]:
        """The words, without END."""
        return tuple(step.id for step in self.steps if step.id != END)


@dataclass(frozen=True)
class Node:
    """A word in the tree of all that was considered. Roots have parent -1."""

    parent: int  # index of the node before
    id: int
    step: int  # counts from 0
    log_prob: float  # of the sentence up to here
    kept: bool  # False: a candidate that did not make it into the beam


@dataclass(frozen=True)
class DecodingResult:
    """What came out of ``decode``, and how."""

    hypotheses: tuple[Hypothesis, ...]  # best score first, distinct, at least one, at most ``beams``
    tree: tuple[Node, ...]  # parents come before their children
    leaves: tuple[int, ...]  # the node where each hypothesis ends


def decode(
    stepper: Stepper,
    regions: Floats,
    options: DecodingOptions,
    joins: Collection[int] = (),
    blocked: Collection[int] = (),
) -> DecodingResult:
    """Describe regions float32[1, R, C].

    Beam search (Graves 2012; Sutskever et al. 2014): of all continuations the best N are kept, those that end
    leave the beam, and the rest share it at the next step. It stops when N sentences have ended that nothing
    in the beam can still beat, or at ``max_words``.

    Some words are never chosen: pad, start, unknown, END at the very beginning, the word just said, one that
    would say the same three words again, and after a word of ``joins`` ("and") the word before it, so that
    no dog is black and black. Those in ``blocked`` are not even runners-up. Masking words does not change any
    reported probability.

    Raises:
        ValueError: the prefix lies outside the vocabulary or holds a blocked word.
        CaptionerError: no word that may be said has a probability above zero.
    """
    search = _Search(options, joins, blocked)
    words = np.full(options.beams, START)
    state = {name: np.repeat(row, options.beams, axis=0) for name, row in stepper.start(regions).items()}
    for _ in range(options.max_words):
        log_probs, state, attention = stepper.step(words.astype(np.int32), state)
        rows, words = search.advance(log_probs, attention)
        if search.over:
            break
        state = {name: values[rows] for name, values in state.items()}
    return search.result()


class _Search:
    """The bookkeeping between two steps. Of the N rows stepped, the first ``len(_live)`` count."""

    def __init__(self, options: DecodingOptions, joins: Collection[int], blocked: Collection[int]) -> None:
        if barred := set(options.prefix).intersection(blocked):
            raise ValueError(f"prefix holds words that are not blocked; got {barred}")
        live = 1 if options.temperature is None else options.beams
        self._options = options
        self._joins = np.array(list(joins), np.intp)
        self._never = np.array([*NEVER_SAID, *blocked], np.intp)
        self._rng = np.random.default_rng(options.seed)
        self._tree = _Tree(NEVER_SAID.union(blocked))
        self._ended: list[int] = []  # nodes
        self._live = [-1] * live  # nodes
        self._totals = np.zeros(live)  # float64[live], log-probabilities so far
        self._said = np.empty((live, 0), np.intp)  # int[live, t]

    @property
    def over(self) -> bool:
        return not self._live

    def advance(self, log_probs: Floats, attention: Floats | None) -> tuple[Indices, Indices]:
        """Choose among log_probs float32[N, V]: the rows that the next N rows follow, and their words."""
        beams = self._options.beams
        totals = self._totals[:, None] + log_probs[: len(self._live)]
        masked = constraints.masked(totals, self._said, self._never, self._joins)
        rows, ids = self._choose(masked)
        chosen = totals[rows, ids]
        nodes = self._grow(rows, ids, chosen)
        self._tree.frames.append(_Frame(log_probs, attention, masked > -np.inf))
        self._ended += [node for node, word in zip(nodes, ids[:beams], strict=False) if word == END]
        on = np.flatnonzero(ids[:beams] != END)
        rows, ids = rows[on], ids[on]
        self._live = [nodes[i] for i in on]
        self._totals = chosen[on]
        self._said = np.column_stack([self._said[rows], ids])
        if self._settled():
            self._live = []
        # The rows beyond the live ones repeat them: anything will do that the decoder can digest.
        return np.resize(rows, beams), np.resize(ids, beams)

    def result(self) -> DecodingResult:
        found = dict.fromkeys(self._ended + self._live)  # rows that sampled the same sentence share its leaf
        if not found:
            raise CaptionerError(
                "the model gives no word that may be said a probability above zero. Use another."
            )
        leaves = sorted(found, key=self._score, reverse=True)[: self._options.beams]
        return DecodingResult(tuple(map(self._hypothesis, leaves)), tuple(self._tree.nodes), tuple(leaves))

    def _choose(self, totals: NDArray[np.float64]) -> tuple[Indices, Indices]:
        """Rows and ids of the best continuations, best first, by masked totals float64[live, V]."""
        options, (live, vocabulary), t = self._options, totals.shape, self._said.shape[1]
        if t < len(options.prefix):
            if options.prefix[t] >= vocabulary:
                raise ValueError(f"prefix holds ids below {vocabulary}; got {options.prefix[t]}")
            return np.arange(live), np.full(live, options.prefix[t])
        if options.temperature is None:
            rows, ids = np.divmod(_top(totals.ravel(), 2 * options.beams), vocabulary)
        else:
            ids = sampling.sample(totals, options.temperature, options.top_p, self._rng)
            rows = np.arange(live)
        possible = totals[rows, ids] > -np.inf
        return rows[possible], ids[possible]

    def _grow(self, rows: Indices, ids: Indices, totals: NDArray[np.float64]) -> list[int]:
        """Put the candidates into the tree; of the best first, ``beams`` are kept."""
        beams, step = self._options.beams, self._said.shape[1]
        candidates = zip(rows.tolist(), ids.tolist(), totals.tolist(), strict=True)
        return [
            self._tree.add(Node(self._live[row], word, step, total, kept=rank < beams), row)
            for rank, (row, word, total) in enumerate(candidates)
        ]

    def _settled(self) -> bool:
        """Whether ``beams`` sentences have ended with scores that no live row can still exceed."""
        options = self._options
        if not self._live or len(self._ended) < options.beams:
            return False
        worst = sorted(map(self._score, self._ended), reverse=True)[options.beams - 1]
        # More words can only lower log_prob, but they also divide it by more.
        return bool(self._totals.max() / options.max_words**options.length_penalty <= worst)

    def _score(self, leaf: int) -> float:
        node = self._tree.nodes[leaf]
        return float(node.log_prob / (node.step + 1) ** self._options.length_penalty)

    def _hypothesis(self, leaf: int) -> Hypothesis:
        node = self._tree.nodes[leaf]
        steps = self._tree.steps(leaf, self._options.runners_up)
        return Hypothesis(steps, node.log_prob, self._score(leaf), finished=node.id == END)


def _top(values: NDArray[Any], count: int) -> Indices:
    """Indices of the ``count`` largest of values[V], or of all, largest first."""
    rest = max(0, len(values) - count)
    top = np.argpartition(values, rest)[rest:]
    return top[np.argsort(-values[top])]


@dataclass(frozen=True)
class _Frame:
    """What the decoder said at one step."""

    log_probs: Floats  # float32[N, V]
    attention: Floats | None  # float32[N, R]
    allowed: NDArray[np.bool_]  # [live, V]

    def step(self, row: int, word: int, runners_up: int, never: frozenset[int]) -> Step:
        """The step of a row that chose a word; of the other words, ``never`` are not told."""
        nats = self.log_probs[row]
        top = _top(nats, runners_up + 1 + len(never)).tolist()
        others = [other for other in top if other != word and other not in never][:runners_up]
        attention = None if self.attention is None else self.attention[row]
        blocked = frozenset(i for i in (word, *others) if not self.allowed[row, i])
        return Step(word, float(nats[word]), tuple((i, float(nats[i])) for i in others), blocked, attention)


class _Tree:
    """Every word considered, and where it came from. ``Step``s are made only for what is returned."""

    def __init__(self, never: frozenset[int]) -> None:
        self._never = never
        self.nodes: list[Node] = []
        self.frames: list[_Frame] = []
        self._rows: list[int] = []  # of each node, in its frame
        self._known: dict[tuple[int, int], int] = {}  # (parent, id) -> node

    def add(self, node: Node, row: int) -> int:
        """Index of the node; an old one where another row, which was sampled, has said the same."""
        index = self._known.setdefault((node.parent, node.id), len(self.nodes))
        if index == len(self.nodes):
            self.nodes.append(node)
            self._rows.append(row)
        return index

    def steps(self, leaf: int, runners_up: int) -> tuple[Step, ...]:
        """The way from the root to a leaf."""
        steps = []
        while leaf >= 0:
            node = self.nodes[leaf]
            steps.append(self.frames[node.step].step(self._rows[leaf], node.id, runners_up, self._never))
            leaf = node.parent
        return tuple(reversed(steps))
