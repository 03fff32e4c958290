"""What LiteRT runs is what Keras trained, for every decoder and any number of rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from keras import ops
from numpy.typing import NDArray

from captioner.text import END, PAD, START, UNKNOWN
from captioner.training.export import SIGNATURES, export
from captioner.training.models import decoders
from captioner.training.models.decoders import Decoder, DecoderOptions
from captioner.training.models.ensemble import Ensemble
from tests import tiny
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
    found: Decoder | Ensemble = tiny_networks.networks(*which)[1]
    return found


@pytest.fixture(scope="module")
def interpreter(which: tuple[str, int]) -> Interpreter:
    return Interpreter(model_content=tiny_networks.model(*which))


@pytest.fixture(scope="module")
def picture() -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (1, tiny.SIZE, tiny.SIZE, 3), dtype=np.uint8)


def run(interpreter: Interpreter, signature: str, **inputs: Any) -> dict[str, NDArray[np.float32]]:
    outputs: dict[str, NDArray[np.float32]] = interpreter.get_signature_runner(signature)(**inputs)
    return outputs


def test_the_signatures_are_those_agreed_on(interpreter: Interpreter, decoder: Decoder | Ensemble) -> None:
    found = interpreter.get_signature_list()
    state, fixed = decoder.start(np.zeros((1, *decoder_regions(decoder)), np.float32))
    states, kept = {f"state_{key}" for key in state}, {f"fixed_{key}" for key in fixed}
    attention = {"attention"} if decoder.has_attention else set()

    assert set(found) == set(SIGNATURES)
    assert (found["encode"]["inputs"], found["encode"]["outputs"]) == (["image"], ["regions"])
    assert (found["start"]["inputs"], set(found["start"]["outputs"])) == (["regions"], states | kept)
    assert set(found["step"]["inputs"]) == {"word", *states, *kept}
    assert set(found["step"]["outputs"]) == {"log_probs", *states, *attention}


def decoder_regions(decoder: Decoder | Ensemble) -> tuple[int, int]:
    return (16 if decoder.has_attention else 1, tiny.CHANNELS)


def test_both_see_the_same(
    interpreter: Interpreter, encoder: keras.Model, picture: NDArray[np.uint8]
) -> None:
    found = run(interpreter, "encode", image=picture)["regions"]
    np.testing.assert_allclose(found, encoder(picture), atol=TOLERANCE, rtol=TOLERANCE)


@pytest.mark.parametrize("rows", [1, 5, 3])
def test_both_say_the_same(
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
    state, kept = decoder.start(regions)
    state = {key: ops.repeat(value[:, None], rows, axis=1) for key, value in state.items()}
    said = np.random.default_rng(rows).integers(
        UNKNOWN + 1, decoder.vocabulary_size, (4, rows), dtype=np.int32
    )
    for words in (np.full(rows, START, np.int32), *said):
        outputs = run(interpreter, "step", word=words, **lite, **fixed)
        logits, state, attention = decoder.step(words[None], state, kept)
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


def test_eight_bits_say_nearly_the_same_in_less_space(picture: NDArray[np.uint8], tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    encoder = tiny_networks.networks("attention")[0]
    decoder = decoders.build(DecoderOptions(units=128), np.zeros(800, np.float32), encoder.output_shape[1:])
    found, sizes = {}, {}
    for bits in (16, 8):
        path = tmp_path / f"{bits}.tflite"
        export(encoder, decoder, path, bits)
        interpreter = Interpreter(model_content=path.read_bytes())
        begun = run(interpreter, "start", regions=run(interpreter, "encode", image=picture)["regions"])
        said = run(interpreter, "step", word=np.array([START], np.int32), **begun)
        found[bits], sizes[bits] = np.exp(said["log_probs"]), len(path.read_bytes())

    assert sizes[8] < 0.75 * sizes[16]  # not half: the embedding is there twice, rounded in two ways
    assert 0 < np.abs(found[8] - found[16]).sum() < 0.1


@pytest.mark.parametrize("name", small.DECODERS)
def test_the_models_of_the_other_tests_are_what_is_exported_today(
    name: str, picture: NDArray[np.uint8]
) -> None:
    """Else: ``python -m tests.training.tiny_networks``."""
    kept, made = (Interpreter(model_content=file) for file in (tiny.model(name), tiny_networks.model(name)))
    assert kept.get_signature_list() == made.get_signature_list()
    inputs: dict[str, NDArray[Any]] = {"image": picture}
    for signature in SIGNATURES:
        expected = run(made, signature, **inputs)
        found = run(kept, signature, **inputs)
        for output, value in expected.items():
            np.testing.assert_allclose(found[output], value, TOLERANCE, TOLERANCE, err_msg=output)
        inputs = {**expected, "word": np.array([START], np.int32)} if signature == "start" else expected
