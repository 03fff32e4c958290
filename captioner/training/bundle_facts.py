"""What a bundle says about how it was made: config.json, vocabulary.json and dataset.json as text."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from captioner.bundle import storage
from captioner.bundle.storage import Config
from captioner.data.flickr8k import Dataset
from captioner.inference.decoding import DecodingOptions
from captioner.text import SPECIALS, TOKENIZERS
from captioner.training import export
from captioner.training.recipes import Recipe
from captioner.training.runner import TrainingResult

LIBRARIES = ("keras", "tensorflow", "numpy", "pillow")
COMMONEST = 500  # words listed in dataset.json


def write(recipe: Recipe, trained: TrainingResult, dataset: Dataset, seed: int, run: Path) -> Path:
    """Write the bundle, still without scores, inside the run's folder; returns its folder."""
    model, folder = run / "captioner.tflite", run / "bundle"
    export.export(trained.encoder, trained.decoder, model, recipe.weight_bits)
    described = files(recipe, trained, dataset, seed)
    storage.write(folder, {**described, "captioner.tflite": model, "history.csv": run / "history.csv"})
    return folder


def files(recipe: Recipe, trained: TrainingResult, dataset: Dataset, seed: int) -> dict[str, str]:
    """Name → text of each file."""
    return {
        "config.json": _json(_config(recipe, trained, dataset, seed).to_json()),
        "vocabulary.json": _json(list(trained.vocabulary.words)),
        "dataset.json": _json(facts(recipe, trained, dataset)),
    }


def facts(recipe: Recipe, trained: TrainingResult, dataset: Dataset) -> dict[str, Any]:
    """Split sizes, caption lengths in words and word counts; lengths and counts are of the training split."""
    cut = TOKENIZERS[recipe.tokenizer]
    sentences = [cut(caption) for captions in dataset.splits["train"].values() for caption in captions]
    counts = Counter(word for sentence in sentences for word in sentence)
    lengths = Counter(len(sentence) for sentence in sentences)
    return {
        "name": "Flickr8k",
        "split_name": dataset.name,
        "images": {split: len(found) for split, found in dataset.splits.items()},
        "captions": {split: sum(map(len, found.values())) for split, found in dataset.splits.items()},
        "caption_lengths": {str(length): lengths[length] for length in sorted(lengths)},
        "words": {
            "tokens": sum(counts.values()),
            "distinct": len(counts),
            "vocabulary_size": len(trained.vocabulary) - len(SPECIALS),
            "min_count": recipe.min_count,
            "most_common": [[word, count] for word, count in counts.most_common(COMMONEST)],
        },
    }


def _config(recipe: Recipe, trained: TrainingResult, dataset: Dataset, seed: int) -> Config:
    decoding = DecodingOptions()
    return Config(
        recipe=recipe.name,
        encoder=recipe.encoder.label,
        decoder=recipe.decoder.name,
        members=recipe.decoder.members,
        image_size=recipe.encoder.size,
        grid=trained.grid,
        pretrained=recipe.encoder.pretrained,
        horizontal_flip=recipe.mirror,
        attention=trained.decoder.has_attention,
        tokenizer=recipe.tokenizer,
        split_name=recipe.split,
        beams=decoding.beams,
        length_penalty=decoding.length_penalty,
        max_words=decoding.max_words,
        versions={name: version(name) for name in LIBRARIES},
        data_fingerprint=dataset.fingerprint,
        seed=seed,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"
