"""The network of the committed bundle in Keras, with random weights: as large, as slow, as hungry."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from captioner.bundle.schema import Config
from captioner.text import START
from captioner.training.models import encoders, ensemble
from captioner.training.recipes import RECIPES


class Decoder(keras.Model):
    """Regions float[1, R, C], a padded prefix int[1, T] → probabilities float[1, T, V] of the next words."""

    def __init__(self, config: Config, words: int, regions: tuple[int, int]) -> None:
        super().__init__()
        bias = np.zeros(words, np.float32)
        self.decoder = ensemble.build(RECIPES[config.recipe].decoder, bias, regions)

    def call(self, inputs: tuple[Any, Any]) -> Any:
        regions, ids = inputs
        return ops.softmax(self.decoder(regions, ids[:, None])[:, 0])


def encoder(config: Config) -> keras.Model:
    """uint8[B, S, S, 3] → regions float[B, R, C]."""
    recipe = RECIPES[config.recipe]
    plain = encoders.build(recipe.encoder.randomly_initialised)
    return encoders.with_horizontal_flip(plain, config.grid) if recipe.horizontal_flip else plain


def caption(decoder: Decoder, regions: NDArray[np.float32], words: int, length: int) -> list[int]:
    """So many words, greedily, ``predict`` for each on the whole padded prefix, as the notebook does."""
    ids = [START]
    while len(ids) <= words:
        prefix = np.zeros((1, length), np.int32)
        prefix[0, : len(ids)] = ids
        probabilities = decoder.predict([regions, prefix], verbose=0)
        ids.append(int(probabilities[0, len(ids) - 1].argmax()))
    return ids[1:]
