"""Reranking: of the candidates of beam search, the one most like what the model and people would say.

Consensus is minimum Bayes risk decoding (Kumar and Byrne 2004, "Minimum Bayes-Risk Decoding for Statistical
Machine Translation") with CIDEr as the gain, as Devlin et al. 2015 ("Exploring Nearest Neighbor Approaches
for Image Captioning") choose among captions: sentences sampled from the model stand for all that it could
say, and a candidate is ranked by its mean similarity to them, plus a part of its score. Where the model file
predicts people's words for the picture (``training.word_predictor``), the similarity to these is added. One
that names a thing twice for no reason ranks below all others (``redundancy``).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, TypeAlias

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from captioner.bundle.manifest import DOCUMENT_FREQUENCIES
from captioner.bundle.schema import Number, Record
from captioner.bundle.storage import Bundle
from captioner.cider import EQUAL_WEIGHTS, SIGMA, CaptionVector, NGramWeights, Tokens
from captioner.inference.decoding import END_WORD, Candidate, DecodingOptions
from captioner.inference.redundancy import is_redundant
from captioner.inference.sampling import ArithmeticSampler, Indices
from captioner.text import END

TEMPERATURE = 0.7  # of the samples
SCORE_WEIGHT = 0.3  # of a candidate's score, in nats, against its agreement, 0 to 10
WORDS_WEIGHT = 3.0  # of its similarity to the predicted words, 0 to 10
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


NGram = Annotated[str, Meta(max_length=400, pattern=r"\A\S+( \S+){0,3}\Z")]


class DocumentFrequencies(Record, frozen=True, forbid_unknown_fields=True):
    """document_frequencies.json: with how many training images each n-gram occurs, without rare ones."""

    images: Number  # in the training split
    min_images: Number
    ngrams: Annotated[dict[NGram, Number], Meta(max_length=200_000)]  # words joined by spaces → images

    def __post_init__(self) -> None:
        if not all(self.min_images <= count <= self.images for count in self.ngrams.values()):
            raise ValueError(f"each of ngrams must have {self.min_images} to {self.images} images")


def read_weights(bundle: Bundle) -> NGramWeights:
    """The weights of n-grams for a bundle's captions; all are equal if it has no table of them.

    Raises:
        BundleError: the table is malformed.
    """
    stored = bundle.record(DOCUMENT_FREQUENCIES, DocumentFrequencies)
    if stored is None:
        return EQUAL_WEIGHTS
    frequencies = {tuple(gram.split(" ")): number for gram, number in stored.ngrams.items()}
    return NGramWeights.of_frequencies(stored.images, frequencies, unseen=max(1, stored.min_images - 1))


@dataclass(frozen=True)
class PredictedWords:
    """What people would write about a picture, as its ``predict_words`` signature gives it.

    Attributes:
        weights: of each word, its expected tf-idf weight in a caption whose weights have the norm 1.
        length: words that people's captions have on average; None: candidates of all lengths are equal.
    """

    weights: Mapping[str, float]
    length: float | None = None


@dataclass(frozen=True)
class Gain:
    """What a candidate's words gain it: how like they are to samples, and to people's predicted words."""

    agreement: float  # mean CIDEr similarity to the samples, 0 to 10
    word_similarity: float = 0.0  # expected similarity of its words to people's, about 0 to 10

    @property
    def total(self) -> float:
        """The sum by which candidates are ranked, together with their score."""
        return self.agreement + WORDS_WEIGHT * self.word_similarity


def gains(
    candidates: Sequence[Tokens],
    samples: Sequence[Tokens],
    weights: NGramWeights,
    predicted: PredictedWords | None = None,
) -> list[Gain]:
    """The gain of each candidate from all samples and, if there are any, from predicted words."""
    agreements = agreement(candidates, samples, weights).tolist()
    if predicted is None:
        return [*map(Gain, agreements)]
    return [*map(Gain, agreements, word_similarity(candidates, predicted, weights).tolist())]


def word_similarity(
    candidates: Sequence[Tokens], predicted: PredictedWords, weights: NGramWeights
) -> NDArray[np.float64]:
    """Expected CIDEr similarity of each candidate's words to people's: float64[N], about 0 to 10."""
    return np.array([10 * _word_similarity(weights.vector(tokens), predicted) for tokens in candidates])


def _word_similarity(vector: CaptionVector, predicted: PredictedWords) -> float:
    words = ((gram[0], weight) for gram, weight in vector.weights.items() if len(gram) == 1)
    cosine = sum(weight * predicted.weights.get(word, 0) for word, weight in words) / (vector.norms[0] or 1)
    difference = 0 if predicted.length is None else vector.length - predicted.length
    return cosine * math.exp(-(difference**2) / (2 * SIGMA**2))


def rank_key(candidate: Tokens, gain: Gain, score: float) -> tuple[bool, float]:
    """Greater for a better candidate."""
    return not is_redundant(candidate), gain.total + SCORE_WEIGHT * score
