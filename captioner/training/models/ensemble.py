"""An ensemble: decoders trained together on one encoder, whose probabilities are averaged.

Averaging cancels the errors that each makes by chance. One run trains the ensemble, one file holds it.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from captioner.text import START
from captioner.training.models import decoders
from captioner.training.models.decoders import Decoder, DecoderOptions, Tensor, Tensors


class Ensemble(keras.Model):
    """Has the methods of a ``Decoder``, and is used like one.

    Each member learns captions by logits of its own (``member_logits``), which share no loss: members that
    learnt to compensate for each other would no longer make independent errors.
    """

    def __init__(self, members: Sequence[Decoder]) -> None:
        super().__init__(name="ensemble")
        self.members = tuple(members)
        self.vocabulary_size = members[0].vocabulary_size
        self.has_attention = members[0].has_attention

    def set_unseen_share(self, unseen: NDArray[np.bool_], share: float) -> None:
        """As ``Decoder.set_unseen_share``: ``unseen`` is bool[V], ``share`` their probability together."""
        for member in self.members:
            member.set_unseen_share(unseen, share)

    def start(self, regions: Tensor) -> tuple[Tensors, Tensors]:
        """As ``Decoder.start``; each name ends in its member's number."""
        started = [member.start(regions) for member in self.members]
        state, fixed = (
            {f"{name}{i}": v for i, tensors in enumerate(part) for name, v in tensors.items()}
            for part in zip(*started, strict=True)
        )
        return state, fixed

    def step(self, word: Tensor, state: Tensors, fixed: Tensors) -> tuple[Tensor, Tensors, Tensor | None]:
        """As ``Decoder.step``: logits are log-probabilities, attention is the mean of the members'."""
        logits, next_state, attentions = [], {}, []
        for i, member in enumerate(self.members):
            output, member_state, attention = member.step(
                word, _member_tensors(state, i), _member_tensors(fixed, i)
            )
            logits.append(output)
            next_state.update({f"{name}{i}": value for name, value in member_state.items()})
            attentions.append(attention)
        log_probs = _mean_log_probs(logits)
        attention = ops.mean(ops.stack(attentions), axis=0) if self.has_attention else None
        return log_probs, next_state, attention

    def call(
        self, regions: Tensor, ids: Tensor, positions: Tensor | None = None, training: bool = False
    ) -> Tensor:
        """As ``Decoder.call``: the logits are log-probabilities."""
        return _mean_log_probs(
            [member(regions, ids, positions, training=training) for member in self.members]
        )


def build(
    options: DecoderOptions, word_bias: NDArray[np.float32], regions: tuple[int, int]
) -> Decoder | Ensemble:
    """A built decoder, or an ensemble if the options have several members.

    Args:
        word_bias: log frequency of each word, float[V].
        regions: the shape (R, C) of a picture's regions.
    """
    members = [decoders.build(options, word_bias, regions) for _ in range(options.members)]
    if len(members) == 1:
        return members[0]
    ensemble = Ensemble(members)
    ensemble(np.zeros((1, *regions), np.float32), np.full((1, 1, 2), START, np.int32))
    return ensemble


def member_logits(
    decoder: Decoder | Ensemble, regions: Tensor, ids: Tensor, positions: Tensor, training: bool
) -> Tensor:
    """Logits of each member in turn, with teacher forcing: float[members × M, V].

    Args:
        regions: float[B, R, C].
        ids: int[B, K, T], beginning with START.
        positions: int[M], which of the B × K × T words.
    """
    logits = [member(regions, ids, positions, training=training) for member in members(decoder)]
    return ops.concatenate(logits, axis=0)


def members(decoder: Decoder | Ensemble) -> tuple[Decoder, ...]:
    """The decoders of an ensemble; a single decoder is its only member."""
    return decoder.members if isinstance(decoder, Ensemble) else (decoder,)


def _member_tensors(tensors: Tensors, i: int) -> Tensors:
    return {name.removesuffix(str(i)): value for name, value in tensors.items() if name.endswith(str(i))}


def _mean_log_probs(logits: Sequence[Tensor]) -> Tensor:
    """Log of the mean of the members' probabilities: float[…, V]."""
    log_probs = ops.stack([ops.log_softmax(member, axis=-1) for member in logits])
    return ops.logsumexp(log_probs, axis=0) - np.log(len(logits)).astype(np.float32)
