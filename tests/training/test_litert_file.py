"""captioner.training.litert_file: the file keeps its results, and loses what it holds twice."""

from __future__ import annotations

import functools
import tempfile
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from captioner.training import litert_file

WORDS, UNITS = 300, 64
EMBEDDING = np.random.default_rng(0).normal(size=(WORDS, UNITS)).astype(np.float32)
EMBEDDING *= np.linspace(0.1, 3, WORDS, dtype=np.float32)[
    :, None
]  # so that one scale for all is a coarse one


@functools.cache
def to_litert(**signatures: Any) -> bytes:
    """A LiteRT file with 8-bit weights; each signature is a function of ids int[N] or float[N, UNITS]."""
    module = tf.Module()
    for name, (function, spec) in signatures.items():
        setattr(module, name, tf.function(function, input_signature=[tf.TensorSpec(*spec, name="x")]))
    with tempfile.TemporaryDirectory() as folder:
        functions = {name: getattr(module, name) for name in signatures}
        tf.saved_model.save(module, folder, signatures=functions)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=list(signatures))
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        return bytes(converter.convert())


def tied(x: tf.Tensor) -> dict[str, tf.Tensor]:
    """Look ids up, and score all words by the same embedding."""
    rows = tf.gather(tf.constant(EMBEDDING), x)
    return {"rows": rows + 0.0, "logits": tf.matmul(rows, tf.constant(EMBEDDING), transpose_b=True)}


def doubled(x: tf.Tensor) -> dict[str, tf.Tensor]:
    return {"twice": 2.0 * x}


def halved(x: tf.Tensor) -> dict[str, tf.Tensor]:
    return {"twice": 0.5 * x}


IDS, VECTORS = ((None,), tf.int32), ((None, UNITS), tf.float32)


def run(model: bytes, signature: str, x: NDArray[Any]) -> dict[str, NDArray[Any]]:
    runner = Interpreter(model_content=model).get_signature_runner(signature)
    return dict(runner(x=x))


def signatures(model: bytes) -> set[str]:
    return set(Interpreter(model_content=model).get_signature_list())


@pytest.fixture(scope="module")
def model() -> bytes:
    return to_litert(look_up=(tied, IDS))


def test_a_tied_embedding_is_stored_once(model: bytes) -> None:
    saved = len(model) - len(litert_file.share_embeddings(model))
    assert saved > 0.8 * EMBEDDING.size


def test_a_shared_embedding_is_at_least_as_exact(model: bytes) -> None:
    ids = np.array([0, 7, WORDS - 1, 7], np.int32)
    errors = [
        np.abs(run(file, "look_up", ids)["rows"] - EMBEDDING[ids]).max(axis=1)
        for file in (model, litert_file.share_embeddings(model))
    ]
    assert (errors[1] <= errors[0] + 1e-6).all()
    assert errors[1][0] < 0.2 * errors[0][0]  # of a word whose weights are small


@pytest.mark.parametrize("rows", [1, 2, 9])
def test_scores_stay_those_of_the_embedding_for_any_number_of_rows(model: bytes, rows: int) -> None:
    ids = np.arange(rows, dtype=np.int32) * 31
    logits = run(litert_file.share_embeddings(model), "look_up", ids)["logits"]
    expected = EMBEDDING[ids] @ EMBEDDING.T
    assert np.abs(logits - expected).max() < 0.02 * np.abs(expected).max()


def test_a_file_without_a_tied_embedding_keeps_its_results() -> None:
    file = to_litert(double=(doubled, VECTORS))
    vectors = np.ones((2, UNITS), np.float32)
    assert (run(litert_file.share_embeddings(file), "double", vectors)["twice"] == 2).all()


def test_signatures_of_two_files_work_side_by_side(model: bytes) -> None:
    both = litert_file.add_signatures(model, to_litert(double=(doubled, VECTORS)))
    ids, vectors = np.array([3, 5], np.int32), np.ones((2, UNITS), np.float32)
    assert signatures(both) == {"look_up", "double"}
    assert (run(both, "double", vectors)["twice"] == 2).all()
    for name, values in run(model, "look_up", ids).items():
        np.testing.assert_array_equal(run(both, "look_up", ids)[name], values)


def test_a_signature_of_the_same_name_is_replaced(model: bytes) -> None:
    once = litert_file.add_signatures(model, to_litert(double=(doubled, VECTORS)))
    twice = litert_file.add_signatures(once, to_litert(double=(halved, VECTORS)))
    assert signatures(twice) == {"look_up", "double"}
    assert (run(twice, "double", np.ones((1, UNITS), np.float32))["twice"] == 0.5).all()
    assert len(twice) < len(once) + 1000


def test_a_signature_in_the_middle_cannot_be_replaced() -> None:
    file = to_litert(double=(doubled, VECTORS), halve=(halved, VECTORS))
    with pytest.raises(ValueError, match="not the last"):
        litert_file.add_signatures(file, to_litert(double=(halved, VECTORS)))
