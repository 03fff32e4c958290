"""A rollout equals greedy search; sampling follows the decoder's probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from keras import ops
from numpy.typing import NDArray

from captioner.inference.beam_search import State, decode
from captioner.inference.decoding import DecodingOptions
from captioner.text import END, PAD, START, UNKNOWN
from captioner.training.loop.rollout import Rollout, generated_ids
from captioner.training.models.decoders import Decoder
from tests.training import small

WORDS, PICTURES = 40, 100

pytestmark = pytest.mark.usefixtures("eager")


class Stepper:
    """A Keras decoder as the search sees it."""

    def __init__(self, decoder: Decoder) -> None:
        self.decoder = decoder
        self.fixed: dict[str, Any] = {}

    def start(self, regions: NDArray[np.float32]) -> State:
        state, self.fixed = self.decoder.start(regions)
        return {name: np.asarray(value) for name, value in state.items()}

    def step(
        self, words: NDArray[np.int32], state: State
    ) -> tuple[NDArray[np.float32], State, NDArray[np.float32] | None]:
        logits, after, _ = self.decoder.step(words[None], {k: v[None] for k, v in state.items()}, self.fixed)
        return np.asarray(ops.log_softmax(logits))[0], {k: np.asarray(v)[0] for k, v in after.items()}, None


def allowed(ids: list[int]) -> list[int]:
    """The beginning up to where the search forbids a word, because it was just said or ends too soon."""
    generated: list[int] = []
    for word in ids:
        threes = list(zip(generated, generated[1:], generated[2:], strict=False))
        again = generated[-1:] == [word] or (*generated[-2:], word) in threes
        if word == PAD or again or (word == END and not generated):
            break
        generated.append(word)
    return generated


@pytest.mark.parametrize("name", small.DECODERS)
def test_greedy_is_the_search_with_one_beam(name: str) -> None:
    decoder, regions = small.decoder(WORDS, name), small.regions(PICTURES, name)
    generated = np.asarray(Rollout(decoder).predict_on_batch(regions))[:, 0].tolist()
    expected = [allowed(ids) for ids in generated]
    longest = sorted(range(PICTURES), key=lambda picture: len(expected[picture]))[-4:]

    assert len(expected[longest[-1]]) > 2
    for picture in longest:
        options, texts = DecodingOptions(beams=1), ["", *map(str, range(1, WORDS))]
        result = decode(Stepper(decoder), regions[picture : picture + 1], options, texts)
        ids = [texts.index(word.text) for word in result.candidates[0].words]
        assert ids[: len(expected[picture])] == expected[picture]


@pytest.fixture(scope="module")
def decoder() -> Decoder:
    return small.decoder(12)


@pytest.fixture(scope="module")
def sampler(decoder: Decoder) -> Rollout:
    return Rollout(decoder, 8, max_caption_length=8)


def test_after_end_comes_padding(sampler: Rollout) -> None:
    result = np.asarray(sampler.predict_on_batch(small.regions(10)))

    assert result.shape == (10, 8, 9)
    assert END in result
    for line in result.reshape(-1, 9).tolist():
        end = line.index(END) if END in line else len(line)
        assert not {PAD, START, UNKNOWN} & set(line[:end])
        assert set(line[end + 1 :]) <= {PAD}


def test_the_batch_size_changes_nothing(decoder: Decoder) -> None:
    rollout, regions = Rollout(decoder, max_caption_length=4), small.regions(7).astype(np.float16)
    whole, cut = (np.stack(list(generated_ids(rollout, regions, batch))) for batch in (100, 3))

    assert whole.shape == (7, 1, 5)
    assert np.array_equal(whole, cut)


def test_samples_follow_the_probabilities(decoder: Decoder) -> None:
    regions = small.regions(1)
    logits = np.asarray(decoder(regions, np.full((1, 1, 1), START, np.int32)))[0, 0, 0]
    expected = np.asarray(ops.softmax(logits))
    result = np.asarray(Rollout(decoder, 4000, max_caption_length=0).predict_on_batch(regions)).ravel()

    np.testing.assert_allclose(np.bincount(result, minlength=12) / 4000, expected, atol=0.04)


def test_sampling_depends_on_the_seed_and_the_update(sampler: Rollout) -> None:
    def sample(seed: int, update: int) -> NDArray[np.int32]:
        sampler.reseed(seed, update)
        return np.asarray(sampler.predict_on_batch(small.regions(10)))

    first = sample(0, 0)
    assert np.array_equal(first, sample(0, 0))
    assert not np.array_equal(first, sample(0, 1))
    assert not np.array_equal(first, sample(1, 0))
