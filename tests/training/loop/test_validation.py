"""Validation after an epoch covers the whole dev split, whatever the batches."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from captioner.data.datasets import Dataset
from captioner.text import END, PAD, Vocabulary, words
from captioner.training.loop import batches, validation
from captioner.training.loop.batches import EncodedCaptions
from captioner.training.loop.rollout import Rollout
from captioner.training.loop.validation import NegativeLogLikelihood, Validation
from tests.training import small

pytestmark = pytest.mark.usefixtures("eager")


def loss(scored: Validation, likelihood: NegativeLogLikelihood, regions: NDArray[np.floating]) -> float:
    total, count = scored.nats(likelihood, regions.astype(np.float16))
    return total / count


def test_validation_is_the_mean_nats_of_every_word_and_end(
    targets: EncodedCaptions, vocabulary: Vocabulary
) -> None:
    decoder, regions = small.decoder(len(vocabulary)), small.regions(8)
    total, count = small.negative_log_likelihood(decoder, regions, targets)
    result = loss(Validation(targets, [], vocabulary), NegativeLogLikelihood(decoder), regions)

    assert count == sum((targets.ids[:, :, 1:] != PAD).ravel())
    assert (targets.ids == END).sum() == targets.ids[:, :, 0].size
    assert result == pytest.approx(total / count, rel=1e-3)


def test_words_outside_the_vocabulary_do_not_count(vocabulary: Vocabulary) -> None:
    captions = {"a.jpg": ("a red zeppelin", "a red ball")}
    targets = EncodedCaptions.from_captions(captions, vocabulary, words)
    without = EncodedCaptions.from_captions({"a.jpg": ("a red ball",)}, vocabulary, words)
    decoder, regions = small.decoder(len(vocabulary)), small.regions(1).astype(np.float16)
    batch = targets.batch(np.array([0]), lambda rows: regions)

    assert batch.weights.sum() == 3 + 4  # zeppelin itself is not a target
    for result, count in ((targets, 7), (without, 4)):
        assert result.batch(np.array([0]), lambda rows: regions).weights.sum() == count
    assert math.isfinite(loss(Validation(targets, [], vocabulary), NegativeLogLikelihood(decoder), regions))


def test_cider_is_that_of_the_greedy_captions(tiny_dataset: Dataset, vocabulary: Vocabulary) -> None:
    dev = tiny_dataset.splits["dev"]
    scored = Validation.from_captions(dev, EncodedCaptions.from_captions(dev, vocabulary, words), vocabulary)

    class Parrot:
        """Says of each picture what its first caption says."""

        def predict_on_batch(self, regions: object) -> Any:
            return scored.encoded.ids[:, :1, 1:]

    regions = small.regions(4).astype(np.float16)
    assert scored.references == [[words(caption) for caption in references] for references in dev.values()]
    captions = scored.captions(Parrot(), regions)  # type: ignore[arg-type]

    assert captions == [
        [word for word in words(references[0]) if word in vocabulary] for references in dev.values()
    ]
    assert scored.cider(captions) > 2


def test_the_validation_covers_batches_of_any_size(
    targets: EncodedCaptions, vocabulary: Vocabulary, monkeypatch: pytest.MonkeyPatch
) -> None:
    nats, regions = NegativeLogLikelihood(small.decoder(len(vocabulary))), small.regions(8).astype(np.float16)
    scored = Validation(targets, [], vocabulary)
    whole = loss(scored, nats, regions)
    monkeypatch.setattr(validation, "_BATCH", 3)
    assert loss(scored, nats, regions) == pytest.approx(whole, rel=1e-5)
    monkeypatch.setattr(validation, "_BLOCK", 5)
    rollout = Rollout(nats.decoder, max_caption_length=2)
    assert scored.measure(nats, rollout, regions)[0] == pytest.approx(whole, rel=1e-5)
    assert len(batches.sorted_by_length(targets, 3)) == 3
