"""A captioner without a model, for tests of the pages."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from captioner.bundle.storage import Bundle
from captioner.inference import warning
from captioner.inference.captioner import Caption
from captioner.inference.decoding import END_WORD, BeamNode, Candidate, DecodingOptions, Word
from captioner.inference.warning import CaptionWarning, WarningRules
from captioner.text import is_content_word

SENTENCES = (
    (("a", 0.9), ("dog", 0.6), ("runs", 0.3), (END_WORD, 0.999)),
    (("a", 0.9), ("cat", 0.2), ("sits", 0.5)),
)
RUNNER_UP, THIRD = ("ball", 0.05), ("toy", 0.05)  # of every word
VOCABULARY = [
    "<pad>",
    "<start>",
    END_WORD,
    "<unknown>",
    "a",
    "dog",
    "runs",
    "cat",
    "sits",
    RUNNER_UP[0],
    THIRD[0],
]  # in the order of their ids
Sentence = tuple[tuple[str, float], ...]


@dataclass
class FakeCaptioner:
    """Gives every picture the same sentences, one per beam, and records its calls."""

    bundle: Bundle
    options: DecodingOptions = field(
        default_factory=lambda: DecodingOptions(beams=2, length_penalty=0.6, max_words=8)
    )
    encoded: int = 0
    decoded: list[DecodingOptions] = field(default_factory=list)
    warnings: tuple[CaptionWarning, ...] = ()
    warning_rules: WarningRules = field(default_factory=WarningRules)

    def encode(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.encoded += 1
        return np.full((1, 16, 8), image.mean(), np.float32)

    def decode(self, regions: NDArray[np.float32], options: DecodingOptions) -> Caption:
        self.decoded.append(options)
        result = [_with_prefix(sentence, options.prefix) for sentence in SENTENCES[: options.beams]]
        return Caption(tuple(map(make_candidate, dict.fromkeys(result))), *_tree(result), self.warnings)

    def prefix(self, words: Sequence[str]) -> tuple[int, ...]:
        return tuple(map(VOCABULARY.index, words))


def _with_prefix(sentence: Sentence, prefix: tuple[int, ...]) -> Sentence:
    """The sentence with its first words replaced by those of the prefix."""
    forced = tuple(
        (VOCABULARY[id], dict((*sentence, RUNNER_UP, THIRD)).get(VOCABULARY[id], 0.01)) for id in prefix
    )
    return forced + (() if END_WORD in dict(forced) else sentence[len(forced) :])


def _tree(sentences: Sequence[Sentence]) -> tuple[tuple[BeamNode, ...], tuple[int, ...]]:
    """A beam tree of the sentences, with a pruned runner-up beside every word."""
    nodes: list[BeamNode] = []
    leaves = []
    for sentence in sentences:
        parent, log_prob = -1, 0.0
        for step, (word, probability) in enumerate(sentence):
            nodes.append(
                BeamNode(parent, RUNNER_UP[0], step, log_prob + math.log(RUNNER_UP[1]), in_beam=False)
            )
            log_prob += math.log(probability)
            nodes.append(BeamNode(parent, word, step, log_prob, in_beam=True))
            parent = len(nodes) - 1
        leaves.append(parent)
    return tuple(nodes), tuple(leaves)


def make_candidate(sentence: Sentence) -> Candidate:
    """A candidate of words with these probabilities, also calibrated, and attention on one corner."""
    attention = np.zeros((4, 4), np.float32)
    attention[3, 0] = 1
    words = tuple(
        Word(
            text,
            math.log(probability),
            (_runner_up(text),),
            attention=attention,
            calibrated_probability=probability if is_content_word(text) else None,
        )
        for text, probability in sentence
    )
    log_prob = sum(word.log_prob for word in words)
    text = " ".join(word.text for word in words if word.text)
    finished = words[-1].text == END_WORD
    return Candidate(
        text, words, log_prob, log_prob / len(words) ** 0.6, finished, calibrated_probability=0.5
    )


def make_warning(code: str) -> CaptionWarning:
    return CaptionWarning(code, warning.SENTENCES[code], warning.ADVICE[code], "Measured *once*.")


def _runner_up(text: str) -> tuple[str, float]:
    other, probability = THIRD if text == RUNNER_UP[0] else RUNNER_UP
    return other, math.log(probability)


def photo(seed: int) -> bytes:
    """A PNG file of sixteen random colours."""
    colours = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(np.kron(colours, np.ones((10, 15, 1), np.uint8))).save(file, "PNG")
    return file.getvalue()
