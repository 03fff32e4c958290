"""Rollouts: the decoder's own captions of many pictures at once, greedy or sampled.

What ships is decoded by ``captioner.inference``; this is the same model without a beam, in one graph.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from captioner.text import END, PAD, START
from captioner.training.loop.stored_regions import Regions
from captioner.training.models.decoders import Decoder


class Rollout(keras.Model):
    """regions float[B, R, C] → ids int[B, K, T]: words, END, then PAD.

    With ``samples`` = 0, greedy (K = 1); otherwise K = ``samples`` captions are sampled at temperature 1.
    """

    def __init__(self, decoder: Decoder, samples: int = 0, max_caption_length: int = 20) -> None:
        super().__init__(name="rollout")
        self.decoder = decoder
        self.samples = samples
        self.max_caption_length = max_caption_length
        self.seeds = keras.random.SeedGenerator(0)

    def reseed(self, seed: int, update: int) -> None:
        """Seed the sampling of an update, so that a resumed run samples what it would have sampled."""
        self.seeds.state.assign(np.random.SeedSequence([seed, update]).generate_state(2))

    def call(self, regions: Any) -> Any:
        rows = max(1, self.samples)
        state, fixed = self.decoder.start(ops.cast(regions, "float32"))
        state = {name: ops.repeat(ops.expand_dims(value, 1), rows, axis=1) for name, value in state.items()}
        word = ops.full((ops.shape(regions)[0], rows), START, dtype="int32")
        ended = ops.equal(word, END)
        words = []
        for _ in range(self.max_caption_length + 1):
            logits, state, _ = self.decoder.step(word, state, fixed)
            word = ops.where(ended, PAD, self._next_word(logits))
            ended = ops.logical_or(ended, ops.equal(word, END))
            words.append(word)
        return ops.stack(words, axis=2)

    def _next_word(self, logits: Any) -> Any:
        if not self.samples:
            return ops.cast(ops.argmax(logits, axis=-1), "int32")
        flat = ops.reshape(logits, (-1, self.decoder.vocabulary_size))
        sampled = keras.random.categorical(flat, 1, dtype="int32", seed=self.seeds)
        return ops.reshape(sampled, ops.shape(logits)[:2])


def generated_ids(rollout: Rollout, regions: Regions, batch: int = 100) -> Iterator[NDArray[np.int32]]:
    """Ids int[K, T] of each picture in turn, of regions float16[P, R, C]."""
    for i in range(0, len(regions), batch):
        yield from np.asarray(rollout.predict_on_batch(np.asarray(regions[i : i + batch], np.float32)))
