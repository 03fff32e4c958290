"""Decoders whose every probability is known, and slow searches to compare with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from captioner.inference import beam_search
from captioner.inference.beam_search import State
from captioner.inference.decoding import END_WORD, Candidate, DecodingOptions, DecodingResult, Word
from captioner.inference.sampling import Indices, Samples
from captioner.text import END, PAD, START, UNKNOWN

Ids = tuple[int, ...]
Decoder = Callable[[Ids], NDArray[np.float32]]  # the words so far -> log-probabilities float32[V]

REGIONS = np.zeros((1, 4, 8), np.float32)
A, B, C = 4, 5, 6  # the words of a vocabulary of seven
WORDS = ("<pad>", "<start>", END_WORD, "<unknown>", "a", "b", "c")


class TableStepper:
    """A stepper whose probabilities come from a ``Decoder`` function.

    The state holds the words so far, so that mixed-up beams are detected; attention is the last word.
    """

    def __init__(self, decoder: Decoder) -> None:
        self.decoder = decoder
        self.steps = 0
        self.rows: set[int] = set()

    def start(self, regions: NDArray[np.float32]) -> State:
        assert regions is REGIONS
        return {"ids": np.zeros((1, 0), np.float32)}

    def step(
        self, ids: NDArray[np.int32], state: State
    ) -> tuple[NDArray[np.float32], State, NDArray[np.float32]]:
        assert ids.dtype == np.int32
        assert len(ids) == len(state["ids"])
        self.steps += 1
        self.rows.add(len(ids))
        sequences = np.column_stack([state["ids"], ids]).astype(np.float32)
        log_probs = np.stack([self.decoder(tuple(map(int, row[1:]))) for row in sequences])
        return log_probs, {"ids": sequences}, np.tile(ids[:, None].astype(np.float32), (1, 4))


def random_decoder(seed: int, vocabulary: int = 7, sharpness: float = 2.0) -> Decoder:
    """A decoder with random probabilities, which depend on all words so far."""

    def log_probs(ids: Ids) -> NDArray[np.float32]:
        logits = sharpness * np.random.default_rng([seed, *ids]).normal(size=vocabulary)
        return np.asarray(logits - np.log(np.exp(logits).sum()), np.float32)

    return log_probs


def table(rules: dict[Ids, dict[int, float]]) -> Decoder:
    """A decoder with these probabilities; after a prefix that is not in the table END has 0.99."""

    def log_probs(ids: Ids) -> NDArray[np.float32]:
        probabilities = np.full(7, 1e-6)
        for word, probability in rules.get(ids, {END: 0.99}).items():
            probabilities[word] = probability
        return np.asarray(np.log(probabilities), np.float32)

    return log_probs


def is_allowed(ids: Ids, word: int) -> bool:
    """Whether the search may choose a word, implemented again and slowly."""
    trigrams = {ids[i : i + 3] for i in range(len(ids) - 2)}
    return not (
        word in (PAD, START, UNKNOWN)
        or (word == END and not ids)
        or ids[-1:] == (word,)
        or (*ids[-2:], word) in trigrams
    )


def all_sentences(
    decoder: Decoder, max_words: int, ids: Ids = (), total: float = 0.0
) -> Iterator[tuple[Ids, float]]:
    """Every sentence that may be chosen and its log-probability, END included where there is one."""
    if len(ids) == max_words or ids[-1:] == (END,):
        yield ids, total
        return
    for word, log_prob in enumerate(decoder(ids).tolist()):
        if is_allowed(ids, word):
            yield from all_sentences(decoder, max_words, (*ids, word), total + log_prob)


def greedy(decoder: Decoder, max_words: int) -> Ids:
    ids: Ids = ()
    while len(ids) < max_words and ids[-1:] != (END,):
        ids += (max((w for w in range(7) if is_allowed(ids, w)), key=decoder(ids).__getitem__),)
    return ids


def reference_beam_search(decoder: Decoder, beams: int, length_penalty: float, max_words: int) -> list[Ids]:
    """Beam search that never stops early, best sentence first."""
    active: dict[Ids, float] = {(): 0.0}
    ended: dict[Ids, float] = {}
    for _ in range(max_words):
        extended = {
            (*ids, word): total + float(log_prob)
            for ids, total in active.items()
            for word, log_prob in enumerate(decoder(ids))
            if is_allowed(ids, word)
        }
        best = sorted(extended, key=extended.__getitem__, reverse=True)[:beams]
        ended |= {ids: extended[ids] for ids in best if ids[-1] == END}
        active = {ids: extended[ids] for ids in best if ids[-1] != END}
    result = ended | active
    return sorted(result, key=lambda ids: result[ids] / len(ids) ** length_penalty, reverse=True)[:beams]


def decode(stepper: TableStepper, options: DecodingOptions, **rules: Any) -> DecodingResult:
    """``beam_search.decode`` on regions that do not matter."""
    return beam_search.decode(stepper, REGIONS, options, WORDS, **rules)


def search(decoder: Decoder, **options: Any) -> DecodingResult:
    """``decode`` with these options."""
    return decode(TableStepper(decoder), DecodingOptions(**options))


def id_of(word: Word | str) -> int:
    return WORDS.index(word.text if isinstance(word, Word) else word)


def sequence(candidate: Candidate) -> Ids:
    """Its ids, END included."""
    return tuple(map(id_of, candidate.words))


def without_end(candidate: Candidate) -> Ids:
    return tuple(id for id in sequence(candidate) if id != END)


def summary(result: DecodingResult) -> list[tuple[Ids, float]]:
    return [(sequence(candidate), candidate.log_prob) for candidate in result.candidates]


def draw_samples(
    decoder: Decoder, samples: int, seed: int = 0, max_words: int = 4, **options: object
) -> list[Ids]:
    """The samples alone, by the interface that the search uses."""
    chosen = DecodingOptions(samples=samples, seed=seed, **options)  # type: ignore[arg-type]
    together = Samples(chosen, masked)
    beginnings: list[Ids] = [()]
    for _ in range(max_words):
        log_probs = np.stack([decoder(ids) for ids in beginnings])
        rows, ids = together.advance(log_probs)
        assert len(set(zip(rows.tolist(), ids.tolist(), strict=True))) == len(rows), "rows are distinct"
        beginnings = [(*beginnings[row], id) for row, id in zip(rows.tolist(), ids.tolist(), strict=True)]
        if together.done:
            assert not beginnings
            break
    return together.sentences


def masked(log_probs: NDArray[np.float32], sequences: Indices) -> NDArray[np.float32]:
    allowed = [[is_allowed(tuple(ids), id) for id in range(log_probs.shape[1])] for ids in sequences.tolist()]
    return np.where(allowed, log_probs, -np.inf).astype(np.float32)
