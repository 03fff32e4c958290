"""BLEU-1…4, ROUGE-L and CIDEr of captions against references, as coco-caption defines them.

A caption is a list of tokens, never raw text, because scores depend on the tokeniser. The values equal those
of coco-caption's pure Python scorers to 1e-6, deviations from the papers included:

- BLEU: Papineni et al. 2002, "BLEU: a Method for Automatic Evaluation of Machine Translation".
- ROUGE-L: Lin 2004, "ROUGE: A Package for Automatic Evaluation of Summaries".
- CIDEr: Vedantam et al. 2015, "CIDEr: Consensus-based Image Description Evaluation". What coco-caption
  calls CIDEr is the paper's CIDEr-D: no stemming, clipped counts, a penalty on a difference in length.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Tokens: TypeAlias = Sequence[str]
Captions: TypeAlias = Sequence[Tokens]  # one per image
References: TypeAlias = Sequence[Sequence[Tokens]]  # several per image
NGram: TypeAlias = tuple[str, ...]

MAX_N = 4  # words in the longest n-gram of BLEU and CIDEr
BETA = 1.2  # weight of recall against precision in ROUGE-L
SIGMA = 6.0  # words; standard deviation of CIDEr's Gaussian length penalty


@dataclass(frozen=True)
class Metric:
    """A way to score captions against references, from 0 to ``maximum``; ``METRICS`` lists all.

    ``per_image`` takes a caption and a list of references per image and returns float64[B]. The score of a
    split is their mean, unless there is a ``corpus`` function.
    """

    name: str  # in tables and on pages
    hub_type: str  # in the metadata of a model card on the Hub
    maximum: float
    per_image: Callable[[Captions, References], NDArray[np.float64]] | None = None
    corpus: Callable[[Captions, References], float] | None = None
    charted: bool = True  # shown on pages, not only in tables
    optional: bool = False  # bundles scored before it was added lack it

    def score(self, candidates: Captions, references: References) -> float:
        """The score of a whole split."""
        if self.corpus:
            return self.corpus(candidates, references)
        if self.per_image:
            return float(np.mean(self.per_image(candidates, references)))
        raise TypeError(f"{self.name} needs a function, per_image or corpus")


def score(candidates: Captions, references: References) -> dict[str, float]:
    """Score one caption per image by every metric; ``references[i]`` are the reference captions of image i.

    Returns:
        Scores by the keys of ``METRICS``. CIDEr takes its document frequencies from these references, so it
        depends on the whole split.

    Raises:
        ValueError: there are no captions, another number of reference lists, or an empty list.
    """
    _check_pairs(candidates, references)
    return {key: metric.score(candidates, references) for key, metric in METRICS.items()}


def score_images(candidates: Captions, references: References) -> dict[str, NDArray[np.float64]]:
    """Per-image scores: float64[B] for every metric that has them. Raises as ``score`` does."""
    _check_pairs(candidates, references)
    return {
        key: metric.per_image(candidates, references) for key, metric in METRICS.items() if metric.per_image
    }


def per_image_metrics() -> list[str]:
    """Keys of the metrics with per-image scores."""
    return [key for key, metric in METRICS.items() if metric.per_image]


def display_names(keys: Iterable[str]) -> dict[str, str]:
    """Names, by key, of the metrics that pages show; CIDEr first, by which models are ranked."""
    shown = sorted((key for key in keys if METRICS[key].charted), key=lambda key: key != "cider")
    return {key: METRICS[key].name for key in shown}


def check_scores(scores: Mapping[str, float], keys: Iterable[str]) -> None:
    """Check that no required metric is missing and no score is above its maximum.

    Raises:
        ValueError: the first key that fails.
    """
    for key in keys:
        if key not in scores and not METRICS[key].optional:
            raise ValueError(f"the score {key} is missing")
        if scores.get(key, 0) > METRICS[key].maximum:
            raise ValueError(
                f"the score {key} must be at most {METRICS[key].maximum:g}; it is {scores[key]:g}"
            )


def bleu(
    candidates: Sequence[Tokens], references: Sequence[Sequence[Tokens]]
) -> tuple[float, float, float, float]:
    """BLEU-1…4 of a corpus: counts are summed over all images before precisions are computed."""
    _check_pairs(candidates, references)
    counts = [_bleu_counts(*pair) for pair in zip(candidates, references, strict=True)]
    return _bleu(np.sum(counts, axis=0))


def _bleu_of_images(candidates: Captions, references: References) -> NDArray[np.float64]:
    return np.array([sentence_bleu4(*pair) for pair in zip(candidates, references, strict=True)])


def sentence_bleu4(candidate: Tokens, references: Sequence[Tokens]) -> float:
    """BLEU-4 of one caption, unsmoothed: close to 0 unless four words in a row match."""
    return _bleu(_bleu_counts(candidate, references))[3]


def rouge_l(candidate: Tokens, references: Sequence[Tokens]) -> float:
    """F-measure of the longest common subsequence (Lin 2004, equations 2 to 4).

    As in coco-caption, the best precision and the best recall may come from different references.
    """
    _check_references(references)
    common = [_longest_common_subsequence(candidate, reference) for reference in references]
    if not any(common):
        return 0.0
    precision = max(common) / len(candidate)
    recall = max(match / len(reference) for match, reference in zip(common, references, strict=True) if match)
    return (1 + BETA**2) * precision * recall / (recall + BETA**2 * precision)


def _rouge_l_of_images(candidates: Captions, references: References) -> NDArray[np.float64]:
    return np.array([rouge_l(*pair) for pair in zip(candidates, references, strict=True)])


def _cider_of_images(candidates: Captions, references: References) -> NDArray[np.float64]:
    return Cider(references).score_all(candidates, range(len(candidates)))


class Cider:
    """CIDEr with document frequencies from one set of references.

    ``references[i]`` are the captions of image i: in evaluation those of the split that is scored, in
    self-critical training (Rennie et al. 2017) those of the training split, so that a reward does not depend
    on its batch. 30,000 references take 2 s and 200 MB to prepare; scoring as many candidates takes 2 s (one
    core).

    Raises:
        ValueError: there are no references, or an image has none.
    """

    def __init__(self, references: Sequence[Sequence[Tokens]]) -> None:
        if not references:
            raise ValueError("CIDEr needs the references of at least one image; got none")
        frequency: Counter[NGram] = Counter()
        for captions in references:
            _check_references(captions)
            frequency.update({gram for caption in captions for gram in ngrams(caption)})
        self._unseen = math.log(
            len(references)
        )  # weight of an n-gram that no image has; document frequency 1
        self._weight = {gram: self._unseen - math.log(count) for gram, count in frequency.items()}
        self._images = [[self._vector(caption) for caption in captions] for captions in references]

    def score(self, candidate: Tokens, references: Sequence[Tokens]) -> float:
        """CIDEr of one caption against any references, with the document frequencies of this object."""
        _check_references(references)
        return self._consensus(candidate, [self._vector(reference) for reference in references])

    def score_all(self, candidates: Sequence[Tokens], images: Sequence[int]) -> NDArray[np.float64]:
        """CIDEr of N captions: float64[N]; ``images[i]`` indexes the references given to the constructor."""
        pairs = zip(candidates, images, strict=True)
        return np.array([self._consensus(candidate, self._images[image]) for candidate, image in pairs])

    def _consensus(self, candidate: Tokens, references: Sequence[_Vector]) -> float:
        vector = self._vector(candidate)
        return 10 * sum(vector.similarity(reference) for reference in references) / len(references)

    def _vector(self, caption: Tokens) -> _Vector:
        counts = ngrams(caption)
        weights = {gram: count * self._weight.get(gram, self._unseen) for gram, count in counts.items()}
        return _Vector(weights, _norms(weights), len(caption))


@dataclass(frozen=True, slots=True)
class _Vector:
    """A caption in CIDEr: tf-idf weights of its n-grams, and a norm for each n."""

    weights: dict[NGram, float]
    norms: list[float]
    length: int

    def similarity(self, reference: _Vector) -> float:
        """CIDEr-D of one pair, averaged over n."""
        dot = [0.0] * MAX_N
        # In dictionary order: the order of a set, and so the last digit of a reward, varies between runs.
        for gram, weight in self.weights.items():
            if other := reference.weights.get(gram):
                dot[len(gram) - 1] += min(weight, other) * other
        cosines = [d / (a * b) for d, a, b in zip(dot, self.norms, reference.norms, strict=True) if d]
        difference = self.length - reference.length
        return math.exp(-(difference**2) / (2 * SIGMA**2)) * sum(cosines) / MAX_N


def ngrams(tokens: Tokens) -> Counter[NGram]:
    """Counts of the n-grams of one to ``MAX_N`` words.

    Raises:
        TypeError: the tokens are a text, not a list.
    """
    if isinstance(tokens, str):
        raise TypeError(f"a caption is a list of words; got the text {tokens!r}")
    words = tuple(tokens)
    sizes = range(1, MAX_N + 1)
    return Counter(words[i : i + n] for n in sizes for i in range(len(words) - n + 1))


def _norms(weights: dict[NGram, float]) -> list[float]:
    squares = [0.0] * MAX_N
    for gram, weight in weights.items():
        squares[len(gram) - 1] += weight * weight
    return [math.sqrt(square) for square in squares]


def _bleu_counts(candidate: Tokens, references: Sequence[Tokens]) -> NDArray[np.int64]:
    """int64[10]: matches for each n, n-grams for each n, length, length of the closest reference."""
    _check_references(references)
    max_counts: Counter[NGram] = Counter()
    for reference in references:
        max_counts |= ngrams(reference)
    matches = Counter[int]()
    for gram, count in (ngrams(candidate) & max_counts).items():
        matches[len(gram)] += count
    length = len(candidate)
    closest = min((abs(len(reference) - length), len(reference)) for reference in references)[1]
    sizes = range(1, MAX_N + 1)
    return np.array([*(matches[n] for n in sizes), *(max(0, length - n + 1) for n in sizes), length, closest])


def _bleu(counts: NDArray[np.int64]) -> tuple[float, float, float, float]:
    """Geometric means of the clipped precisions, times the brevity penalty (Papineni et al. 2002, 2.3)."""
    matches, totals, (length, closest) = counts[:MAX_N], counts[MAX_N:-2], counts[-2:]
    # Both constants are coco-caption's; they determine the score of captions of fewer than four words.
    precisions = (matches + 1e-15) / (totals + 1e-9)
    means = np.cumprod(precisions) ** (1 / np.arange(1, MAX_N + 1))
    ratio = (length + 1e-15) / (closest + 1e-9)
    one, two, three, four = (means * math.exp(min(0.0, 1 - 1 / ratio))).tolist()
    return one, two, three, four


def _longest_common_subsequence(one: Tokens, other: Tokens) -> int:
    lengths = [0] * (len(other) + 1)  # lengths[j]: of the words of ``one`` so far with other[:j]
    for word in one:
        diagonal = 0
        for j, match in enumerate(other, start=1):
            above = lengths[j]
            lengths[j] = diagonal + 1 if word == match else max(above, lengths[j - 1])
            diagonal = above
    return lengths[-1]


def _check_pairs(candidates: Sequence[Tokens], references: Sequence[Sequence[Tokens]]) -> None:
    if not candidates or len(candidates) != len(references):
        raise ValueError(
            "scores need one caption and one list of references for each image; "
            f"got {len(candidates)} captions and {len(references)} lists"
        )


def _check_references(references: Sequence[Tokens]) -> None:
    if not references:
        raise ValueError("a caption is scored against at least one reference; got none")
    if any(isinstance(reference, str) for reference in references):
        raise TypeError("references are lists of words; got text")


def _corpus_bleu(n: int) -> Callable[[Captions, References], float]:
    return lambda candidates, references: bleu(candidates, references)[n - 1]


# To add a metric, add its entry here; bundles, tables, the model card and the pages follow.
METRICS: dict[str, Metric] = {
    "bleu1": Metric("BLEU-1", "bleu", 1, corpus=_corpus_bleu(1)),
    "bleu2": Metric("BLEU-2", "bleu", 1, corpus=_corpus_bleu(2), charted=False),
    "bleu3": Metric("BLEU-3", "bleu", 1, corpus=_corpus_bleu(3), charted=False),
    "bleu4": Metric("BLEU-4", "bleu", 1, _bleu_of_images, corpus=_corpus_bleu(4)),
    "rouge_l": Metric("ROUGE-L", "rouge", 1, _rouge_l_of_images),
    "cider": Metric("CIDEr", "cider", 10, _cider_of_images),
}
