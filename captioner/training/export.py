"""A trained model → a bundle: a LiteRT file with three signatures, and the files that describe it.

encode  image uint8[1, S, S, 3]                    → regions float[1, R, C]
start   regions                                    → state_* float[1, U], fixed_* float[1, …]
step    word int32[N], state_* [N, U], fixed_*     → log_probs float[N, V], state_*, attention float[N, R]

It imports TensorFlow, which only the modules that write LiteRT files may.
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from captioner.bundle import storage
from captioner.bundle.manifest import DOCUMENT_FREQUENCIES, MODEL
from captioner.bundle.storage import Config
from captioner.data.datasets import Dataset
from captioner.evaluation import document_frequencies
from captioner.inference.decoding import DecodingOptions
from captioner.inference.litert_model import SIGNATURES
from captioner.text import SPECIALS, TOKENIZERS
from captioner.training import litert_file
from captioner.training.models.decoders import Decoder
from captioner.training.recipes import Recipe
from captioner.training.runner import TrainingResult

LIBRARIES = ("keras", "tensorflow", "numpy", "pillow")  # whose versions config.json names
MAX_WORDS_LISTED = 500  # in dataset.json


def write_bundle(recipe: Recipe, trained: TrainingResult, dataset: Dataset, seed: int, run: Path) -> Path:
    """Write the bundle, still without scores, inside the run's folder; returns the bundle's folder."""
    model, folder = run / MODEL, run / "bundle"
    write_litert(trained.encoder, trained.decoder, model, recipe.weight_bits)
    described = describing_files(recipe, trained, dataset, seed)
    storage.write(folder, {**described, MODEL: model, "history.csv": run / "history.csv"})
    return folder


def describing_files(
    recipe: Recipe, trained: TrainingResult, dataset: Dataset, seed: int
) -> dict[str, str | bytes]:
    """config.json, vocabulary.json, dataset.json and document_frequencies.json by their names."""
    captions, tokenizer = dataset.splits["train"].values(), TOKENIZERS[recipe.tokenizer]
    frequencies = document_frequencies.table(captions, tokenizer, trained.vocabulary)
    return {
        "config.json": _json(_config(recipe, trained, dataset, seed).to_json()),
        "vocabulary.json": _json(list(trained.vocabulary.words)),
        "dataset.json": _json(dataset_statistics(recipe, trained, dataset)),
        DOCUMENT_FREQUENCIES: document_frequencies.to_json(frequencies),
    }


def dataset_statistics(recipe: Recipe, trained: TrainingResult, dataset: Dataset) -> dict[str, Any]:
    """Split sizes, caption lengths in words and word counts; lengths and counts are of the training split."""
    tokenizer = TOKENIZERS[recipe.tokenizer]
    counts: Counter[str] = Counter()
    lengths: Counter[int] = Counter()
    for captions in dataset.splits["train"].values():
        for sentence in map(tokenizer, captions):
            counts.update(sentence)
            lengths[len(sentence)] += 1
    return {
        "name": dataset.name,
        "split_name": dataset.split_name,
        "images": {split: len(images) for split, images in dataset.splits.items()},
        "captions": {split: sum(map(len, images.values())) for split, images in dataset.splits.items()},
        "caption_lengths": {str(length): lengths[length] for length in sorted(lengths)},
        "words": {
            "tokens": sum(counts.values()),
            "distinct": len(counts),
            "vocabulary_size": len(trained.vocabulary) - len(SPECIALS),
            "min_count": recipe.min_count,
            "most_common": [[word, count] for word, count in counts.most_common(MAX_WORDS_LISTED)],
        },
    }


def _config(recipe: Recipe, trained: TrainingResult, dataset: Dataset, seed: int) -> Config:
    decoding = DecodingOptions(beams=recipe.beams, samples=recipe.samples)
    return Config(
        recipe=recipe.name,
        encoder=recipe.encoder.label,
        decoder=recipe.decoder.name,
        members=recipe.decoder.members,
        image_size=recipe.encoder.size,
        grid=trained.grid,
        pretrained=recipe.encoder.pretrained,
        horizontal_flip=recipe.horizontal_flip,
        attention=trained.decoder.has_attention,
        tokenizer=recipe.tokenizer,
        split_name=recipe.split_name,
        beams=decoding.beams,
        length_penalty=decoding.length_penalty,
        max_words=decoding.max_words,
        samples=decoding.samples,
        versions={name: version(name) for name in LIBRARIES},
        data_fingerprint=dataset.fingerprint,
        seed=seed,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def write_litert(encoder: keras.Model, decoder: Decoder, path: Path, weight_bits: int = 16) -> None:
    """Write encoder and decoder, in inference mode, as one LiteRT file.

    Keras must run on the TensorFlow backend, in float32.

    Args:
        weight_bits: 16 for float16; 8 for LiteRT's dynamic range quantisation: integers with a scale for each
            channel, multiplied by activations that are rounded to 8 bits while it runs.
    """
    state, fixed = _shapes(encoder, decoder)
    with tempfile.TemporaryDirectory() as folder:
        _save(encoder, decoder, state, fixed, folder)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=list(SIGNATURES))
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if weight_bits == 16:
            converter.target_spec.supported_types = [tf.float16]
        path.write_bytes(litert_file.share_embeddings(converter.convert()))


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
    """Write a SavedModel with one endpoint for each signature, whose variables the archive finds."""

    def start(regions: Any) -> dict[str, Any]:
        initial, constant = decoder.start(regions)
        return {**_prefixed("state", initial), **_prefixed("fixed", constant)}

    def step(inputs: dict[str, Any]) -> dict[str, Any]:
        rows = {name: ops.expand_dims(inputs[f"state_{name}"], 0) for name in state}
        constant = {name: inputs[f"fixed_{name}"] for name in fixed}
        word = ops.expand_dims(inputs["word"], 0)
        logits, next_state, attention = decoder.step(word, rows, constant)
        outputs = {
            "log_probs": ops.log_softmax(logits, axis=-1)[0],
            **_prefixed("state", {k: v[0] for k, v in next_state.items()}),
        }
        return outputs if attention is None else {**outputs, "attention": attention[0]}

    size, regions = encoder.input_shape[1], encoder.output_shape[1:]
    inputs = {"word": tf.TensorSpec((None,), tf.int32, name="word")}
    inputs |= {
        f"state_{k}": tf.TensorSpec((None, *v), tf.float32, name=f"state_{k}") for k, v in state.items()
    }
    inputs |= {f"fixed_{k}": tf.TensorSpec((1, *v), tf.float32, name=f"fixed_{k}") for k, v in fixed.items()}
    archive = keras.export.ExportArchive()
    archive.add_endpoint(
        "encode",
        lambda image: {"regions": encoder(image, training=False)},
        [tf.TensorSpec((1, size, size, 3), tf.uint8, name="image")],
    )
    archive.add_endpoint("start", start, [tf.TensorSpec((1, *regions), tf.float32, name="regions")])
    archive.add_endpoint("step", step, [inputs])
    archive.write_out(folder, verbose=False)


def _prefixed(prefix: str, values: dict[str, Any]) -> dict[str, Any]:
    return {f"{prefix}_{name}": value for name, value in values.items()}


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"
