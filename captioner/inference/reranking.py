"""Consensus reranking: of the candidates of beam search, the one most like what the model says on the whole.

Minimum Bayes risk decoding (Kumar and Byrne 2004, "Minimum Bayes-Risk Decoding for Statistical Machine
Translation") with CIDEr as the gain, as Devlin et al. 2015 ("Exploring Nearest Neighbor Approaches for Image
Captioning") choose among captions: sentences sampled from the model stand for all that it could say, and a
candidate is ranked by its mean similarity to them, plus a part of its score. One that names a thing twice for
no reason ranks below all others (``redundancy``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from captioner.cider import NGramWeights, Tokens
from captioner.inference.decoding import END_WORD, Candidate, DecodingOptions
from captioner.inference.redundancy import is_redundant
from captioner.inference.sampling import ArithmeticSampler, Indices
from captioner.text import END

TEMPERATURE = 0.7  # of the samples
SCORE_WEIGHT = 0.3  # of a candidate's score, in nats, against its agreement, 0 to 10
MAX_CANDIDATES = 5  # that are returned of those that were ranked

Mask: TypeAlias = Callable[[NDArray[np.float32], Indices], NDArray[np.float32]]


class Samples:
    """M sentences, sampled word by word beside a search, from the whole distribution at ``TEMPERATURE``.

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
        probabilities = np.exp((masked - best) / np.float32(TEMPERATURE))
        return self._sampler.choose(self._live, self._rows, probabilities)


def with_sample_shares(candidate: Candidate, samples: Sequence[Tokens], forced: int) -> Candidate:
    """The candidate, each word with the share of the samples that have it; the first so many were forced."""
    counts = Counter(word for sample in samples for word in set(sample))
    words = tuple(
        replace(word, sample_share=counts[word.text] / len(samples))
        if word.text != END_WORD and index >= forced
        else word
        for index, word in enumerate(candidate.words)
    )
    return replace(candidate, words=words)


def agreement(
    candidates: Sequence[Tokens], samples: Sequence[Tokens], weights: NGramWeights
) -> NDArray[np.float64]:
    """Mean CIDEr similarity of each candidate to all samples: float64[N] from 0 to 10."""
    counts = Counter(map(tuple, samples))
    references = [(weights.vector(sample), count) for sample, count in counts.items()]
    sums = [
        sum(count * vector.similarity(reference) for reference, count in references)
        for vector in map(weights.vector, candidates)
    ]
    return 10 * np.array(sums) / len(samples)


def rank_key(candidate: Tokens, agreement: float, score: float) -> tuple[bool, float]:
    """Greater for a better candidate."""
    return not is_redundant(candidate), agreement + SCORE_WEIGHT * score
