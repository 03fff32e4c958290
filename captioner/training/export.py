"""Keras → LiteRT: one file with three signatures. The one module that needs TensorFlow.

encode  image uint8[1, S, S, 3]                    → regions float[1, R, C]
start   regions                                    → state_* float[1, U], fixed_* float[1, …]
step    word int32[N], state_* [N, U], fixed_*     → log_probs float[N, V], state_*, attention float[N, R]
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from captioner.training.models.decoders import Decoder

SIGNATURES = ("encode", "start", "step")


def export(encoder: keras.Model, decoder: Decoder, path: Path, bits: int = 16) -> None:
    """Write both halves, in inference mode, as one LiteRT file.

    Keras must run on the TensorFlow backend, in float32.

    Args:
        bits: 16 for float16 weights; 8 for integers with a scale for each channel, multiplied by activations
            that are rounded to 8 bits as they come (LiteRT's dynamic range quantisation).
    """
    state, fixed = _shapes(encoder, decoder)
    with tempfile.TemporaryDirectory() as folder:
        _save(encoder, decoder, state, fixed, folder)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=list(SIGNATURES))
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if bits == 16:
            converter.target_spec.supported_types = [tf.float16]
        path.write_bytes(converter.convert())


def _shapes(
    encoder: keras.Model, decoder: Decoder
) -> tuple[dict[str, tuple[int, ...]], dict[str, tuple[int, ...]]]:
    """Shapes of the decoder's state and fixed part, without their first axis."""
    state, fixed = decoder.start(ops.zeros((1, *encoder.output_shape[1:])))
    return {k: tuple(v.shape[1:]) for k, v in state.items()}, {
        k: tuple(v.shape[1:]) for k, v in fixed.items()
    }


def _save(
    encoder: keras.Model, decoder: Decoder, state: dict[str, Any], fixed: dict[str, Any], folder: str
) -> None:
    """A SavedModel with one endpoint a signature; only what the archive tracks is frozen in."""

    def start(regions: Any) -> dict[str, Any]:
        first, kept = decoder.start(regions)
        return {**_named("state", first), **_named("fixed", kept)}

    def step(inputs: dict[str, Any]) -> dict[str, Any]:
        rows = {name: ops.expand_dims(inputs[f"state_{name}"], 0) for name in state}
        kept = {name: inputs[f"fixed_{name}"] for name in fixed}
        logits, after, attention = decoder.step(ops.expand_dims(inputs["word"], 0), rows, kept)
        answer = {
            "log_probs": ops.log_softmax(logits, axis=-1)[0],
            **_named("state", {k: v[0] for k, v in after.items()}),
        }
        return answer if attention is None else {**answer, "attention": attention[0]}

    size, regions = encoder.input_shape[1], encoder.output_shape[1:]
    inputs = {"word": tf.TensorSpec((None,), tf.int32, name="word")}
    inputs |= {
        f"state_{k}": tf.TensorSpec((None, *v), tf.float32, name=f"state_{k}") for k, v in state.items()
    }
    inputs |= {f"fixed_{k}": tf.TensorSpec((1, *v), tf.float32, name=f"fixed_{k}") for k, v in fixed.items()}
    archive = keras.export.ExportArchive()
    archive.track(encoder)
    archive.track(decoder)
    archive.add_endpoint(
        "encode",
        lambda image: {"regions": encoder(image, training=False)},
        [tf.TensorSpec((1, size, size, 3), tf.uint8, name="image")],
    )
    archive.add_endpoint("start", start, [tf.TensorSpec((1, *regions), tf.float32, name="regions")])
    archive.add_endpoint("step", step, [inputs])
    archive.write_out(folder, verbose=False)


def _named(prefix: str, values: dict[str, Any]) -> dict[str, Any]:
    return {f"{prefix}_{name}": value for name, value in values.items()}
