"""The next word, by its log-probability: which words are masked, which are the likeliest, which is sampled.

A masked word cannot be chosen, but its reported probability stays the decoder's own.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from captioner.text import END

LogProbs: TypeAlias = NDArray[np.float64]
Indices: TypeAlias = NDArray[np.intp]

MIN_TEMPERATURE = 1e-30  # what to divide by when the temperature is 0


def mask(log_probs: LogProbs, sequences: Indices, suppressed: Indices, conjunctions: Indices) -> LogProbs:
    """log_probs float64[N, V] with −∞ for every word that may not follow sequences int[N, T].

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
        rows = np.flatnonzero(np.isin(last, conjunctions))
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
