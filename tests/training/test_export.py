"""What LiteRT runs is what Keras trained, and what a bundle says about its making is true."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from keras import ops
from numpy.typing import NDArray

from captioner.bundle import storage
from captioner.bundle.manifest import DOCUMENT_FREQUENCIES
from captioner.bundle.schema import Config
from captioner.data.datasets import Dataset
from captioner.evaluation import document_frequencies
from captioner.inference import captioner
from captioner.inference.decoding import DecodingOptions
from captioner.inference.litert_model import SIGNATURES
from captioner.inference.reranking import DocumentFrequencies
from captioner.text import END, PAD, SPECIALS, START, UNKNOWN, Vocabulary, kaggle_words, words
from captioner.training import export, runner
from captioner.training.models import decoders
from captioner.training.models.decoders import Decoder, DecoderOptions
from captioner.training.models.ensemble import Ensemble
from captioner.training.recipes import RECIPES
from captioner.training.runner import TrainingResult
from tests import tiny, tiny_flickr8k
from tests.tiny_flickr8k import captions
from tests.training import small, tiny_networks

TOLERANCE = 2e-3  # weights are float16


@pytest.fixture(scope="module", params=[(name, members) for name in small.DECODERS for members in (1, 2)])
def which(request: pytest.FixtureRequest) -> tuple[str, int]:
    """The decoder's name, and how many of it caption together."""
    name, members = request.param
    return name, members


@pytest.fixture(scope="module")
def encoder(which: tuple[str, int]) -> keras.Model:
    return tiny_networks.networks(*which)[0]


@pytest.fixture(scope="module")
def decoder(which: tuple[str, int]) -> Decoder | Ensemble:
    actual: Decoder | Ensemble = tiny_networks.networks(*which)[1]
    return actual


@pytest.fixture(scope="module")
def interpreter(which: tuple[str, int]) -> Interpreter:
    return Interpreter(model_content=tiny_networks.model(*which))


@pytest.fixture(scope="module")
def picture() -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (1, tiny.SIZE, tiny.SIZE, 3), dtype=np.uint8)


def run(interpreter: Interpreter, signature: str, **inputs: Any) -> dict[str, NDArray[np.float32]]:
    outputs: dict[str, NDArray[np.float32]] = interpreter.get_signature_runner(signature)(**inputs)
    return outputs


def test_the_signatures_have_the_agreed_names_and_shapes(
    interpreter: Interpreter, decoder: Decoder | Ensemble
) -> None:
    actual = interpreter.get_signature_list()
    state, fixed = decoder.start(np.zeros((1, *decoder_regions(decoder)), np.float32))
    states, committed = {f"state_{key}" for key in state}, {f"fixed_{key}" for key in fixed}
    attention = {"attention"} if decoder.has_attention else set()

    assert set(actual) == set(SIGNATURES)
    assert (actual["encode"]["inputs"], actual["encode"]["outputs"]) == (["image"], ["regions"])
    assert (actual["start"]["inputs"], set(actual["start"]["outputs"])) == (["regions"], states | committed)
    assert set(actual["step"]["inputs"]) == {"word", *states, *committed}
    assert set(actual["step"]["outputs"]) == {"log_probs", *states, *attention}


def decoder_regions(decoder: Decoder | Ensemble) -> tuple[int, int]:
    return (16 if decoder.has_attention else 1, tiny.CHANNELS)


def test_both_encode_alike(
    interpreter: Interpreter, encoder: keras.Model, picture: NDArray[np.uint8]
) -> None:
    actual = run(interpreter, "encode", image=picture)["regions"]
    np.testing.assert_allclose(actual, encoder(picture), atol=TOLERANCE, rtol=TOLERANCE)


@pytest.mark.parametrize("rows", [1, 5, 3])
def test_both_give_the_same_log_probs(
    interpreter: Interpreter,
    encoder: keras.Model,
    decoder: Decoder | Ensemble,
    picture: NDArray[np.uint8],
    rows: int,
) -> None:
    """Several words, each after the state that LiteRT itself came to."""
    regions = np.asarray(encoder(picture))
    begun = run(interpreter, "start", regions=regions)
    fixed = {key: value for key, value in begun.items() if key.startswith("fixed_")}
    lite = {key: np.repeat(value, rows, axis=0) for key, value in begun.items() if key not in fixed}
    state, committed = decoder.start(regions)
    state = {key: ops.repeat(value[:, None], rows, axis=1) for key, value in state.items()}
    words_chosen = np.random.default_rng(rows).integers(
        UNKNOWN + 1, decoder.vocabulary_size, (4, rows), dtype=np.int32
    )
    for ids in (np.full(rows, START, np.int32), *words_chosen):
        outputs = run(interpreter, "step", word=ids, **lite, **fixed)
        logits, state, attention = decoder.step(ids[None], state, committed)
        expected = np.asarray(ops.log_softmax(logits))[0]
        lite = {key: value for key, value in outputs.items() if key.startswith("state_")}
        sayable = [END, *range(UNKNOWN + 1, decoder.vocabulary_size)]

        np.testing.assert_allclose(
            outputs["log_probs"][:, sayable], expected[:, sayable], TOLERANCE, TOLERANCE
        )
        assert outputs["log_probs"][:, [PAD, START, UNKNOWN]].max() < -1000
        np.testing.assert_allclose(np.exp(outputs["log_probs"]).sum(axis=1), 1, rtol=1e-4)
        for key, value in state.items():
            np.testing.assert_allclose(lite[f"state_{key}"], np.asarray(value)[0], atol=TOLERANCE)
        if attention is not None:
            np.testing.assert_allclose(outputs["attention"], np.asarray(attention)[0], atol=TOLERANCE)


