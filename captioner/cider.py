"""CIDEr: how similar captions are, by their n-grams, of which rare ones count more.

R. Vedantam et al., "CIDEr: Consensus-based Image Description Evaluation", CVPR 2015. What coco-caption calls
CIDEr, and so this module, is the paper's CIDEr-D: no stemming, clipped counts, a penalty on a difference in
length.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Tokens: TypeAlias = Sequence[str]
NGram: TypeAlias = tuple[str, ...]

MAX_N = 4  # words in the longest n-gram, of BLEU too
SIGMA = 6.0  # words; standard deviation of the Gaussian length penalty


class Cider:
    """CIDEr with document frequencies from one set of references.

    ``references[i]`` are the captions of image i: in evaluation those of the split that is scored, in
    self-critical training (Rennie et al. 2017) those of the training split, so that a reward does not depend
    on its batch.

    Raises:
        ValueError: there are no references, or an image has none.
    """

    def __init__(self, references: Sequence[Sequence[Tokens]]) -> None:
        if not references:
            raise ValueError("CIDEr needs the references of at least one image; got none")
        # Those of one image weigh as much as those of none.
        frequencies = document_frequencies(references, min_images=2)
        self._weights = NGramWeights.of_frequencies(len(references), frequencies)
        self._references = references

    def score(self, candidate: Tokens, references: Sequence[Tokens]) -> float:
        """CIDEr of one caption against any references, with the document frequencies of this object."""
        check_references(references)
        return self._consensus(candidate, self._vectors(references))

    def score_all(self, candidates: Sequence[Tokens], images: Sequence[int]) -> NDArray[np.float64]:
        """CIDEr of N captions: float64[N]; ``images[i]`` indexes the references given to the constructor."""
        vectors = {image: self._vectors(self._references[image]) for image in {*images}}
        pairs = zip(candidates, images, strict=True)
        return np.array([self._consensus(candidate, vectors[image]) for candidate, image in pairs])

    def _vectors(self, references: Sequence[Tokens]) -> list[CaptionVector]:
        return [self._weights.vector(reference) for reference in references]

    def _consensus(self, candidate: Tokens, references: Sequence[CaptionVector]) -> float:
        vector = self._weights.vector(candidate)
        return 10 * sum(vector.similarity(reference) for reference in references) / len(references)


@dataclass(frozen=True)
class NGramWeights:
    """The weight of every n-gram (inverse document frequency), and ``unseen``, the weight of all others."""

    weights: Mapping[NGram, float]
    unseen: float

    @classmethod
    def of_frequencies(cls, images: int, frequencies: Mapping[NGram, int], unseen: int = 1) -> NGramWeights:
        """Weights from the number of images, and in how many of them each n-gram occurs.

        Args:
            unseen: the number for n-grams that are not in ``frequencies``.
        """
        total = math.log(images)
        weights = {gram: total - math.log(count) for gram, count in frequencies.items()}
        return cls(weights, total - math.log(unseen))

    def vector(self, caption: Tokens) -> CaptionVector:
        """A caption's n-grams with their tf-idf weights."""
        counts = ngrams(caption)
        weights = {gram: count * self.weights.get(gram, self.unseen) for gram, count in counts.items()}
        return CaptionVector(weights, _norms(weights), len(caption))


EQUAL_WEIGHTS = NGramWeights({}, 1.0)  # all n-grams weigh the same


@dataclass(frozen=True, slots=True)
class CaptionVector:
    """A caption in CIDEr: tf-idf weights of its n-grams, and a norm for each n."""

    weights: dict[NGram, float]
    norms: list[float]
    length: int

    def similarity(self, reference: CaptionVector) -> float:
        """CIDEr-D of one pair, averaged over n: 0 to 1."""
        dot = [0.0] * MAX_N
        # In dictionary order: the order of a set, and so the last digit of a reward, varies between runs.
        for gram, weight in self.weights.items():
            if other := reference.weights.get(gram):
                dot[len(gram) - 1] += min(weight, other) * other
        cosines = [d / (a * b) for d, a, b in zip(dot, self.norms, reference.norms, strict=True) if d]
        difference = self.length - reference.length
        return math.exp(-(difference**2) / (2 * SIGMA**2)) * sum(cosines) / MAX_N


@dataclass(frozen=True)
class PredictedWords:
    """What people would write about a picture, as its ``predict_words`` signature gives it.

    Attributes:
        weights: of each word, its expected tf-idf weight in a caption whose weights have the norm 1.
        length: words that people's captions have on average; None: candidates of all lengths are equal.
    """

    weights: Mapping[str, float]
    length: float | None = None


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


def document_frequencies(
    references: Collection[Sequence[Tokens]], min_images: int = 1, max_n: int = MAX_N
) -> Counter[NGram]:
    """In the references of how many images each n-gram occurs; one item of ``references`` is one image's.

    Most n-grams of many captions are rare. They are never all in memory: an n-gram is at least as rare as its
    parts (R. Agrawal, R. Srikant, "Fast Algorithms for Mining Association Rules", VLDB 1994).

    Args:
        min_images: n-grams of fewer images are left out.
        max_n: words in the longest n-gram.

    Raises:
        ValueError: an image has no references.
    """
    frequencies: Counter[NGram] = Counter()
    for n in range(1, max_n + 1):
        level: Counter[NGram] = Counter()
        for captions in references:
            check_references(captions)
            grams = {gram for caption in captions for gram in _ngrams(caption, n)}
            if n > 1:
                grams = {gram for gram in grams if gram[1:] in frequencies and gram[:-1] in frequencies}
            level.update(grams)
        frequencies.update({gram: count for gram, count in level.items() if count >= min_images})
    return frequencies


def ngrams(tokens: Tokens) -> Counter[NGram]:
    """Counts of the n-grams of one to ``MAX_N`` words.

    Raises:
        TypeError: the tokens are a text, not a list.
    """
    return Counter(gram for n in range(1, MAX_N + 1) for gram in _ngrams(tokens, n))


def _ngrams(tokens: Tokens, n: int) -> Iterator[NGram]:
    if isinstance(tokens, str):
        raise TypeError(f"a caption is a list of words; got the text {tokens!r}")
    words = tuple(tokens)
    return (words[i : i + n] for i in range(len(words) - n + 1))


def check_references(references: Sequence[Tokens]) -> None:
    """Raise ``ValueError`` or ``TypeError`` unless there are references, which are lists of words."""
    if not references:
        raise ValueError("a caption is scored against at least one reference; got none")
    if any(isinstance(reference, str) for reference in references):
        raise TypeError("references are lists of words; got text")


def _norms(weights: Mapping[NGram, float]) -> list[float]:
    squares = [0.0] * MAX_N
    for gram, weight in weights.items():
        squares[len(gram) - 1] += weight * weight
    return [math.sqrt(square) for square in squares]
