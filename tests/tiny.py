"""Tiny bundles: some that LiteRT runs, some whose model is no model. Nothing here needs TensorFlow."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

from captioner.bundle import ratings
from captioner.bundle import storage as bundles
from captioner.bundle.storage import Bundle, Config
from captioner.feedback.rating import Tally
from captioner.feedback.summary import summarize
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
COLUMNS = "image,caption,log_prob,score,bleu4,rouge_l,cider"  # of predictions.csv
SCORES = {"bleu1": 0.6, "bleu2": 0.4, "bleu3": 0.3, "bleu4": 0.2, "rouge_l": 0.45, "cider": 0.512}
CONDITIONS: dict[str, Any] = {
    "split_name": "official",
    "split": "test",
    "images": 1000,
    "tokenizer": "captioner",
    "beams": 3,
    "length_penalty": 0.7,
    "max_words": 20,
}
METRICS: dict[str, Any] = {
    **CONDITIONS,
    "scores": SCORES,
    "cider_interval": [0.48, 0.54],
    "constant_baseline": SCORES | {"cider": 0.055},
    "human_baseline": SCORES | {"cider": 0.82},
    "distinct_captions": 700,
    "words_used": 300,
    "verbatim_share": 0.1,
    "repeated_ngrams_share": 0.0,
    "incomplete_share": 0.0,
    "seconds_per_image": 0.06,
    "command": "python -m captioner evaluate",
}
DATASET: dict[str, Any] = {
    "name": "Flickr8k",
    "split_name": "official",
    "images": {"train": 6000, "dev": 1000, "test": 1000},
    "captions": {"train": 30000, "dev": 5000, "test": 5000},
    "caption_lengths": {"2": 15, "10": 3309},
    "words": {
        "tokens": 9000,
        "distinct": 7628,
        "vocabulary_size": 2519,
        "min_count": 4,
        "most_common": [["a", 4678]],
    },
}
BASELINE: dict[str, Any] = {
    "recipe": "other",
    "encoder": "one convolution",
    "decoder": "merge",
    "phases": ["decoder"],
    "megabytes": 32.1,
    "training_hours": 0.1,
    **CONDITIONS,
    "scores": SCORES | {"cider": 0.4},
    "seconds_per_image": 0.06,
}
DOCUMENT_FREQUENCIES: dict[str, Any] = {"images": 6000, "min_images": 5, "ngrams": {"a": 5900, "a dog": 700}}
NOVELTY: dict[str, Any] = {
    "centroids": [[1000, *[0] * (CHANNELS - 1)]],
    "threshold": 0.5,
    "split_name": "official",
    "split": "test",
    "images": 1000,
    "false_positives": 11,
    "detected": {"noise": [40, 40], "charts": [39, 40], "negatives": [0, 40]},
}
CALIBRATOR: dict[str, Any] = {
    "intercept": 0.5,
    "weights": {"logit": 1.0},
    "bins": [
        {"predicted": 0.25, "observed": 0.2, "count": 500},
        {"predicted": 0.75, "observed": 0.8, "count": 500},
    ],
    "expected_calibration_error": 0.05,
    "auc": 0.7,
    "mean_right": 0.6,
    "mean_wrong": 0.4,
    "human_share": 0.6,
}
CALIBRATION: dict[str, Any] = {
    "split_name": "official",
    "fitted_images": 1000,
    "split": "test",
    "images": 1000,
    "options": {"beams": 3, "length_penalty": 0.7, "max_words": 8, "top_p": 0.9, "samples": 0},
    "words": CALIBRATOR,
    "captions": CALIBRATOR | {"weights": {"log_prob": 0.3}},
    "command": "python -m captioner evaluate --write",
}
RATINGS: dict[str, Any] = {
    "checksums": ["f" * 64],
    "beams": 3,
    "length_penalty": 0.7,
    "max_words": 8,
    "samples": 0,
    "right": {"count": 60, "interval": [0.5, 0.7]},
    "partly": {"count": 30, "interval": [0.2, 0.4]},
    "wrong": {"count": 10, "interval": [0.05, 0.2]},
    "captions": 50,
    "rated_by": "the makers of *this* demo",
    "ids": [f"r{'0' * 31}"],
}


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
        "horizontal_flip": False,
        "attention": True,
        "tokenizer": "captioner",
        "split_name": "official",
        "beams": 3,
        "length_penalty": 0.7,
        "max_words": 8,
        "versions": {"keras": "3"},
        "data_fingerprint": "0" * 64,
        "seed": 0,
        "created": "2026-01-01",
    }
    return Config(**fields | changes)


def required_files(config: Config, model: bytes = b"not a model") -> dict[str, bytes | str | Path]:
    """The files that every bundle must have."""
    return {
        "config.json": json.dumps(config.to_json()),
        "captioner.tflite": model,
        "vocabulary.json": json.dumps([*SPECIALS, *WORDS]),
    }


def full_bundle(folder: Path) -> Bundle:
    """A bundle with every kind of file; its model file is no model."""
    texts = {
        "metrics.json": json.dumps(METRICS),
        "dataset.json": json.dumps(DATASET),
        "novelty.json": json.dumps(NOVELTY),
        "calibration.json": json.dumps(CALIBRATION),
        "document_frequencies.json": json.dumps(DOCUMENT_FREQUENCIES),
        "baselines.json": json.dumps({"baselines": [BASELINE]}),
        "ratings.json": json.dumps(RATINGS),
        "README.md": "# A card\n",
    }
    history = "epoch,phase,loss,val_loss,cider\n1,fit,4.5,4.25,\n2,fit,3.5,nan,0.5\n"
    predictions = f'{COLUMNS}\na.jpg,"2",-3.5,-1.5,0.25,0.5,1.5\n'
    tables = {"history.csv": history, "predictions.csv": predictions}
    return bundles.write(folder, required_files(config()) | texts | tables | {"examples/a.jpg": b"a picture"})


def rated(bundle: Bundle) -> Bundle:
    """The same bundle with a ratings.json: it has another checksum, and is known by the former, too."""
    summary = summarize(bundle, [Tally(bundle.checksum, "0.jpg", "a dog", "right", 1)])
    return bundles.replace(bundle.folder, {"ratings.json": ratings.to_json(summary)})


def runnable_bundle(folder: Path, decoder: str = "attention", **changes: Any) -> Bundle:
    """A real bundle with random weights, always the same; the decoder is one that training offers."""
    attends = decoder == "attention"
    settings = config(
        **{"decoder": decoder, "attention": attends, "grid": (4, 4) if attends else (1, 1)} | changes
    )
    return bundles.write(folder, required_files(settings, litert_model(decoder)))


@functools.cache
def litert_model(decoder: str) -> bytes:
    """The LiteRT file of a tiny model, as tests/training/tiny_networks.py made it."""
    return (MODELS / f"{decoder}.tflite").read_bytes()
