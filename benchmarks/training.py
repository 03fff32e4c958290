"""Captions a second while training the decoder of the recipe ``inject`` from given features."""

from __future__ import annotations

import time

import numpy as np

from benchmarks import data, notebook
from benchmarks.result import Result, alternate
from captioner.text import TOKENIZERS, Vocabulary
from captioner.training.loop import batches, fit
from captioner.training.loop.batches import EncodedCaptions
from captioner.training.loop.fit import EncoderDecoder
from captioner.training.models import ensemble
from captioner.training.recipes import RECIPES

CHANNELS = 1920  # of DenseNet201, pooled


def measure(rounds: int, tiny: bool) -> list[Result]:
    """One result: ours against the notebook's generator and ``fit``, same network and captions."""
    recipe = RECIPES["inject"]
    training, everything = data.captions()
    tokenizer = TOKENIZERS[recipe.tokenizer]
    vocabulary = Vocabulary.build(
        [tokenizer(text) for texts in everything.values() for text in texts], recipe.min_count
    )
    count = 64 if tiny else 960
    whole = EncodedCaptions.from_captions(training, vocabulary, tokenizer, recipe.max_caption_length)
    encoded = EncodedCaptions(whole.names[:count], whole.ids[:count])
    features = np.random.default_rng(0).random((count, CHANNELS), np.float32)
    ours, other = _Ours(encoded, features, len(vocabulary)), _Reference(encoded, features, len(vocabulary))
    ours.seconds(), other.seconds(1)
    steps = 1 if tiny else 30
    measured = alternate(
        rounds,
        lambda: 5 * count / ours.seconds(),
        lambda: steps * notebook.BATCH / other.seconds(steps),
    )
    return [
        Result(
            "Training the `inject` decoder",
            "captions a second",
            measured.ours,
            measured.other,
            "the notebook's generator and `fit`",
            "{} times as fast",
            bar="≥ 8 times",
        )
    ]


class _Ours:
    """An epoch at a time, as ``fit`` trains it."""

    def __init__(self, encoded: EncodedCaptions, features: np.ndarray, size: int) -> None:
        recipe = RECIPES["inject"]
        self.phase = recipe.phases[0]
        decoder = ensemble.build(recipe.decoder, encoded.log_frequencies(size), (1, CHANNELS))
        decoder.set_unseen_share(*encoded.unseen_words(size))
        self.model = EncoderDecoder(None, decoder)
        fit.compile_model(self.model, self.phase)
        self.encoded, self.features = encoded, features[:, None]
        self.epoch = 0

    def seconds(self) -> float:
        order = batches.shuffled(self.encoded, self.phase.batch_size, 0, self.epoch)
        self.epoch += 1
        started = time.perf_counter()
        for batch in batches.prefetched(self.encoded, order, lambda rows: self.features[rows]):
            self.model.train_on_captions(batch)
        return time.perf_counter() - started


class _Reference:
    """Some steps of ``fit`` at a time."""

    def __init__(self, encoded: EncodedCaptions, features: np.ndarray, size: int) -> None:
        pictures, captions, width = encoded.ids.shape
        of_caption = np.repeat(np.arange(pictures), captions)
        self.generator = notebook.PrefixGenerator(
            features, of_caption, encoded.ids.reshape(-1, width), width - 1, size
        )
        self.model = notebook.model(width - 1, CHANNELS, size)

    def seconds(self, steps: int) -> float:
        started = time.perf_counter()
        self.model.fit(self.generator, epochs=1, steps_per_epoch=steps, verbose=0)
        return time.perf_counter() - started
