"""An ensemble: decoders trained side by side on one encoder, whose probabilities are averaged.

What each gets wrong by chance, the others outvote. It is one model: one run trains it, one file holds it.
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
    """Takes the place of a ``Decoder`` everywhere.

    Each member learns captions by logits of its own (``member_logits``), which share no loss: members that
    learnt to compensate for each other would no longer err independently.
    """

    def __init__(self, members: Sequence[Decoder]) -> None:
        super().__init__(name="ensemble")
        self.members = tuple(members)
        self.vocabulary_size = members[0].vocabulary_size
        self.has_attention = members[0].has_attention

    def set_unseen_share(self, unseen: NDArray[np.bool_], share: float) -> None:
        """As ``Decoder.set_unseen_share``."""
        for member in self.members:
            member.set_unseen_share(unseen, share)

    def start(self, regions: Tensor) -> tuple[Tensors, Tensors]:
        """As ``Decoder.start``; the members' numbers end the names."""
        started = [member.start(regions) for member in self.members]
        state, fixed = (
            {f"{name}{i}": v for i, one in enumerate(part) for name, v in one.items()}
            for part in zip(*started, strict=True)
        )
        return state, fixed

    def step(self, word: Tensor, state: Tensors, fixed: Tensors) -> tuple[Tensor, Tensors, Tensor | None]:
        """As ``Decoder.step``: logits are log-probabilities, attention is the mean of the members'."""
        logits, next_state, attentions = [], {}, []
        for i, member in enumerate(self.members):
            own_logits, own_state, attention = member.step(
                word, _member_tensors(state, i), _member_tensors(fixed, i)
            )
            logits.append(own_logits)
            next_state.update({f"{name}{i}": value for name, value in own_state.items()})
            attentions.append(attention)
        log_probs = _mean_log_probs(logits)
        attention = ops.mean(ops.stack(attentions), axis=0) if self.has_attention else None
        return log_probs, next_state, attention

    def call(self, regions: Tensor, ids: Tensor, training: bool = False) -> Tensor:
        """Teacher forcing: log-probabilities float[B, K, T, V]."""
        return _mean_log_probs([member(regions, ids, training=training) for member in self.members])


def build(
    options: DecoderOptions, word_bias: NDArray[np.float32], regions: tuple[int, int]
) -> Decoder | Ensemble:
    """A built decoder, or an ensemble of as many as the options say; see ``decoders.build``."""
    built = [decoders.build(options, word_bias, regions) for _ in range(options.members)]
    if len(built) == 1:
        return built[0]
    ensemble = Ensemble(built)
    ensemble(np.zeros((1, *regions), np.float32), np.full((1, 1, 2), START, np.int32))
    return ensemble


def member_logits(decoder: Decoder | Ensemble, regions: Tensor, ids: Tensor, training: bool) -> Tensor:
    """Teacher forcing, one of the M members after another: logits float[B, M × K, T, V]."""
    logits = [member(regions, ids, training=training) for member in members(decoder)]
    return ops.concatenate(logits, axis=1)


def members(decoder: Decoder | Ensemble) -> tuple[Decoder, ...]:
    """A decoder is an ensemble of one."""
    return decoder.members if isinstance(decoder, Ensemble) else (decoder,)


def _member_tensors(tensors: Tensors, i: int) -> Tensors:
    return {name.removesuffix(str(i)): value for name, value in tensors.items() if name.endswith(str(i))}


def _mean_log_probs(logits: Sequence[Tensor]) -> Tensor:
    """Log of the mean of the members' probabilities: float[…, V]."""
    log_probs = ops.stack([ops.log_softmax(one, axis=-1) for one in logits])
    return ops.logsumexp(log_probs, axis=0) - np.log(len(logits)).astype(np.float32)
