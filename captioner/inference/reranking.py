"""Reranking: of the candidates of beam search, the one most like what the model and people would say.

Consensus is minimum Bayes risk decoding (Kumar and Byrne 2004, "Minimum Bayes-Risk Decoding for Statistical
Machine Translation") with CIDEr as the gain, as Devlin et al. 2015 ("Exploring Nearest Neighbor Approaches
for Image Captioning") choose among captions: sentences sampled from the model stand for all that it could
say, and a candidate is ranked by its mean similarity to them, plus a part of its score. Where the model file
predicts people's words for the picture (``training.word_predictor``), the similarity to these is added. One
that names a thing twice for no reason ranks below all others (``redundancy``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from captioner.bundle.manifest import DOCUMENT_FREQUENCIES
from captioner.bundle.schema import PositiveInt, Record
from captioner.bundle.storage import Bundle
from captioner.cider import EQUAL_WEIGHTS, NGramWeights, PredictedWords, Tokens, word_similarity
from captioner.inference.decoding import END_WORD, Candidate
from captioner.inference.redundancy import is_redundant

# Beside an agreement of 1. Chosen on dev, where their neighbours do as well (EXPERIMENTS.md).
SCORE_WEIGHT = 1.5  # of a candidate's score, in nats
WORDS_WEIGHT = 1.0  # of its similarity to the predicted words
MAX_CANDIDATES = 5  # that are returned of those that were ranked


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


# Its words joined by spaces; ``cider.NGram`` is the tuple of them.
JoinedNGram = Annotated[str, Meta(max_length=400, pattern=r"\A\S+( \S+){0,3}\Z")]


class DocumentFrequencies(Record, frozen=True, forbid_unknown_fields=True):
    """document_frequencies.json: with how many training images each n-gram occurs, without rare ones."""

    images: PositiveInt  # in the training split
    min_images: PositiveInt
    ngrams: Annotated[dict[JoinedNGram, PositiveInt], Meta(max_length=200_000)]  # → images

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


def rank_key(candidate: Tokens, gain: Gain, score: float) -> tuple[bool, float]:
    """Greater for a better candidate."""
    return not is_redundant(candidate), gain.total + SCORE_WEIGHT * score
