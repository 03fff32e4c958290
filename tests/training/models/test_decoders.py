"""The next word depends on the picture and the words before, and on nothing else."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import ops
from numpy.typing import NDArray

from captioner.text import END, PAD, START, UNKNOWN
from captioner.training.models import decoders
from captioner.training.models.decoders import Decoder, DecoderOptions

PICTURES, ROWS, LENGTH, WORDS, CHANNELS = 2, 3, 6, 12, 5
DECODERS = ("attention", "inject", "merge")


def build(name: str, **options: Any) -> Decoder:
    regions = 9 if name == "attention" else 1
    decoder = decoders.build(
        DecoderOptions(name, units=8, **options), np.zeros(WORDS, np.float32), (regions, CHANNELS)
    )
    decoder.set_weights([3 * weights for weights in decoder.get_weights()])
    return decoder


def regions_for(decoder: Decoder, pictures: int = PICTURES) -> NDArray[np.float32]:
    count = 9 if decoder.has_attention else 1
    return np.random.default_rng(0).normal(size=(pictures, count, CHANNELS)).astype(np.float32)


def sentences(seed: int = 1) -> NDArray[np.int32]:
    """Random words after START: int32[B, K, T]."""
    ids = np.random.default_rng(seed).integers(END, WORDS, (PICTURES, ROWS, LENGTH), dtype=np.int32)
    ids[:, :, 0] = START
    return ids


def logits(decoder: Decoder, regions: NDArray[np.float32], ids: NDArray[np.int32]) -> NDArray[np.float32]:
    return np.asarray(decoder(regions, ids))


def step_by_step(
    decoder: Decoder, regions: NDArray[np.float32], ids: NDArray[np.int32]
) -> tuple[NDArray[np.float32], list[NDArray[np.float32]]]:
    """Logits float[B, K, T, V] and the attention of each step."""
    first, fixed = decoder.start(regions)
    state = {key: ops.repeat(value[:, None], ids.shape[1], axis=1) for key, value in first.items()}
    result, attentions = [], []
    for t in range(ids.shape[2]):
        following, state, attention = decoder.step(ids[:, :, t], state, fixed)
        result.append(np.asarray(following))
        attentions += [] if attention is None else [np.asarray(attention)]
    return np.stack(result, axis=2), attentions


@pytest.fixture(scope="module", params=DECODERS)
def decoder(request: pytest.FixtureRequest) -> Decoder:
    keras.utils.set_random_seed(3)
    return build(request.param)


@pytest.mark.parametrize("name", DECODERS)
def test_unseen_words_share_a_fixed_probability_whatever_the_picture(name: str) -> None:
    keras.utils.set_random_seed(3)
    decoder, unseen = build(name), np.isin(np.arange(WORDS), (7, 9))
    regions, ids = regions_for(decoder), sentences()
    before = keras.ops.convert_to_numpy(ops.softmax(logits(decoder, regions, ids)))
    decoder.set_unseen_share(np.zeros(WORDS, bool), 0.5)
    assert np.array_equal(before, keras.ops.convert_to_numpy(ops.softmax(logits(decoder, regions, ids))))

    decoder.set_unseen_share(unseen, 0.01)
    after = keras.ops.convert_to_numpy(ops.softmax(logits(decoder, regions, ids)))
    np.testing.assert_allclose(after[..., unseen], 0.005, rtol=1e-4)
    others = before[..., ~unseen] / before[..., ~unseen].sum(axis=-1, keepdims=True)
    np.testing.assert_allclose(after[..., ~unseen], 0.99 * others, rtol=1e-3, atol=1e-7)


def test_teacher_forcing_is_captioning_step_by_step(decoder: Decoder) -> None:
    regions, ids = regions_for(decoder), sentences()
    result, _ = step_by_step(decoder, regions, ids)

    assert result.shape == (PICTURES, ROWS, LENGTH, WORDS)
    np.testing.assert_allclose(result, logits(decoder, regions, ids), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("change", [1, 3, LENGTH - 1])
def test_a_later_word_never_changes_an_earlier_logit(decoder: Decoder, change: int) -> None:
    regions, ids = regions_for(decoder), sentences()
    other = ids.copy()
    other[:, :, change:] = sentences(2)[:, :, change:]
    one, two = logits(decoder, regions, ids), logits(decoder, regions, other)

    np.testing.assert_allclose(one[:, :, :change], two[:, :, :change], atol=1e-5)
    assert np.abs(one[:, :, change] - two[:, :, change]).max() > 1e-3


def test_padding_never_changes_a_logit(decoder: Decoder) -> None:
    regions, ids = regions_for(decoder), sentences()
    padded = np.pad(ids, ((0, 0), (0, 0), (0, 5)), constant_values=PAD)

    np.testing.assert_allclose(
        logits(decoder, regions, padded)[:, :, :LENGTH], logits(decoder, regions, ids), atol=1e-5
    )


def test_a_sentence_never_changes_another(decoder: Decoder) -> None:
    regions, ids = regions_for(decoder), sentences()
    alone = logits(decoder, regions[1:], ids[1:, 2:])

    np.testing.assert_allclose(logits(decoder, regions, ids)[1:, 2:], alone, atol=1e-5)


def test_the_picture_and_the_words_matter(decoder: Decoder) -> None:
    regions, ids = regions_for(decoder), sentences()
    result = logits(decoder, regions, ids)

    assert np.abs(result - logits(decoder, regions[::-1], ids)).max() > 1e-2
    assert np.abs(result[:, 0, 1:] - result[:, 1, 1:]).max() > 1e-2


def test_pad_start_and_unknown_have_no_probability(decoder: Decoder) -> None:
    result = logits(decoder, regions_for(decoder), sentences())
    probabilities = np.asarray(ops.softmax(result))

    assert probabilities[..., [PAD, START, UNKNOWN]].max() == 0
    assert (probabilities[..., [END, *range(UNKNOWN + 1, WORDS)]] > 0).all()


def test_attention_is_spread_over_the_regions(decoder: Decoder) -> None:
    _, attentions = step_by_step(decoder, regions_for(decoder), sentences())
    if not decoder.has_attention:
        assert attentions == []
        return
    assert np.shape(attentions) == (LENGTH, PICTURES, ROWS, 9)
    assert np.min(attentions) >= 0
    np.testing.assert_allclose(np.sum(attentions, axis=-1), 1, rtol=1e-5)


def test_dropout_is_for_training_only(decoder: Decoder) -> None:
    regions, ids = regions_for(decoder), sentences()
    one, other = (np.asarray(decoder(regions, ids, training=True)) for _ in range(2))

    assert np.array_equal(logits(decoder, regions, ids), logits(decoder, regions, ids))
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("name", DECODERS)
def test_an_untrained_decoder_predicts_the_word_frequencies(name: str) -> None:
    shares = np.random.default_rng(0).dirichlet(np.ones(WORDS)).astype(np.float32)
    regions = (9 if name == "attention" else 1, CHANNELS)
    decoder = decoders.build(DecoderOptions(name, units=8), np.log(shares), regions)
    for weights in decoder.trainable_variables:
        if weights.path.split("/")[-1] in ("kernel", "recurrent_kernel", "embeddings"):
            weights.assign(np.zeros(weights.shape))
    result = np.asarray(ops.softmax(decoder(regions_for(decoder), sentences())))
    sayable = [END, *range(UNKNOWN + 1, WORDS)]

    np.testing.assert_allclose(result[0, 0, 0, sayable], shares[sayable] / shares[sayable].sum(), rtol=1e-4)


@pytest.mark.parametrize("name", DECODERS)
def test_half_precision_gives_nearly_the_same_logits(name: str) -> None:
    exact = build(name)
    keras.config.set_dtype_policy("mixed_bfloat16")
    quick = build(name)
    quick.set_weights(exact.get_weights())
    regions, ids = regions_for(exact), sentences()
    result = logits(quick, regions, ids)

    assert result.dtype == np.float32
    np.testing.assert_allclose(
        result[..., UNKNOWN + 1 :], logits(exact, regions, ids)[..., UNKNOWN + 1 :], atol=0.3
    )
    np.testing.assert_allclose(
        step_by_step(quick, regions, ids)[0][..., UNKNOWN + 1 :], result[..., UNKNOWN + 1 :], atol=0.3
    )


def test_attention_is_the_mean_over_heads() -> None:
    decoder = build("attention", heads=4)
    result, attentions = step_by_step(decoder, regions_for(decoder), sentences())

    np.testing.assert_allclose(
        result, logits(decoder, regions_for(decoder), sentences()), rtol=1e-4, atol=1e-4
    )
    np.testing.assert_allclose(np.sum(attentions, axis=-1), 1, rtol=1e-5)


@pytest.mark.parametrize("name", DECODERS)
@pytest.mark.parametrize("size", [{"units": 16}, {"heads": 2}], ids=lambda size: next(iter(size)))
def test_exactly_the_adjustable_sizes_change_a_decoder(name: str, size: dict[str, int]) -> None:
    """Only those are offered as flags and searched."""
    result = []
    for options in ({"units": 8}, {"units": 8} | size):
        keras.utils.set_random_seed(1)
        decoder = decoders.build(
            DecoderOptions(name, **options),  # type: ignore[arg-type]
            np.zeros(WORDS, np.float32),
            (9 if name == "attention" else 1, CHANNELS),
        )
        result.append(logits(decoder, regions_for(decoder), sentences()))
    assert np.array_equal(result[0], result[1]) == (
        not size.keys() & set(DecoderOptions(name).adjustable_sizes)
    )
