"""The tiny training split as vocabulary and targets; tests must not change them.

Keras is imported inside the fixtures: pytest-xdist's main process runs no test but reads this file, too, and
would need seconds for the import before any worker starts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from captioner.data.datasets import Dataset
from captioner.text import Vocabulary, words

if TYPE_CHECKING:
    from captioner.training.loop.batches import EncodedCaptions


@pytest.fixture(autouse=True)
def float32() -> Iterator[None]:
    """Fixed seed before, and float32 after every test, even if it fails."""
    import keras

    keras.utils.set_random_seed(7)
    yield
    keras.config.set_dtype_policy("float32")


@pytest.fixture(scope="module")
def eager() -> Iterator[None]:
    """Run eagerly: faster for few updates, as no graph is traced."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture(scope="session")
def vocabulary(tiny_dataset: Dataset) -> Vocabulary:
    result = tiny_dataset.splits["train"].values()
    return Vocabulary.build([words(caption) for captions in result for caption in captions])


@pytest.fixture(scope="session")
def targets(tiny_dataset: Dataset, vocabulary: Vocabulary) -> EncodedCaptions:
    from captioner.training.loop.batches import EncodedCaptions

    return EncodedCaptions.from_captions(tiny_dataset.splits["train"], vocabulary, words)
