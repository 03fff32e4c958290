"""The dev split, scored after every epoch: the loss of its captions, and the greedy captions' CIDEr."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from captioner import metrics
from captioner.data.datasets import ReferenceCaptions
from captioner.progress import track
from captioner.text import Vocabulary, words
from captioner.training.loop import batches
from captioner.training.loop.batches import EncodedCaptions
from captioner.training.loop.rollout import Rollout, generated_ids
from captioner.training.loop.stored_regions import Regions
from captioner.training.models.decoders import Decoder

_BATCH = 50  # pictures
_BLOCK = 512  # pictures whose regions are in memory at a time


class NegativeLogLikelihood(keras.Model):
    """−log p of each target word that counts, in nats: float[M].

    Takes ``regions`` float[B, R, C], ``ids`` int[B, K, T], ``positions`` and ``targets`` int[M].
    """

    def __init__(self, decoder: Decoder) -> None:
        super().__init__(name="negative_log_likelihood")
        self.decoder = decoder

    def call(self, inputs: dict[str, Any]) -> Any:
        regions = ops.cast(inputs["regions"], "float32")
        logits = self.decoder(regions, inputs["ids"], inputs["positions"], training=False)
        return ops.sparse_categorical_crossentropy(inputs["targets"], logits, from_logits=True)


@dataclass(frozen=True)
class Validation:
    """The dev split: its P pictures' captions as ids, and as words to score against."""

    encoded: EncodedCaptions
    references: list[list[list[str]]]  # words of each caption of each picture
    vocabulary: Vocabulary

    @classmethod
    def from_captions(
        cls, captions: ReferenceCaptions, encoded: EncodedCaptions, vocabulary: Vocabulary
    ) -> Validation:
        """The split's captions as words, beside ``encoded``, the same as ids."""
        references = [[words(caption) for caption in sentences] for sentences in captions.values()]
        return cls(encoded, references, vocabulary)

    def measure(
        self, likelihood: NegativeLogLikelihood, rollout: Rollout, regions: Regions
    ) -> tuple[float, list[list[str]]]:
        """Loss and greedy captions, of regions float16[P, R, C].

        The loss is the mean nats a target word, END included, over every caption. Words outside the
        vocabulary are left out of the sum and of the count.
        """
        total = count = 0.0
        captions: list[list[str]] = []
        starts = range(0, len(regions), _BLOCK)
        for start in track(starts, "dev split", len(starts)):
            block = regions[start : start + _BLOCK]
            nats, words = self.nats(likelihood, block, start)
            total, count = total + nats, count + words
            captions += self.captions(rollout, block)
        return total / count, captions

    def nats(
        self, likelihood: NegativeLogLikelihood, block: NDArray[np.float16], start: int = 0
    ) -> tuple[float, float]:
        """Summed nats and number of target words of the pictures from ``start``, of float16[B, R, C]."""
        total = count = 0.0
        order = batches.sorted_by_length(self.encoded, _BATCH, start, start + len(block))
        for batch in batches.prefetched(self.encoded, order, lambda rows: block[np.array(rows) - start]):
            positions = batch.positions
            targets, weights = batch.targets.ravel()[positions], batch.weights.ravel()[positions]
            inputs = {"regions": batch.inputs, "ids": batch.ids, "positions": positions, "targets": targets}
            total += float((likelihood.predict_on_batch(inputs) * weights).sum())
            count += float(weights.sum())
        return total, count

    def captions(self, rollout: Rollout, regions: Regions) -> list[list[str]]:
        """The words of each picture's greedy caption; regions are float16[P, R, C]."""
        ids = generated_ids(rollout, regions)
        return [self.vocabulary.text(sentences[0]).split() for sentences in ids]

    def cider(self, captions: list[list[str]]) -> float:
        """CIDEr of one caption a picture, document frequencies from the dev references."""
        return metrics.METRICS["cider"].score(captions, self.references)
