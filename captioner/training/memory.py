"""Whether fine-tuning fits into memory: told before it starts, as a process that does not is just ended."""

from __future__ import annotations

import math
from pathlib import Path

import keras
import numpy as np

KEPT = 0.9  # of the bytes of all layers' outputs: what is kept for the way back
FIXED = 1.2e9  # bytes: the graph, the optimizer, the decoder
_LINUX = Path("/proc/meminfo")


def advice(encoder: keras.Model, batch: int) -> str | None:
    """A sentence if fine-tuning this encoder with B pictures in a batch is not likely to fit; None if it is.

    Nothing is known of the memory of a GPU, or of systems other than Linux.
    """
    free = available()
    if free is None or keras.distribution.list_devices("gpu") or (need := needed(encoder, batch)) <= free:
        return None
    fits = math.floor((free - FIXED) / (KEPT * output_bytes(encoder)))
    instead = f"--batch {fits} would fit" if fits > 0 else "--frozen leaves the encoder as it is"
    return (
        f"fine-tuning with {batch} pictures in a batch takes about {need / 1e9:.1f} GB of memory, and "
        f"{free / 1e9:.1f} GB are free: the system may end it. {instead}."
    )


def needed(encoder: keras.Model, batch: int) -> float:
    """Bytes that fine-tuning adds to those of the models, estimated (EXPERIMENTS.md compares)."""
    return FIXED + KEPT * batch * output_bytes(encoder)


def output_bytes(model: keras.Model) -> int:
    """Bytes of what every layer gives for one picture, those of models inside the model too.

    A layer that computes in several steps counts as often as it keeps a step's result.
    """
    return sum(
        output_bytes(operation)
        if isinstance(operation, keras.Model)
        else _kept(operation) * sum(map(_bytes, keras.tree.flatten(operation.output)))
        for operation in getattr(model, "operations", model.layers)  # a Sequential has layers only
    )


def _kept(operation: keras.Operation) -> int:
    """Measured on ConvNeXt, which has both: Keras writes them as chains of simple operations."""
    if getattr(operation, "activation", None) is keras.activations.gelu:
        return 6
    return 3 if isinstance(operation, keras.layers.LayerNormalization) else 1


def available() -> int | None:
    """Bytes that processes may still take, where the system tells."""
    lines = _LINUX.read_text().splitlines() if _LINUX.is_file() else []
    found = [line.split()[1] for line in lines if line.startswith("MemAvailable:")]
    return 1024 * int(found[0]) if found else None


def _bytes(tensor: keras.KerasTensor) -> int:
    width = 2 if "16" in tensor.dtype else 1 if tensor.dtype == "uint8" else 4
    return width * int(np.prod(tensor.shape[1:]))
