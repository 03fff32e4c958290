"""Estimates before fine-tuning starts whether it fits into memory: otherwise the system would kill it.

``keras.utils`` summarises weights only; TensorFlow's profiler measures what has already been allocated.
"""

from __future__ import annotations

import math
from pathlib import Path

import keras
import numpy as np

STORED_SHARE = 0.9  # of the bytes of all activations: what is kept for the backward pass
FIXED_BYTES = 1.2e9  # the graph, the optimizer, the decoder
_MEMINFO = Path("/proc/meminfo")


def warning(encoder: keras.Model, batch: int) -> str | None:
    """A sentence if fine-tuning this encoder on batches of B pictures is not likely to fit; None if it is.

    Nothing is known of the memory of a GPU, or of systems other than Linux.
    """
    free = free_bytes()
    if (
        free is None
        or keras.distribution.list_devices("gpu")
        or (needed := fine_tuning_bytes(encoder, batch)) <= free
    ):
        return None
    fits = math.floor((free - FIXED_BYTES) / (STORED_SHARE * activation_bytes(encoder)))
    advice = f"--batch {fits} would fit" if fits > 0 else "--frozen leaves the encoder as it is"
    return (
        f"fine-tuning with {batch} pictures in a batch takes about {needed / 1e9:.1f} GB of memory, and "
        f"{free / 1e9:.1f} GB are free: the system may end it. {advice}."
    )


def fine_tuning_bytes(encoder: keras.Model, batch: int) -> float:
    """Bytes that fine-tuning adds to those of the models, estimated (EXPERIMENTS.md compares)."""
    return FIXED_BYTES + STORED_SHARE * batch * activation_bytes(encoder)


def activation_bytes(model: keras.Model) -> int:
    """Bytes of the activations of all layers for one picture, those of models inside the model too.

    A layer that computes in several steps counts as often as it stores a step's result.
    """
    return sum(
        activation_bytes(operation)
        if isinstance(operation, keras.Model)
        else _stored_results(operation) * sum(map(_tensor_bytes, keras.tree.flatten(operation.output)))
        for operation in getattr(model, "operations", model.layers)  # a Sequential has layers only
    )


def _stored_results(operation: keras.Operation) -> int:
    """Measured on ConvNeXt, which has both: Keras writes them as chains of simple operations."""
    if getattr(operation, "activation", None) is keras.activations.gelu:
        return 6
    return 3 if isinstance(operation, keras.layers.LayerNormalization) else 1


def free_bytes() -> int | None:
    """Bytes of memory that are available; None on systems other than Linux."""
    lines = _MEMINFO.read_text().splitlines() if _MEMINFO.is_file() else []
    kilobytes = [line.split()[1] for line in lines if line.startswith("MemAvailable:")]
    return 1024 * int(kilobytes[0]) if kilobytes else None


def _tensor_bytes(tensor: keras.KerasTensor) -> int:
    width = 2 if "16" in tensor.dtype else 1 if tensor.dtype == "uint8" else 4
    return width * int(np.prod(tensor.shape[1:]))
