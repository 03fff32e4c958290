"""Self-critical sequence training: REINFORCE on sampled captions, with CIDEr as the reward.

S. Rennie et al., "Self-critical Sequence Training for Image Captioning", CVPR 2017, with the mean of a
picture's other samples as the baseline (R. Luo, "A Better Variant of Self-Critical Sequence Training", 2020).

The reward counts END as a word: otherwise the decoder learns to stop before the noun, which raises CIDEr.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from captioner.cider import Cider
from captioner.data.datasets import ReferenceCaptions
from captioner.text import END, PAD, SPECIALS, START, Vocabulary, words
from captioner.training.loop.batches import Batch
from captioner.training.loop.fit import EncoderDecoder
from captioner.training.loop.rollout import Rollout

_END = SPECIALS[END]


class CiderReward:
    """CIDEr of sampled ids against the picture's own references, weighted by the training split's words."""

    def __init__(self, captions: ReferenceCaptions, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        # Interned: the same word of many captions is one string.
        self.cider = Cider(
            [[[*map(sys.intern, words(caption)), _END] for caption in group] for group in captions.values()]
        )

    def __call__(self, ids: NDArray[np.int32], rows: Sequence[int]) -> NDArray[np.float64]:
        """Rewards float[B, K] of ids int[B, K, T]; ``rows`` are the B pictures of the training split."""
        sentences = [self._sentence(caption) for picture in ids for caption in picture]
        pictures = [row for row in rows for _ in range(ids.shape[1])]
        return np.asarray(self.cider.score_all(sentences, pictures)).reshape(ids.shape[:2])

    def _sentence(self, ids: NDArray[np.int32]) -> list[str]:
        return [self.vocabulary.words[i] for i in ids if i != PAD]


def advantages(rewards: NDArray[np.float64]) -> NDArray[np.float32]:
    """Each sample's reward less the mean of the picture's other samples: float[B, K]."""
    samples = rewards.shape[1]
    others = (rewards.sum(axis=1, keepdims=True) - rewards) / (samples - 1)
    return np.asarray(rewards - others, np.float32)


def policy_gradient_batch(batch: Batch, ids: NDArray[np.int32], rewards: NDArray[np.float64]) -> Batch:
    """The batch with sampled captions as targets, each word weighted by its caption's advantage.

    Args:
        ids: of the sampled captions, int[B, K, T].
        rewards: of the same, float[B, K].
    """
    start = np.full((*ids.shape[:2], 1), START, np.int32)
    mask = (ids != PAD).astype(np.float32)
    weights = mask * advantages(rewards)[:, :, None] / mask.sum()
    return replace(batch, ids=np.concatenate([start, ids[:, :, :-1]], axis=2), targets=ids, weights=weights)


def update_function(
    model: EncoderDecoder, reward: CiderReward, rollout: Rollout, seed: int
) -> Callable[[Batch], float]:
    """A function that makes one update on captions sampled from the model, and returns −(mean reward).

    Batches hold regions: the encoder is frozen. What is sampled depends on ``seed`` and on how many updates
    there were, not on whether the run was interrupted.
    """

    def update(batch: Batch) -> float:
        rollout.reseed(seed, int(model.optimizer.iterations))
        ids = np.asarray(rollout.predict_on_batch(np.asarray(batch.inputs, np.float32)))
        rewards = reward(ids, batch.rows.tolist())
        model.train_on_captions(policy_gradient_batch(batch, ids, rewards))
        return -float(rewards.mean())

    return update
