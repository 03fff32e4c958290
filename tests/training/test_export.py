"""What LiteRT runs is what Keras trained, for every decoder and any number of rows."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from keras import ops
from numpy.typing import NDArray

from captioner.text import END, PAD, START, UNKNOWN
from captioner.training.decoders import Decoder
from captioner.training.export import SIGNATURES
from tests import tiny
from tests.training import small

TOLERANCE = 2e-3  # weights are float16


@pytest.fixture(scope="module", params=small.DECODERS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def encoder(name: str) -> keras.Model:
    return tiny.networks(name)[0]


@pytest.fixture(scope="module")
def decoder(name: str) -> Decoder:
    found: Decoder = tiny.networks(name)[1]
    return found


@pytest.fixture(scope="module")
def interpreter(name: str) -> Interpreter:
    return Interpreter(model_content=tiny.model(name))


@pytest.fixture(scope="module")
def picture() -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (1, tiny.SIZE, tiny.SIZE, 3), dtype=np.uint8)


def run(interpreter: Interpreter, signature: str, **inputs: Any) -> dict[str, NDArray[np.float32]]:
    outputs: dict[str, NDArray[np.float32]] = interpreter.get_signature_runner(signature)(**inputs)
    return outputs


def test_the_signatures_are_those_agreed_on(interpreter: Interpreter, decoder: Decoder) -> None:
    found = interpreter.get_signature_list()
    state, fixed = decoder.start(np.zeros((1, *decoder_regions(decoder)), np.float32))
    states, kept = {f"state_{key}" for key in state}, {f"fixed_{key}" for key in fixed}
    attention = {"attention"} if decoder.has_attention else set()

    assert set(found) == set(SIGNATURES)
    assert (found["encode"]["inputs"], found["encode"]["outputs"]) == (["image"], ["regions"])
    assert (found["start"]["inputs"], set(found["start"]["outputs"])) == (["regions"], states | kept)
    assert set(found["step"]["inputs"]) == {"word", *states, *kept}
    assert set(found["step"]["outputs"]) == {"log_probs", *states, *attention}


def decoder_regions(decoder: Decoder) -> tuple[int, int]:
    return (16 if decoder.has_attention else 1, tiny.CHANNELS)


def test_both_see_the_same(
    interpreter: Interpreter, encoder: keras.Model, picture: NDArray[np.uint8]
) -> None:
    found = run(interpreter, "encode", image=picture)["regions"]
    np.testing.assert_allclose(found, encoder(picture), atol=TOLERANCE, rtol=TOLERANCE)


@pytest.mark.parametrize("rows", [1, 5, 3])
def test_both_say_the_same(
    interpreter: Interpreter, encoder: keras.Model, decoder: Decoder, picture: NDArray[np.uint8], rows: int
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
