"""Regions or pictures and captions → teacher-forced batches, a picture and its K captions together.

``tf.data.Dataset.bucket_by_sequence_length`` buckets too, but a resumed run could not repeat its order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from captioner.data.datasets import ReferenceCaptions
from captioner.text import END, PAD, SPECIALS, START, UNKNOWN, Vocabulary

Tokenizer = Callable[[str], list[str]]
BatchLoader = Callable[[Sequence[int]], NDArray[np.generic]]  # B row numbers → regions or pictures [B, …]

Item = TypeVar("Item")
Result = TypeVar("Result")

_LENGTH_STEP = 4  # caption lengths are rounded up to this, so that few shapes are compiled
_GROUP = 256  # words that count are rounded up to this, for the same reason
_POOL_BATCHES = 20  # in a pool of pictures that is sorted by caption length


@dataclass(frozen=True)
class Batch:
    """B pictures with K captions each; ``weights`` is 0 at padding and unknown words."""

    inputs: NDArray[np.generic]  # regions float[B, R, C] or uint8[B, S, S, 3]
    ids: NDArray[np.int32]  # [B, K, T], START first
    targets: NDArray[np.int32]  # [B, K, T], END last
    weights: NDArray[np.float32]  # [B, K, T]
    rows: NDArray[np.int64]  # [B], which pictures of the split

    @property
    def positions(self) -> NDArray[np.int32]:
        """Which of the B × K × T words count, int32[M]; further ones, that do not, fill up the last group.

        M is a multiple of ``_GROUP``, so that few shapes are compiled.
        """
        weights = self.weights.ravel()
        counted = np.flatnonzero(weights)
        fill = np.flatnonzero(weights == 0)[: -len(counted) % _GROUP]
        return np.concatenate([counted, fill]).astype(np.int32)


@dataclass(frozen=True)
class EncodedCaptions:
    """Captions of a split, in the order of ``names``: int[P, K, T + 1] from START to END, then PAD."""

    names: tuple[str, ...]
    ids: NDArray[np.int32]

    @classmethod
    def from_captions(
        cls,
        captions: ReferenceCaptions,
        vocabulary: Vocabulary,
        tokenizer: Tokenizer,
        max_caption_length: int | None = None,
    ) -> EncodedCaptions:
        """Ids of captions; those longer than ``max_caption_length`` are truncated, and then have no END."""
        encoded = [[vocabulary.ids(tokenizer(caption)) for caption in group] for group in captions.values()]
        longest = max(len(words) for group in encoded for words in group)
        width = min(longest, max_caption_length or longest) + 2
        ids = np.full((len(encoded), max(map(len, encoded)), width), PAD, np.int32)
        for picture, group in enumerate(encoded):
            for row, words in enumerate(group):
                caption_ids = [START, *words, END][:width]
                ids[picture, row, : len(caption_ids)] = caption_ids
        return cls(tuple(captions), ids)

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """Words of each picture's longest caption, START and END included: int[P]."""
        return (self.ids != PAD).sum(axis=2).max(axis=1)

    def batch(self, rows: NDArray[np.int64], load: BatchLoader) -> Batch:
        """The batch of the pictures in ``rows`` int[B], as short as their captions allow, and as few."""
        longest = int(self.lengths[rows].max()) - 1
        length = min(-(-longest // _LENGTH_STEP) * _LENGTH_STEP, self.ids.shape[2] - 1)
        most = int((self.ids[rows, :, 0] != PAD).sum(axis=1).max())  # seven of a few pictures of COCO
        ids = self.ids[rows, :most, : length + 1]
        targets = ids[:, :, 1:]
        weights = ((targets != PAD) & (targets != UNKNOWN)).astype(np.float32)
        return Batch(load(rows.tolist()), ids[:, :, :-1], targets, weights, rows)

    def unseen_words(self, size: int) -> tuple[NDArray[np.bool_], float]:
        """Which of the V = ``size`` words never occur, bool[V], and their expected share of all words.

        Good–Turing: it is that of the words which occur once (I. J. Good, "The Population Frequencies of
        Species and the Estimation of Population Parameters", Biometrika 1953); at most a half, where nearly
        all are such.
        """
        counts = self._counts(size)
        unseen = (counts == 0) & (np.arange(size) >= len(SPECIALS))
        return unseen, min(0.5, max(1, int((counts == 1).sum())) / int(counts.sum()))

    def log_frequencies(self, size: int) -> NDArray[np.float32]:
        """Log share of each word among all target words, END included: float[V], with add-one smoothing."""
        counts = 1.0 + self._counts(size)
        return np.log(counts / counts.sum()).astype(np.float32)

    def _counts(self, size: int) -> NDArray[np.int64]:
        """How often each word is a target: int[V]; 0 for pad and unknown."""
        counts = np.bincount(self.ids[:, :, 1:].ravel(), minlength=size)
        counts[[PAD, UNKNOWN]] = 0
        return counts


def shuffled(encoded: EncodedCaptions, size: int, seed: int, epoch: int) -> list[NDArray[np.int64]]:
    """Rows int[≤ size] of every batch of an epoch: random, with captions of similar length in a batch."""
    random = np.random.default_rng([seed, epoch])
    lengths = encoded.lengths
    batches = []
    for pool in _pools(random.permutation(len(encoded.names)), size):
        pool = pool[np.argsort(lengths[pool], kind="stable")]
        batches += [pool[i : i + size] for i in range(0, len(pool), size)]
    return [batches[i] for i in random.permutation(len(batches))]


def steps_per_epoch(pictures: int, size: int) -> int:
    """How many batches, so updates, ``shuffled`` makes of an epoch."""
    return sum(-(-len(pool) // size) for pool in _pools(np.arange(pictures), size))


def _pools(order: NDArray[np.int64], size: int) -> list[NDArray[np.int64]]:
    return np.array_split(order, max(1, len(order) // (size * _POOL_BATCHES)))


def sorted_by_length(
    encoded: EncodedCaptions, size: int, start: int = 0, stop: int | None = None
) -> list[NDArray[np.int64]]:
    """Rows int[≤ size] of every batch of the pictures from start to stop, sorted by caption length."""
    order = start + np.argsort(encoded.lengths[start:stop], kind="stable")
    return [order[i : i + size] for i in range(0, len(order), size)]


def prefetched(
    encoded: EncodedCaptions, rows: Sequence[NDArray[np.int64]], load: BatchLoader, ahead: int = 3
) -> Iterator[Batch]:
    """Batches in the order of ``rows``, the next few loaded in the background.

    Args:
        rows: int[B] for each batch, which pictures of the split.
        load: B row numbers → regions float[B, R, C] or pictures uint8[B, S, S, 3].
        ahead: how many batches may be in memory.
    """
    return map_in_background(lambda batch: encoded.batch(batch, load), rows, ahead)


def map_in_background(work: Callable[[Item], Result], items: Sequence[Item], ahead: int) -> Iterator[Result]:
    """Results in the order of the items. ``Executor.map`` would not stop at ``ahead`` of them in memory."""
    with ThreadPoolExecutor(max_workers=2) as pool:
        futures = [pool.submit(work, item) for item in items[:ahead]]
        for i in range(len(items)):
            result = futures.pop(0).result()
            if i + ahead < len(items):
                futures.append(pool.submit(work, items[i + ahead]))
            yield result
