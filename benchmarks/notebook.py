"""The reference notebook's way to train: its network, its generator. Written from its description."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from benchmarks.prefixes import expand

BATCH = 64  # captions


class PrefixGenerator(keras.utils.PyDataset):
    """Batches of 64 captions, in random order, each expanded into its prefixes.

    Args:
        features: of each picture float[P, C].
        pictures: of each caption its picture int[N].
        captions: their ids int[N, T].
        length: to which prefixes are padded.
        vocabulary: the number of words.
    """

    def __init__(
        self,
        features: NDArray[Any],
        pictures: NDArray[np.intp],
        captions: NDArray[np.int32],
        length: int,
        vocabulary: int,
    ) -> None:
        super().__init__()
        order = np.random.default_rng(0).permutation(len(captions))
        self.features, self.pictures, self.captions = features, pictures[order], captions[order]
        self.length, self.vocabulary = length, vocabulary

    def __len__(self) -> int:
        return len(self.captions) // BATCH

    def __getitem__(self, index: int) -> tuple[tuple[NDArray[Any], NDArray[np.int32]], NDArray[np.float32]]:
        batch = slice(index * BATCH, (index + 1) * BATCH)
        rows, prefixes, targets = expand([*self.captions[batch]], self.length, self.vocabulary)
        return (self.features[self.pictures[batch][rows]], prefixes), targets


def model(length: int, channels: int, vocabulary: int) -> keras.Model:
    """DenseNet201 features float[B, C] and a prefix int[B, length] → the next word float[B, V], compiled."""
    features, prefix = keras.Input((channels,)), keras.Input((length,), dtype="int32")
    picture = layers.Dense(256, activation="relu")(features)
    words = layers.Embedding(vocabulary, 256)(prefix)
    hidden = layers.LSTM(256)(layers.concatenate([layers.Reshape((1, 256))(picture), words], axis=1))
    mixed = layers.add([layers.Dropout(0.5)(hidden), picture])
    mixed = layers.Dropout(0.5)(layers.Dense(128, activation="relu")(mixed))
    network = keras.Model([features, prefix], layers.Dense(vocabulary, activation="softmax")(mixed))
    network.compile("adam", "categorical_crossentropy")
    return network
