"""Tiny bundles: real ones that LiteRT runs, and parts that are none. Nothing here needs TensorFlow."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

from captioner import bundle as bundles
from captioner.bundle import Bundle, Config
from captioner.text import SPECIALS

WORDS = (
    "a",
    "the",
    "dog",
    "cat",
    "man",
    "woman",
    "ball",
    "runs",
    "plays",
    "with",
    "in",
    "on",
    "red",
    "grass",
    "two",
)
SIZE, CHANNELS, UNITS = 32, 8, 16  # pixels, channels, units
MODELS = Path(__file__).parent / "fixtures" / "models"


def config(**changes: Any) -> Config:
    """A valid configuration of the tiny model."""
    fields: dict[str, Any] = {
        "recipe": "tiny",
        "encoder": "one convolution",
        "decoder": "attention",
        "members": 1,
        "image_size": SIZE,
        "grid": (4, 4),
        "pretrained": False,
        "mirror": False,
        "attention": True,
        "tokenizer": "captioner",
        "split": "official",
        "beams": 3,
        "alpha": 0.7,
        "max_words": 8,
        "versions": {"keras": "3"},
        "data": "0" * 64,
        "seed": 0,
        "created": "2026-01-01",
    }
    return Config(**fields | changes)


def files(config: Config, model: bytes = b"not a model") -> dict[str, bytes | str | Path]:
    """What ``bundle.write`` needs at least."""
    return {
        "config.json": json.dumps(config.to_json()),
        "captioner.tflite": model,
        "vocabulary.json": json.dumps([*SPECIALS, *WORDS]),
    }


def whole(folder: Path) -> Bundle:
    """A bundle with every kind of file in it; its model is none."""
    texts = {
        "metrics.json": '{"cider": 0.5}',
        "dataset.json": "{}",
        "familiar.json": "{}",
        "beside.json": '{"rows": []}',
        "README.md": "# A card\n",
    }
    history = "epoch,phase,loss,val_loss,cider\n1,fit,4.5,4.25,\n2,fit,3.5,nan,0.5\n"
    tables = {"history.csv": history, "predictions.csv": 'image,caption,log_prob\na.jpg,"2",-3.5\n'}
    return bundles.write(folder, files(config()) | texts | tables | {"samples/a.jpg": b"a picture"})


def bundle(folder: Path, decoder: str = "attention", **changes: Any) -> Bundle:
    """A real bundle with random weights, always the same; the decoder is one that training offers."""
    looks = decoder == "attention"
    settings = config(
        **{"decoder": decoder, "attention": looks, "grid": (4, 4) if looks else (1, 1)} | changes
    )
    return bundles.write(folder, files(settings, model(decoder)))


@functools.cache
def model(decoder: str) -> bytes:
    """The LiteRT file of a tiny model, as tests/training/tiny_networks.py made it."""
    return (MODELS / f"{decoder}.tflite").read_bytes()
