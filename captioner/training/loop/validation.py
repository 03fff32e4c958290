"""The dev split, as training looks at it after every epoch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from captioner.data.flickr8k import ReferenceCaptions
from captioner.evaluation import metrics
from captioner.progress import track
from captioner.text import Vocabulary, words
from captioner.training.loop import batches
from captioner.training.loop.batches import Targets
from captioner.training.loop.rollout import Rollout, captions
from captioner.training.models.decoders import Decoder

_BATCH = 50  # pictures


class Nats(keras.Model):
    """−log p of each target word, float[B, K, T]."""

    def __init__(self, decoder: Decoder) -> None:
        super().__init__(name="nats")
        self.decoder = decoder

    def call(self, inputs: dict[str, Any]) -> Any:
        logits = self.decoder(ops.cast(inputs["pictures"], "float32"), inputs["ids"], training=False)
        return ops.sparse_categorical_crossentropy(inputs["targets"], logits, from_logits=True)


@dataclass(frozen=True)
class Validation:
    """The dev split: loss in nats a word over every caption, and the greedy captions.

    Words that the model does not know are left out of the loss, on both sides of the fraction.
    """

    targets: Targets
    references: list[list[list[str]]]
    vocabulary: Vocabulary

    @classmethod
    def of(cls, found: ReferenceCaptions, targets: Targets, vocabulary: Vocabulary) -> Validation:
        return cls(targets, [[words(caption) for caption in one] for one in found.values()], vocabulary)

    def loss(self, nats: Nats, regions: NDArray[np.float16]) -> float:
        """Mean nats a known target word, END included."""
        total = count = 0.0
        order = batches.in_order(self.targets, _BATCH)
        loaded = batches.prefetched(self.targets, order, lambda rows: regions[rows])
        for batch in track(loaded, "loss of the dev split", len(order)):
            inputs = {"pictures": batch.pictures, "ids": batch.ids, "targets": batch.targets}
            total += float((nats.predict_on_batch(inputs) * batch.weights).sum())
            count += float(batch.weights.sum())
        return total / count

    def captions(self, rollout: Rollout, regions: NDArray[np.float16]) -> list[list[str]]:
        """The words that a greedy rollout says of each picture."""
        found = track(captions(rollout, regions), "captioning the dev split", len(regions))
        return [self.vocabulary.text(ids[0]).split() for ids in found]

    def cider(self, said: list[list[str]]) -> float:
        """CIDEr of one caption a picture, document frequencies from the dev references."""
        return metrics.score(said, self.references).cider
