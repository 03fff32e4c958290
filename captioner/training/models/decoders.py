"""Decoders: regions and the words so far → the next word. ``inject``, ``merge`` and ``attention``, by name.

Every decoder works on whole captions at once while training (``call``) and on one word at a time while
captioning (``start`` and ``step``); both go through the same layers. What belongs to a picture is computed
once for its K captions.

    start(regions float[B, R, C])                → state {name: float[B, U]}, fixed {name: float[B, …]}
    step(word int[B, K], state, fixed)           → logits float[B, K, V], state {name: float[B, K, U]},
                                                   attention float[B, K, R] | None
    call(regions, ids int[B, K, T])              → logits float[B, K, T, V]; ids begin with START
    call(regions, ids, positions int[M])            → logits float[M, V] of M of the B × K × T words
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray

from captioner.errors import CaptionerError
from captioner.text import PAD, START, UNKNOWN

Tensor = Any  # a tensor of whichever Keras backend is in use
Tensors = dict[str, Tensor]

MASKED_LOGIT = -1e4  # logit of pad, start and unknown; fits float16


@dataclass(frozen=True)
class DecoderOptions:
    """Which decoder, its sizes and its dropout.

    Raises:
        CaptionerError: the heads do not divide the units.
    """

    name: str = "attention"
    units: int = 512
    dropout: float = 0.5
    embedding_dropout: float = 0.3  # of the regions too, in the attention decoder
    heads: int = 1
    members: int = 1  # decoders in the ensemble
    glove: str | None = None
    freeze_glove: bool = False

    def __post_init__(self) -> None:
        if self.units % self.heads:
            raise CaptionerError(
                f"the units must be a multiple of the heads; got {self.units} units and {self.heads} heads."
            )

    @property
    def adjustable_sizes(self) -> tuple[str, ...]:
        """Which of the sizes above it reads; those of the two references are fixed."""
        return ("units", "heads") if self.name == "attention" else ()


class Decoder(keras.Model):
    """What the three decoders share: embedding, LSTM, and unrolling it over the words."""

    has_attention = False

    def __init__(
        self, word_bias: NDArray[np.float32], units: int, embedding: int, options: DecoderOptions
    ) -> None:
        super().__init__(name=f"{options.name}_decoder")
        self.vocabulary_size = len(word_bias)
        self.embedding = layers.Embedding(len(word_bias), embedding, name="embedding")
        self.embedding_dropout = layers.Dropout(options.embedding_dropout)
        self.lstm = layers.LSTM(units, return_sequences=True, name="lstm")
        self.dropout = layers.Dropout(options.dropout)
        self.unseen = np.zeros(len(word_bias), bool)
        self.unseen_share = self.unseen_log_odds = 0.0
        self.left_out_nats = 0.0  # of every word, while training without the unseen ones

    def set_unseen_share(self, unseen: NDArray[np.bool_], share: float) -> None:
        """Fix the probability of words that never occur in training, from which the decoder would learn 0.

        Args:
            unseen: bool[V], which words.
            share: their probability together, 0 < share < 1, divided evenly, whatever the picture.
        """
        if unseen.any():
            self.unseen, self.unseen_log_odds = unseen, float(np.log(share / (1 - share) / unseen.sum()))
            self.unseen_share = share

    def leave_out_unseen(self, leave_out: bool) -> None:
        """While training, whether logits leave out the words that never occur, which takes less time.

        These take a fixed share from the others: in cross-entropy without smoothing a constant,
        ``left_out_nats`` a word, without a gradient, if no target is one of them.
        """
        self.left_out_nats = -float(np.log1p(-self.unseen_share)) if leave_out else 0.0

    def start(self, regions: Tensor) -> tuple[Tensors, Tensors]:
        """First state {name: float[B, U]} of regions float[B, R, C], and what stays fixed for the picture."""
        raise NotImplementedError

    def embed(self, ids: Tensor, fixed: Tensors, training: bool) -> Tensor:
        """LSTM inputs float[B, K, …, E] of word ids int[B, K, …]."""
        return self.embedding_dropout(self.embedding(ids), training=training)

    def readout(self, hidden: Tensor, fixed: Tensors, training: bool) -> tuple[Tensor, Tensor | None]:
        """Hidden states float[B, Q, U] → input of ``logits`` float[B, Q, D], attention float[B, Q, R]."""
        raise NotImplementedError

    def logits(self, mixed: Tensor, training: bool) -> Tensor:
        """Output layer: float[…, D] → logits float[…, V]."""
        raise NotImplementedError

    def call(
        self, regions: Tensor, ids: Tensor, positions: Tensor | None = None, training: bool = False
    ) -> Tensor:
        """Teacher forcing: logits float[B, K, T, V] of every next word, of ids int[B, K, T].

        With ``positions`` int[M], indices of some of the B × K × T words, logits float[M, V] of these alone:
        the output layer takes most of the time, and a third of a batch is padding.
        """
        _, rows, length = ops.shape(ids)
        state, fixed = self.start(self._drop_regions(regions, training))
        inputs = self.embed(ids, fixed, training)
        inputs = ops.reshape(inputs, (-1, length, inputs.shape[-1]))
        first = [ops.repeat(state[name], rows, axis=0) for name in ("h", "c")]
        hidden = self.lstm(inputs, initial_state=first, training=training)
        hidden = ops.reshape(hidden, (-1, rows * length, hidden.shape[-1]))
        mixed, _ = self.readout(hidden, fixed, training)
        if positions is not None:
            return self.logits(
                ops.take(ops.reshape(mixed, (-1, mixed.shape[-1])), positions, axis=0), training
            )
        return ops.reshape(self.logits(mixed, training), (-1, rows, length, self.vocabulary_size))

    def step(self, word: Tensor, state: Tensors, fixed: Tensors) -> tuple[Tensor, Tensors, Tensor | None]:
        """One word further: ids int[B, K] → logits float[B, K, V], next state, attention float[B, K, R]."""
        shape = ops.shape(word)
        inputs = self.embed(word, fixed, False)
        flat = [ops.reshape(state[name], (-1, state[name].shape[-1])) for name in ("h", "c")]
        hidden, (h, c) = self.lstm.cell(ops.reshape(inputs, (-1, inputs.shape[-1])), flat)
        units = (shape[0], shape[1], hidden.shape[-1])
        mixed, attention = self.readout(ops.reshape(hidden, units), fixed, False)
        return self.logits(mixed, False), {"h": ops.reshape(h, units), "c": ops.reshape(c, units)}, attention

    def _drop_regions(self, regions: Tensor, training: bool) -> Tensor:
        """Regions as the decoder gets them: with dropout while training, in some decoders."""
        return regions

    def _mask_logits(self, logits: Tensor, training: bool) -> Tensor:
        """Logits in float32 whatever the precision of training, with pad, start and unknown masked."""
        masked = np.isin(np.arange(self.vocabulary_size), (PAD, START, UNKNOWN)) | self.unseen
        logits = ops.cast(logits, "float32") + np.where(masked, MASKED_LOGIT, 0).astype(np.float32)
        if not self.unseen.any() or (training and self.left_out_nats):
            return logits
        seen = ops.logsumexp(logits, axis=-1, keepdims=True)
        return ops.where(self.unseen, seen + self.unseen_log_odds, logits)

    def _output_layer(self, bias: NDArray[np.float32]) -> layers.Dense:
        """Output layer over the vocabulary, its bias initialised with the log frequency of each word."""
        initializer = keras.initializers.Constant(bias)
        return layers.Dense(self.vocabulary_size, bias_initializer=initializer, name="words")


class Attention(Decoder):
    """Soft attention over regions, read after the LSTM.

    J. Lu et al., "Knowing When to Look", CVPR 2017, without the sentinel. The query is the LSTM's output, so
    the attention of all words is one matrix product; scores are scaled dot products.
    The output layer is the transposed embedding (O. Press, L. Wolf, EACL 2017).
    """

    has_attention = True

    def __init__(self, word_bias: NDArray[np.float32], options: DecoderOptions) -> None:
        units = options.units
        super().__init__(word_bias, units, units, options)
        self.heads = options.heads
        self.region_dropout = layers.Dropout(options.embedding_dropout)
        self.region_norm = layers.LayerNormalization(name="region_norm")
        self.values = layers.Dense(units, activation="relu", name="values")
        self.keys = layers.Dense(units, name="keys")
        self.overview = layers.Dense(units, activation="relu", name="overview")
        self.first_h = layers.Dense(units, activation="tanh", name="first_h")
        self.first_c = layers.Dense(units, activation="tanh", name="first_c")
        self.query = layers.Dense(units, name="query")
        self.mix = layers.Dense(units, activation="tanh", name="mix")
        self.bias = self.add_weight(
            (len(word_bias),), initializer=keras.initializers.Constant(word_bias), name="word_bias"
        )

    def start(self, regions: Tensor) -> tuple[Tensors, Tensors]:
        regions = self.region_norm(regions)
        values = self.values(regions)
        overview = self.overview(ops.mean(regions, axis=1))
        state = {"h": self.first_h(overview), "c": self.first_c(overview)}
        return state, {"values": values, "keys": self.keys(values), "overview": overview}

    def embed(self, ids: Tensor, fixed: Tensors, training: bool) -> Tensor:
        embedded = self.embedding(ids)
        overview = fixed["overview"]
        for _ in range(len(ids.shape) - 1):
            overview = ops.expand_dims(overview, 1)
        return self.embedding_dropout(embedded + overview, training=training)

    def readout(self, hidden: Tensor, fixed: Tensors, training: bool) -> tuple[Tensor, Tensor | None]:
        context, attention = self._attend(self.query(hidden), fixed)
        mixed = self.mix(self.dropout(ops.concatenate([hidden, context], axis=-1), training=training))
        return self.dropout(mixed, training=training), attention

    def logits(self, mixed: Tensor, training: bool) -> Tensor:
        words = ops.matmul(mixed, ops.transpose(self.embedding.embeddings)) + self.bias
        return self._mask_logits(words, training)

    def _attend(self, query: Tensor, fixed: Tensors) -> tuple[Tensor, Tensor]:
        """Context float[B, Q, U] and weights float[B, Q, R], averaged over heads."""
        query, keys, values = (self._split(x) for x in (query, fixed["keys"], fixed["values"]))
        scores = ops.matmul(query, ops.transpose(keys, (0, 1, 3, 2))) / np.sqrt(query.shape[-1])
        weights = ops.softmax(scores, axis=-1)
        context = ops.transpose(ops.matmul(weights, values), (0, 2, 1, 3))
        context = ops.reshape(context, (ops.shape(context)[0], ops.shape(context)[1], -1))
        return context, ops.mean(weights, axis=1)

    def _split(self, x: Tensor) -> Tensor:
        """float[B, Q, U] → float[B, heads, Q, U / heads]."""
        shape = ops.shape(x)
        x = ops.reshape(x, (shape[0], shape[1], self.heads, x.shape[-1] // self.heads))
        return ops.transpose(x, (0, 2, 1, 3))

    def _drop_regions(self, regions: Tensor, training: bool) -> Tensor:
        return self.region_dropout(regions, training=training)


class Inject(Decoder):
    """The Kaggle reference: the pooled picture is the LSTM's first input, and is added to its output.

    Dense 256 → LSTM 256 → dropout → add → Dense 128 → dropout → words.
    """

    def __init__(self, word_bias: NDArray[np.float32], options: DecoderOptions) -> None:
        super().__init__(word_bias, 256, 256, options)
        self.picture = layers.Dense(256, activation="relu", name="picture")
        self.narrow = layers.Dense(128, activation="relu", name="narrow")
        self.words = self._output_layer(word_bias)

    def start(self, regions: Tensor) -> tuple[Tensors, Tensors]:
        picture = self.picture(ops.mean(regions, axis=1))
        nothing = ops.zeros_like(picture)
        _, (h, c) = self.lstm.cell(picture, [nothing, nothing])
        return {"h": h, "c": c}, {"picture": picture}

    def readout(self, hidden: Tensor, fixed: Tensors, training: bool) -> tuple[Tensor, Tensor | None]:
        mixed = self.dropout(hidden, training=training) + ops.expand_dims(fixed["picture"], 1)
        return self.dropout(self.narrow(mixed), training=training), None

    def logits(self, mixed: Tensor, training: bool) -> Tensor:
        return self._mask_logits(self.words(mixed), training)


class Merge(Decoder):
    """The OpenGenus reference: the picture is added only after the LSTM.

    Dropout, Dense 256 ∥ Embedding 200, dropout, LSTM 256 → add → Dense 256 → words.
    """

    def __init__(self, word_bias: NDArray[np.float32], options: DecoderOptions) -> None:
        super().__init__(word_bias, 256, 200, options)
        self.picture = layers.Dense(256, activation="relu", name="picture")
        self.wide = layers.Dense(256, activation="relu", name="wide")
        self.words = self._output_layer(word_bias)

    def start(self, regions: Tensor) -> tuple[Tensors, Tensors]:
        picture = self.picture(ops.mean(regions, axis=1))
        nothing = ops.zeros_like(picture)
        return {"h": nothing, "c": nothing}, {"picture": picture}

    def readout(self, hidden: Tensor, fixed: Tensors, training: bool) -> tuple[Tensor, Tensor | None]:
        return self.wide(hidden + ops.expand_dims(fixed["picture"], 1)), None

    def logits(self, mixed: Tensor, training: bool) -> Tensor:
        return self._mask_logits(self.words(mixed), training)

    def _drop_regions(self, regions: Tensor, training: bool) -> Tensor:
        return self.dropout(regions, training=training)


DECODERS: dict[str, type[Any]] = {"attention": Attention, "inject": Inject, "merge": Merge}


def build(options: DecoderOptions, word_bias: NDArray[np.float32], regions: tuple[int, int]) -> Decoder:
    """A built decoder for regions of shape (R, C); ``word_bias`` float[V] is each word's log frequency."""
    decoder: Decoder = DECODERS[options.name](word_bias, options)
    decoder(np.zeros((1, *regions), np.float32), np.full((1, 1, 2), START, np.int32))
    return decoder
