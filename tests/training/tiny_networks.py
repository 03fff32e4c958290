"""The models of tests/tiny.py as Keras has them; ``python -m tests.training.tiny_networks`` exports them."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers

from captioner.text import SPECIALS
from captioner.training.export import write_litert
from captioner.training.models import ensemble
from captioner.training.models.decoders import DecoderOptions
from tests.tiny import CHANNELS, MODELS, SIZE, UNITS, WORDS
from tests.training.small import DECODERS


@functools.cache
def model(decoder: str, members: int) -> bytes:
    """The LiteRT file of a tiny model."""
    with tempfile.TemporaryDirectory() as folder:
        write_litert(*networks(decoder, members), Path(folder, "captioner.tflite"))
        return Path(folder, "captioner.tflite").read_bytes()


@functools.cache
def networks(decoder: str, members: int) -> tuple[Any, Any]:
    """Encoder and decoder, with wide weights, so that pictures get different words."""
    keras.utils.set_random_seed(1)
    encoder = _encoder(pooled=decoder != "attention")
    options = DecoderOptions(decoder, units=UNITS, members=members)
    built = ensemble.build(options, np.zeros(len(SPECIALS + WORDS), np.float32), encoder.output_shape[1:])
    for network, factor in ((encoder, 2), (built, 3)):
        network.set_weights([factor * weights for weights in network.get_weights()])
    return encoder, built


def _encoder(pooled: bool) -> keras.Model:
    """uint8[B, S, S, 3] → float[B, R, C] in one convolution."""
    image = keras.Input((SIZE, SIZE, 3), dtype="uint8")
    seen = layers.Conv2D(CHANNELS, SIZE // 4, SIZE // 4)(layers.Rescaling(1 / 127.5, -1)(image))
    seen = layers.AveragePooling2D(4)(seen) if pooled else seen
    return keras.Model(image, layers.Reshape((-1, CHANNELS))(seen))


if __name__ == "__main__":
    MODELS.mkdir(exist_ok=True)
    for name in DECODERS:
        (MODELS / f"{name}.tflite").write_bytes(model(name, 1))
