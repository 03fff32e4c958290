"""BLEU-1…4, ROUGE-L, CIDEr and content-word F1 of captions against references.

A caption is a list of tokens, never raw text, because scores depend on the tokeniser. All but content-word F1
equal those of coco-caption's pure Python scorers to 1e-6, deviations from the papers included:

- BLEU: Papineni et al. 2002, "BLEU: a Method for Automatic Evaluation of Machine Translation".
- ROUGE-L: Lin 2004, "ROUGE: A Package for Automatic Evaluation of Summaries".
- CIDEr: Vedantam et al. 2015; see ``cider``.

Content-word F1 is for checking the others: nothing may be trained, chosen or tuned by it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from captioner.cider import MAX_N, Cider, NGram, Tokens, check_references, ngrams
from captioner.text import is_content_word

Captions: TypeAlias = Sequence[Tokens]  # one per image
References: TypeAlias = Sequence[Sequence[Tokens]]  # several per image

BETA = 1.2  # weight of recall against precision in ROUGE-L


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
    check_references(references)
    common = [_longest_common_subsequence(candidate, reference) for reference in references]
    if not any(common):
        return 0.0
    precision = max(common) / len(candidate)
    recall = max(match / len(reference) for match, reference in zip(common, references, strict=True) if match)
    return (1 + BETA**2) * precision * recall / (recall + BETA**2 * precision)


def _rouge_l_of_images(candidates: Captions, references: References) -> NDArray[np.float64]:
    return np.array([rouge_l(*pair) for pair in zip(candidates, references, strict=True)])


def content_f1(candidate: Tokens, references: Sequence[Tokens]) -> float:
    """F1 of the distinct content words of a caption; 0 where it, or every reference, has none.

    Precision is the share of them that stand in any reference. Recall is the share of a reference's that the
    caption has, averaged over the references that have any: nobody says all that five people say.
    """
    check_references(references)
    own, *people = (set(filter(is_content_word, tokens)) for tokens in (candidate, *references))
    shared = own.intersection(set[str]().union(*people))
    if not shared:
        return 0.0
    precision = len(shared) / len(own)
    recall = fmean(len(own & words) / len(words) for words in people if words)
    return 2 * precision * recall / (precision + recall)


def _content_f1_of_images(candidates: Captions, references: References) -> NDArray[np.float64]:
    return np.array([content_f1(*pair) for pair in zip(candidates, references, strict=True)])


def _cider_of_images(candidates: Captions, references: References) -> NDArray[np.float64]:
    return Cider(references).score_all(candidates, range(len(candidates)))


def _bleu_counts(candidate: Tokens, references: Sequence[Tokens]) -> NDArray[np.int64]:
    """int64[10]: matches for each n, n-grams for each n, length, length of the closest reference."""
    check_references(references)
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
    "content_f1": Metric(
        "Content-word F1", "content_f1", 1, _content_f1_of_images, charted=False, optional=True
    ),
}
