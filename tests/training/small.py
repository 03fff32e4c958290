"""Small encoders and decoders that train in a second."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray

from captioner.text import PAD
from captioner.training.loop.batches import EncodedCaptions
from captioner.training.models import ensemble
from captioner.training.models.decoders import Decoder, DecoderOptions

SIZE, REGIONS, CHANNELS = 16, 4, 6  # pixels, regions, channels of the encoder
DECODERS = ("attention", "inject", "merge")


def encoder(size: int = SIZE) -> keras.Model:
    """uint8[B, S, S, 3] → float[B, 4, 6] in one convolution and a batch normalisation."""
    image = keras.Input((size, size, 3), dtype="uint8", name="image")
    seen = layers.Conv2D(CHANNELS, size // 2, size // 2)(layers.Rescaling(1 / 127.5, -1)(image))
    regions = layers.Reshape((REGIONS, CHANNELS), name="regions")(layers.BatchNormalization()(seen))
    return keras.Model(image, regions, name="encoder")


def decoder(words: int, name: str = "attention", spread: float = 3.0, **options: Any) -> Decoder:
    """A decoder for ``words`` words; ``spread`` scales its weights, so that probabilities differ."""
    shape = (REGIONS if name == "attention" else 1, CHANNELS)
    model = ensemble.build(DecoderOptions(name, units=8, **options), np.zeros(words, np.float32), shape)
    model.set_weights([spread * weights for weights in model.get_weights()])
    return model


def regions(pictures: int, name: str = "attention", seed: int = 0) -> NDArray[np.float32]:
    """Regions float[B, R, C] that such a decoder takes."""
    shape = (pictures, REGIONS if name == "attention" else 1, CHANNELS)
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def negative_log_likelihood(decoder: Decoder, regions: Any, targets: EncodedCaptions) -> tuple[float, float]:
    """Summed nats of all words and END, and their number, one caption at a time."""
    total, count = 0.0, 0
    for picture, lines in enumerate(targets.ids):
        for line in lines:
            ids = line[line != PAD]
            logits = decoder(regions[picture : picture + 1], ids[None, None, :-1])
            log_probs = np.asarray(ops.log_softmax(logits))[0, 0]
            total -= log_probs[np.arange(len(ids) - 1), ids[1:]].sum()
            count += len(ids) - 1
    return total, count
