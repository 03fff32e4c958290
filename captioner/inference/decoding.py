"""Input and output of decoding: options, words, candidates, the beam tree."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from captioner.text import END, START

END_WORD = ""  # stands for the end of the sentence wherever a word is expected


@dataclass(frozen=True)
class DecodingOptions:
    """How to search.

    Raises:
        ValueError: a number is out of its range, or the prefix is no beginning of a sentence.
    """

    beams: int = 5  # sentences that beam search follows at once; 1 is greedy search
    length_penalty: float = 0.85  # exponent of the length in ``Candidate.score``
    max_words: int = 20  # the end is one, too; a sentence that has not ended by then is returned unfinished
    prefix: tuple[int, ...] = ()  # ids of the first words, forced; END may be the last of them
    temperature: float | None = None  # None: beam search; a number: sampling, where 0 is greedy
    num_return_sequences: int = 5  # sentences sampled with a temperature (as Hugging Face calls it)
    top_p: float = 0.9  # nucleus sampling: from the likeliest words that hold this much; 1 is all words
    seed: int = 0  # of the sampling
    runners_up: int = 5  # other words to report at every step
    samples: int = 0  # sampled beside beam search, to rank its candidates by agreement; 0 with a temperature

    def __post_init__(self) -> None:
        from_1 = ("beams", "max_words", "num_return_sequences")
        from_0 = ("length_penalty", "temperature", "seed", "runners_up", "samples")
        for name in (*from_1, *from_0):
            low, value = int(name in from_1), getattr(self, name)
            if not low <= (value or 0) < math.inf:
                raise ValueError(f"{name} is a number from {low} up; got {value}")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p is a number above 0 and at most 1; got {self.top_p}")
        if len(self.prefix) > self.max_words:
            raise ValueError(f"prefix has at most max_words ({self.max_words}) words; got {len(self.prefix)}")
        if min(self.prefix, default=END) < END or START in self.prefix or END in self.prefix[:-1]:
            raise ValueError(f"prefix holds words, and END at most as the last; got {self.prefix}")

    @property
    def rows(self) -> int:
        """N, how many sentences are decoded together: beams, or sentences sampled with a temperature."""
        return self.beams if self.temperature is None else self.num_return_sequences

    @property
    def consensus(self) -> bool:
        """Whether candidates are ranked by their agreement with samples (see ``reranking``)."""
        return self.samples > 0 and self.temperature is None


@dataclass(frozen=True)
class Word:
    """One word being chosen; the text is ``END_WORD`` where the sentence ends."""

    text: str
    log_prob: float  # nats, as the decoder gave it, before anything is masked
    runners_up: tuple[tuple[str, float], ...]  # the most likely other words and their nats, best first
    blocked: frozenset[str] = frozenset()  # of all these, those that only a prefix may put here
    attention: NDArray[np.float32] | None = field(default=None, compare=False, repr=False)  # [h, w], sum 1
    calibrated_probability: float | None = None  # that people use it, too (see ``calibration``)
    # The share of the samples that have the word, too; None without samples, or where a prefix forced it.
    sample_share: float | None = field(default=None, compare=False)


# Of a candidate, what JSON and tables have.
FIGURES = ("log_prob", "score", "finished", "calibrated_probability", "agreement")


@dataclass(frozen=True)
class Candidate:
    """One sentence that the search came up with."""

    text: str
    words: tuple[Word, ...]  # END_WORD is the last when finished
    log_prob: float  # nats, the sum over the words
    score: float  # log_prob / number of words ** length_penalty (Wu et al. 2016, simplified)
    finished: bool  # False: cut off at max_words
    calibrated_probability: float | None = None  # that people use all its content words, too
    agreement: float | None = None  # mean CIDEr similarity to the samples, 0 to 10; None without samples

    @property
    def confidence(self) -> float:
        """Geometric mean of the word probabilities, the end of the sentence included."""
        return math.exp(self.log_prob / len(self.words))

    @property
    def expected_precision(self) -> float | None:
        """The share of its content words that people are expected to use, too; None if not calibrated."""
        all_words = [word.calibrated_probability for word in self.words]
        content = [probability for probability in all_words if probability is not None]
        return sum(content) / len(content) if content and self.calibrated_probability is not None else None

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class BeamNode:
    """A word in the tree of all that the search considered. Roots have parent -1."""

    parent: int  # index of the node before
    word: str
    step: int  # counts from 0
    log_prob: float  # nats, of the sentence up to here
    in_beam: bool  # False: pruned at once


@dataclass(frozen=True)
class DecodingResult:
    """The candidates of a search, and the tree that led to them."""

    # Best first, distinct, at least one, at most ``rows``: by score, or by ``reranking.rank_key``.
    candidates: tuple[Candidate, ...]
    beam_tree: tuple[BeamNode, ...]  # parents come before their children
    leaves: tuple[int, ...]  # the node where each candidate ends
