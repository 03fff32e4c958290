"""A captioner without a model: what the pages do with captions, not what is said."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from captioner.bundle import Bundle
from captioner.decoding import DecodingOptions
from captioner.model import END_WORD, Caption, Captions, Word

SENTENCES = (
    (("a", 0.9), ("dog", 0.6), ("runs", 0.3), (END_WORD, 0.999)),
    (("a", 0.9), ("cat", 0.2), ("sits", 0.5)),
)


@dataclass
class FakeCaptioner:
    """Says the same of every picture, a sentence a beam, and counts how often it is asked."""

    bundle: Bundle
    options: DecodingOptions = field(default_factory=lambda: DecodingOptions(beams=2, alpha=0.6, max_words=8))
    encoded: int = 0
    decoded: list[DecodingOptions] = field(default_factory=list)

    def regions(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.encoded += 1
        return np.full((1, 16, 8), image.mean(), np.float32)

    def decode(self, regions: NDArray[np.float32], options: DecodingOptions) -> Captions:
        self.decoded.append(options)
        return Captions(tuple(map(caption, SENTENCES[: options.beams])), (), ())


def caption(sentence: tuple[tuple[str, float], ...]) -> Caption:
    """A caption of words with these probabilities, looking at one corner."""
    attention = np.zeros((4, 4), np.float32)
    attention[3, 0] = 1
    words = tuple(
        Word(text, math.log(probability), (("ball", math.log(0.05)),), attention)
        for text, probability in sentence
    )
    log_prob = sum(word.log_prob for word in words)
    text = " ".join(word.text for word in words if word.text)
    return Caption(text, words, log_prob, log_prob / len(words) ** 0.6, words[-1].text == END_WORD)


def photo(seed: int) -> bytes:
    """A PNG file of sixteen colours; another seed, another picture."""
    colours = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(np.kron(colours, np.ones((10, 15, 1), np.uint8))).save(file, "PNG")
    return file.getvalue()
