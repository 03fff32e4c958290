"""A sampled caption that scores above the picture's others becomes likelier."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from keras import ops
from numpy.typing import NDArray

from captioner.data.datasets import Dataset
from captioner.text import END, PAD, START, Vocabulary, words
from captioner.training.loop import fit, self_critical
from captioner.training.loop.batches import Batch, EncodedCaptions
from captioner.training.loop.fit import EncoderDecoder
from captioner.training.loop.rollout import Rollout
from captioner.training.loop.schedule import Phase
from captioner.training.models.decoders import Decoder
from tests.training import small

pytestmark = pytest.mark.usefixtures("eager")

REWARDS = arrays.arrays(
    np.float64, st.tuples(st.integers(1, 4), st.integers(2, 6)), elements=st.floats(0, 10)
)


def padded_ids(vocabulary: Vocabulary, captions: list[str]) -> NDArray[np.int32]:
    """Captions of one picture as a rollout gives them: int32[1, K, T]."""
    lines = [[*vocabulary.ids(words(caption)), END] for caption in captions]
    width = max(map(len, lines)) + 2
    return np.array([[line + [PAD] * (width - len(line)) for line in lines]], np.int32)


def batch_for(targets: EncodedCaptions, rows: list[int]) -> Batch:
    return targets.batch(np.array(rows), lambda chosen: small.regions(len(chosen)))


def log_probs(decoder: Decoder, regions: NDArray[np.float32], ids: NDArray[np.int32]) -> NDArray[np.float32]:
    """Log-probability of each caption: float[B, K]."""
    before = np.pad(ids[:, :, :-1], ((0, 0), (0, 0), (1, 0)), constant_values=START)
    result = np.asarray(ops.log_softmax(decoder(regions, before)))
    chosen = np.take_along_axis(result, ids[..., None], -1)[..., 0]
    return np.asarray(np.where(ids == PAD, 0, chosen).sum(axis=-1))


@given(REWARDS)
def test_advantages_of_a_picture_sum_to_zero(rewards: NDArray[np.float64]) -> None:
    result = self_critical.advantages(rewards)

    np.testing.assert_allclose(result.sum(axis=1), 0, atol=1e-4)
    for picture in range(len(rewards)):
        for k in range(rewards.shape[1]):
            rivals = np.delete(rewards[picture], k).mean()
            assert result[picture, k] == pytest.approx(rewards[picture, k] - rivals, abs=1e-4)


def test_the_sampled_captions_are_the_targets(vocabulary: Vocabulary, targets: EncodedCaptions) -> None:
    ids = padded_ids(vocabulary, ["a red ball", "the grass"])
    result = self_critical.policy_gradient_batch(batch_for(targets, [0]), ids, np.array([[2.0, 1.0]]))

    assert np.array_equal(result.targets, ids)
    assert (result.ids[:, :, 0] == START).all()
    assert np.array_equal(result.ids[:, :, 1:], ids[:, :, :-1])
    assert (result.weights[ids == PAD] == 0).all()
    np.testing.assert_allclose(
        result.weights[0, :, 0], [1 / 7, -1 / 7], rtol=1e-6
    )  # seven words, ends included


def test_the_reward_is_the_score_against_the_pictures_own_captions(
    tiny_dataset: Dataset, vocabulary: Vocabulary
) -> None:
    reward = self_critical.CiderReward(tiny_dataset.splits["train"], vocabulary)
    own = padded_ids(vocabulary, ["a red ball", "a green ball", "the grass"])
    mine, others = reward(own, [0])[0], reward(own, [1])[0]

    assert mine[0] > mine[1] > mine[2] > 0
    assert others[1] > others[0]
    np.testing.assert_allclose(reward(np.repeat(own, 2, axis=0), [0, 1]), [mine, others])


def test_incomplete_captions_earn_less(tiny_dataset: Dataset, vocabulary: Vocabulary) -> None:
    """The end is a word of the references too; without it, a fragment of one would do as well."""
    reward = self_critical.CiderReward(tiny_dataset.splits["train"], vocabulary)
    ids = padded_ids(vocabulary, ["a red ball on the grass", "a red ball on the"])
    unfinished = np.where(ids == END, PAD, ids)

    assert reward(ids, [0])[0, 0] > reward(ids, [0])[0, 1]
    assert reward(ids, [0])[0, 0] > reward(unfinished, [0])[0, 0]


def test_an_update_makes_the_better_caption_likelier(
    vocabulary: Vocabulary, targets: EncodedCaptions
) -> None:
    """And where all are as good as each other, it changes nothing at all."""
    decoder = small.decoder(len(vocabulary), dropout=0, embedding_dropout=0)
    model = EncoderDecoder(None, decoder)
    fit.compile_model(model, Phase("self_critical", 1, learning_rate=1e-3, samples=2))
    update = model.train_on_captions
    batch, ids = batch_for(targets, [0]), padded_ids(vocabulary, ["a red ball", "a blue ball"])
    before, weights = log_probs(decoder, small.regions(1), ids), decoder.get_weights()

    update(self_critical.policy_gradient_batch(batch, ids, np.array([[1.0, 1.0]])))
    assert all(np.array_equal(a, b) for a, b in zip(decoder.get_weights(), weights, strict=True))

    update(self_critical.policy_gradient_batch(batch, ids, np.array([[1.0, 0.5]])))
    gained = log_probs(decoder, small.regions(1), ids) - before
    assert gained[0, 0] > 0 > gained[0, 1]


def test_training_raises_the_reward(
    tiny_dataset: Dataset, vocabulary: Vocabulary, targets: EncodedCaptions
) -> None:
    decoder = small.decoder(len(vocabulary), spread=1)
    model = EncoderDecoder(None, decoder)
    fit.compile_model(model, Phase("self_critical", 1, learning_rate=3e-2, samples=8))
    reward = self_critical.CiderReward(tiny_dataset.splits["train"], vocabulary)
    update = self_critical.update_function(
        model,
        reward,
        Rollout(decoder, 8, max_caption_length=6),
        0,
    )
    batch = batch_for(targets, list(range(8)))
    losses = [update(batch) for _ in range(20)]

    assert np.mean(losses[-5:]) < 1.2 * np.mean(losses[:5]) < 0
