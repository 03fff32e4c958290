"""The reference's examples are the words that ours are trained on."""

from __future__ import annotations

import numpy as np

from benchmarks.prefixes import expand
from captioner.text import PAD, Vocabulary, words
from captioner.training.loop.batches import EncodedCaptions


def test_the_reference_learns_the_same_words_after_the_same_words() -> None:
    captions = {"a.jpg": ("a dog runs", "dog"), "b.jpg": ("a dog runs on grass", "grass on a dog")}
    vocabulary = Vocabulary.build([words(text) for texts in captions.values() for text in texts])
    targets = EncodedCaptions.from_captions(captions, vocabulary, words)
    batch = targets.batch(np.arange(2), np.array)
    ours = [
        (row, sentence[: t + 1].tolist(), int(batch.targets.reshape(-1, batch.targets.shape[2])[row, t]))
        for row, sentence in enumerate(batch.ids.reshape(-1, batch.ids.shape[2]))
        for t in range(len(sentence))
        if batch.weights.reshape(-1, batch.ids.shape[2])[row, t]
    ]

    rows, prefixes, one_hot = expand([*targets.ids.reshape(4, -1)], targets.ids.shape[2] - 1, len(vocabulary))

    reference = zip(rows.tolist(), prefixes, one_hot, strict=True)
    assert [(row, ids[ids != PAD].tolist(), int(word.argmax())) for row, ids, word in reference] == ours
    assert (one_hot.sum(axis=1) == 1).all()