def test_eight_bits_give_nearly_the_same_in_less_space(picture: NDArray[np.uint8], tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    encoder = tiny_networks.networks("attention", 1)[0]
    decoder = decoders.build(DecoderOptions(units=128), np.zeros(800, np.float32), encoder.output_shape[1:])
    actual, sizes = {}, {}
    for bits in (16, 8):
        path = tmp_path / f"{bits}.tflite"
        export.write_litert(encoder, decoder, path, bits)
        interpreter = Interpreter(model_content=path.read_bytes())
        begun = run(interpreter, "start", regions=run(interpreter, "encode", image=picture)["regions"])
        words_chosen = run(interpreter, "step", word=np.array([START], np.int32), **begun)
        actual[bits], sizes[bits] = np.exp(words_chosen["log_probs"]), len(path.read_bytes())

    assert sizes[8] < 0.75 * sizes[16]  # not half: the embedding is there twice, rounded in two ways
    assert 0 < np.abs(actual[8] - actual[16]).sum() < 0.1


@pytest.mark.parametrize("name", small.DECODERS)
def test_the_models_of_the_other_tests_are_what_is_exported_today(
    name: str, picture: NDArray[np.uint8]
) -> None:
    """Else: ``python -m tests.training.tiny_networks``."""
    committed, exported = (
        Interpreter(model_content=file) for file in (tiny.litert_model(name), tiny_networks.model(name, 1))
    )
    assert committed.get_signature_list() == exported.get_signature_list()
    inputs: dict[str, NDArray[Any]] = {"image": picture}
    for signature in SIGNATURES:
        expected = run(exported, signature, **inputs)
        actual = run(committed, signature, **inputs)
        for output, value in expected.items():
            np.testing.assert_allclose(actual[output], value, TOLERANCE, TOLERANCE, err_msg=output)
        inputs = {**expected, "word": np.array([START], np.int32)} if signature == "start" else expected


def trained(name: str, vocabulary: Vocabulary) -> TrainingResult:
    decoder = small.decoder(len(vocabulary), name)
    return TrainingResult(small.encoder(), decoder, vocabulary, (2, 2) if name == "attention" else (1, 1), [])


@pytest.mark.parametrize("name", ["attention", "inject", "merge"])
def test_the_describing_files_are_those_that_a_bundle_takes(
    name: str, tiny_dataset: Dataset, kaggle_dataset: Dataset, tmp_path: Path
) -> None:
    recipe = RECIPES[name]
    dataset = kaggle_dataset if recipe.split_name == "kaggle" else tiny_dataset
    vocabulary = runner.build_vocabulary(recipe, dataset)
    files = export.describing_files(recipe, trained(name, vocabulary), dataset, seed=3)
    sealed = storage.write(tmp_path / "artifacts", {**files, "captioner.tflite": b"a model"})
    config, options = sealed.config, DecodingOptions(beams=recipe.beams, samples=recipe.samples)

    assert (config.recipe, config.decoder, config.encoder) == (name, recipe.decoder.name, recipe.encoder.name)
    assert (config.split_name, config.tokenizer, config.seed) == (recipe.split_name, recipe.tokenizer, 3)
    assert (config.attention, config.grid) == ((True, (2, 2)) if name == "attention" else (False, (1, 1)))
    assert config.image_size == recipe.encoder.size
    assert config.data_fingerprint == dataset.fingerprint
    assert captioner.default_options(config) == options
    assert {"keras", "tensorflow"} <= set(config.versions)
    assert abs((datetime.now().astimezone() - datetime.fromisoformat(config.created)).total_seconds()) < 3600
    assert sealed.vocabulary == vocabulary
    assert sealed.record(DOCUMENT_FREQUENCIES, DocumentFrequencies) == document_frequencies.count(
        sealed, dataset
    )
    assert Config.from_json(json.loads(files["config.json"])) == config


def test_the_statistics_are_those_of_the_training_split(
    tiny_dataset: Dataset, vocabulary: Vocabulary
) -> None:
    recipe = replace(RECIPES["attention"], min_count=1)
    actual = export.dataset_statistics(recipe, trained("attention", vocabulary), tiny_dataset)
    words_chosen = [words(caption) for number in range(8) for caption in captions(number)]

    assert actual["name"] == tiny_dataset.name == "Flickr8k"
    assert actual["images"] == {"train": 8, "dev": 4, "test": 4}
    assert actual["captions"] == {"train": 40, "dev": 20, "test": 20}
    assert sum(actual["caption_lengths"].values()) == 40
    assert sum(int(length) * count for length, count in actual["caption_lengths"].items()) == sum(
        map(len, words_chosen)
    )
    assert actual["words"]["tokens"] == sum(map(len, words_chosen))
    assert (
        actual["words"]["distinct"] == actual["words"]["vocabulary_size"] == len(vocabulary) - len(SPECIALS)
    )
    assert dict(actual["words"]["most_common"])["ball"] == sum(line.count("ball") for line in words_chosen)
    assert actual["words"]["most_common"][0][0] == vocabulary.words[len(SPECIALS)]


def test_words_are_counted_by_the_recipes_tokeniser(kaggle_dataset: Dataset, vocabulary: Vocabulary) -> None:
    actual = export.dataset_statistics(RECIPES["inject"], trained("inject", vocabulary), kaggle_dataset)
    words_chosen = [kaggle_words(c) for number in range(14) for c in tiny_flickr8k.captions(number)]

    assert actual["words"]["tokens"] == sum(map(len, words_chosen))
    assert "a" not in dict(actual["words"]["most_common"])
