"""The decoder's own captions for many pictures at once, greedy or sampled.

What ships is searched by ``captioner.inference.decoding``; this is the same model without a beam.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from captioner.text import END, PAD, START
from captioner.training.models.decoders import Decoder


class Rollout(keras.Model):
    """regions float[B, R, C] → ids int[B, K, T]: words, END, then PAD.

    ``samples`` = 0 takes the likeliest word each time (K = 1); otherwise K captions are sampled.
    """

    def __init__(self, decoder: Decoder, samples: int = 0, max_words: int = 20) -> None:
        super().__init__(name="rollout")
        self.decoder = decoder
        self.samples = samples
        self.max_words = max_words
        self.seeds = keras.random.SeedGenerator(0)

    def reseed(self, seed: int, update: int) -> None:
        """Sampling begins anew, so that a run that was interrupted draws what it would have drawn."""
        self.seeds.state.assign(np.random.SeedSequence([seed, update]).generate_state(2))

    def call(self, regions: Any) -> Any:
        rows = max(1, self.samples)
        state, fixed = self.decoder.start(ops.cast(regions, "float32"))
        state = {name: ops.repeat(ops.expand_dims(value, 1), rows, axis=1) for name, value in state.items()}
        word = ops.full((ops.shape(regions)[0], rows), START, dtype="int32")
        ended = ops.equal(word, END)
        chosen = []
        for _ in range(self.max_words + 1):
            logits, state, _ = self.decoder.step(word, state, fixed)
            word = ops.where(ended, PAD, self._choose(logits))
            ended = ops.logical_or(ended, ops.equal(word, END))
            chosen.append(word)
        return ops.stack(chosen, axis=2)

    def _choose(self, logits: Any) -> Any:
        if not self.samples:
            return ops.cast(ops.argmax(logits, axis=-1), "int32")
        flat = ops.reshape(logits, (-1, self.decoder.vocabulary_size))
        drawn = keras.random.categorical(flat, 1, dtype="int32", seed=self.seeds)
        return ops.reshape(drawn, ops.shape(logits)[:2])


def captions(rollout: Rollout, regions: NDArray[np.float16], batch: int = 100) -> Iterator[NDArray[np.int32]]:
    """Ids int[K, T] of each picture in turn."""
    for i in range(0, len(regions), batch):
        yield from np.asarray(rollout.predict_on_batch(np.asarray(regions[i : i + batch], np.float32)))
