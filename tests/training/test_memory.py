"""A warning before fine-tuning that does not fit into memory, with a batch size that does."""

from __future__ import annotations

import re
from pathlib import Path

import keras
import pytest
from keras import layers

from captioner.training import memory
from tests.training import small


@pytest.fixture
def encoder() -> keras.Model:
    return small.encoder()


def test_activations_are_those_of_every_layer(encoder: keras.Model) -> None:
    """The picture, the same rescaled, and what three layers make of it; of inner models, too."""
    picture, regions = 3 * small.SIZE**2, 4 * small.REGIONS * small.CHANNELS
    assert memory.activation_bytes(encoder) == picture + 4 * picture + 3 * regions

    image = keras.Input(encoder.input_shape[1:], dtype="uint8")
    plain = keras.Model(image, layers.ReLU()(encoder(image)))
    stacked = keras.Model(image, keras.Sequential([layers.ReLU()])(encoder(image)))  # as ConvNeXt has them
    for outer in (plain, stacked):
        assert memory.activation_bytes(outer) == picture + memory.activation_bytes(encoder) + regions


def test_a_layer_of_several_steps_stores_more(encoder: keras.Model) -> None:
    def beyond(layer: keras.Layer) -> float:
        return memory.activation_bytes(keras.Sequential([encoder, layer])) - memory.activation_bytes(encoder)

    plain = beyond(layers.ReLU())
    assert beyond(layers.Activation("gelu")) > beyond(layers.LayerNormalization()) > plain


def test_half_precision_takes_half(encoder: keras.Model) -> None:
    keras.config.set_dtype_policy("mixed_bfloat16")
    assert memory.activation_bytes(small.encoder()) < 0.7 * memory.activation_bytes(encoder)


@pytest.mark.parametrize("fits", [1, 5, 31])
def test_a_smaller_batch_is_named_and_fits(
    encoder: keras.Model, fits: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "STORED_SHARE", 1e6)  # or so small an encoder would take nothing
    free = int(memory.fine_tuning_bytes(encoder, fits)) + 1
    monkeypatch.setattr(memory, "free_bytes", lambda: free)
    sentence = memory.warning(encoder, 32)

    assert sentence is not None
    assert re.search(rf"32 pictures .* GB are free.* --batch {fits} would fit\.$", sentence)
    assert memory.warning(encoder, fits) is None


def test_where_no_batch_fits_freezing_is_advised(
    encoder: keras.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "free_bytes", lambda: 10**8)
    assert "--frozen" in str(memory.warning(encoder, 32))


def test_free_memory_is_what_the_system_reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_MEMINFO", tmp_path / "meminfo")
    assert memory.free_bytes() is None
    assert memory.warning(small.encoder(), 10**9) is None
    (tmp_path / "meminfo").write_text("MemTotal:  9 kB\nMemAvailable:   3 kB\n")
    assert memory.free_bytes() == 3072
