"""The next word, by its log-probability: which words are masked, which are the likeliest, which is sampled.

A masked word cannot be chosen, but its reported probability stays the decoder's own.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from captioner.inference.decoding import DecodingOptions
from captioner.text import END

LogProbs: TypeAlias = NDArray[np.float64]
Indices: TypeAlias = NDArray[np.intp]
Float = TypeVar("Float", np.float32, np.float64)
Mask: TypeAlias = Callable[[NDArray[np.float32], Indices], NDArray[np.float32]]

SAMPLES_TEMPERATURE = 0.7  # of ``Samples``
MIN_TEMPERATURE = 1e-30  # what to divide by when the temperature is 0
MAX_CODE = 1 - 1e-12  # below 1 by more than rounding adds


def mask(
    log_probs: NDArray[Float], sequences: Indices, suppressed: Indices, conjunctions: Indices
) -> NDArray[Float]:
    """log_probs float[N, V] with −∞ for every word that may not follow sequences int[N, T].

    These are the ``suppressed`` ids, END as the first word, the last word, a word that would repeat three
    words in a row (Paulus et al. 2018), and after one of ``conjunctions`` the word before it.
    """
    masked = log_probs.copy()
    masked[:, suppressed] = -np.inf
    if not sequences.shape[1]:
        masked[:, END] = -np.inf
        return masked
    last = sequences[:, -1]
    masked[np.arange(len(sequences)), last] = -np.inf
    # What followed the last two words before. People repeat three words in 1.1 % of captions.
    rows, at = np.nonzero((sequences[:, :-2] == sequences[:, -2:-1]) & (sequences[:, 1:-1] == last[:, None]))
    masked[rows, sequences[rows, at + 2]] = -np.inf
    if sequences.shape[1] > 1:
        rows = np.flatnonzero((last[:, None] == conjunctions).any(axis=1))  # np.isin imports numpy.ma: 6 ms
        masked[rows, sequences[rows, -2]] = -np.inf
    return masked


def top_k(values: NDArray[Any], k: int) -> Indices:
    """Indices int[K] of the ``k`` largest of values[V], or of all if there are fewer, largest first."""
    rest = max(0, len(values) - k)
    top = np.argpartition(values, rest)[rest:]
    return top[np.argsort(-values[top])]


def sample(log_probs: LogProbs, temperature: float, top_p: float, rng: np.random.Generator) -> Indices:
    """Ids int[N], one for each row of the masked log_probs float64[N, V], from the row's nucleus.

    By the Gumbel-max trick: adding noise and taking the largest, so that a temperature of 0 is no special
    case.
    """
    inside = log_probs if top_p == 1 else np.where(nucleus(log_probs, temperature, top_p), log_probs, -np.inf)
    return np.asarray((inside + temperature * rng.gumbel(size=log_probs.shape)).argmax(axis=1))


def nucleus(log_probs: LogProbs, temperature: float, top_p: float) -> NDArray[np.bool_]:
    """bool[N, V], true for the fewest words that hold ``top_p`` of softmax(log_probs / temperature).

    Masked words (−∞) are never in it; of equally likely words, all are in it or none
    (Holtzman et al. 2020, equations 2 and 3).
    """
    falling = -np.sort(-log_probs, axis=1)
    possible = falling > -np.inf
    below = np.where(possible, falling - np.where(possible[:, :1], falling[:, :1], 0), -np.inf)
    shares = np.exp(below / max(temperature, MIN_TEMPERATURE))
    before = shares.cumsum(axis=1) - shares  # what the likelier words hold
    inside = before < top_p * shares.sum(axis=1, keepdims=True)
    return np.asarray(log_probs >= np.where(inside, falling, np.inf).min(axis=1, keepdims=True))


class ArithmeticSampler:
    """Samples sentences that differ as far as their distribution allows (Vilnis et al. 2023).

    All sentences, in the order of their ids, divide [0, 1) into intervals as long as they are probable.
    M codes, evenly spaced from a random start, select one sentence each. So every sentence is sampled with
    its probability, but rarely twice, and means over the samples vary less than those of independent ones.

    Args:
        rows: M, how many sentences are sampled together.
        seed: of the random start.
    """

    def __init__(self, rows: int, seed: int) -> None:
        # Within the interval of the words so far, in parts of it: float64[M].
        self._codes = (np.arange(rows) + random.Random(seed).random()) / rows

    def choose(self, samples: Indices, rows: Indices, probabilities: NDArray[np.float32]) -> Indices:
        """The next ids int[M'] of some samples.

        Args:
            samples: which of the M, int[M'].
            rows: the row of each one's probabilities, int[M'].
            probabilities: float32[K, V], each row of any positive sum.
        """
        upper = probabilities.cumsum(axis=1)
        targets = self._codes[samples] * upper[rows, -1]
        ids = np.array(
            [upper[row].searchsorted(target, "right") for row, target in zip(rows, targets, strict=True)]
        )
        lower = np.where(ids > 0, upper[rows, ids - 1], 0)
        self._codes[samples] = np.minimum((targets - lower) / (upper[rows, ids] - lower), MAX_CODE)
        return ids


class Samples:
    """M sentences, sampled word by word beside a search, at ``SAMPLES_TEMPERATURE``.

    Only the distinct beginnings that have not ended are stepped: K rows, on average a third of M.

    Args:
        options: how many samples, of which seed, after which prefix.
        mask: gives log-probabilities float32[K, V] with −∞ for words that may not follow sequences int[K, T].
    """

    def __init__(self, options: DecodingOptions, mask: Mask) -> None:
        self._prefix = options.prefix
        self._mask = mask
        self._sampler = ArithmeticSampler(options.samples, options.seed)
        self._live = np.arange(options.samples)  # those that have not ended
        self._rows = np.zeros(options.samples, np.intp)  # of each live one, its row of the K
        self._sequences = np.empty((1, 0), np.intp)  # int[K, t]
        self._ended: list[tuple[int, ...]] = []

    @property
    def done(self) -> bool:
        return not len(self._live)

    @property
    def sentences(self) -> list[tuple[int, ...]]:
        """The ids of all samples so far, without END."""
        return self._ended + [tuple(self._sequences[row].tolist()) for row in self._rows]

    def advance(self, log_probs: NDArray[np.float32]) -> tuple[Indices, Indices]:
        """Choose by log_probs float32[K, V]: the rows to continue, and their next ids, both of the new K."""
        ids = self._next_words(log_probs)
        ended = ids == END
        self._ended += [tuple(self._sequences[row].tolist()) for row in self._rows[ended]]
        self._live = self._live[~ended]
        vocabulary = log_probs.shape[1]
        pairs, self._rows = np.unique(vocabulary * self._rows[~ended] + ids[~ended], return_inverse=True)
        rows, next_ids = np.divmod(pairs, vocabulary)
        self._sequences = np.column_stack([self._sequences[rows], next_ids])
        return rows, next_ids

    def _next_words(self, log_probs: NDArray[np.float32]) -> Indices:
        """Of each live sample."""
        if (t := self._sequences.shape[1]) < len(self._prefix):
            return np.full(len(self._live), self._prefix[t])
        masked = self._mask(log_probs, self._sequences)
        best = masked.max(axis=1, keepdims=True)
        stuck = ~(best[:, 0] > -np.inf)  # no word is possible, so the sentence ends
        masked[stuck], best[stuck] = np.where(np.arange(masked.shape[1]) == END, 0, -np.inf), 0
        probabilities = np.exp((masked - best) / np.float32(SAMPLES_TEMPERATURE))
        return self._sampler.choose(self._live, self._rows, probabilities)
