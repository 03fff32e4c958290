"""A captioner and a dataset → the rule that tells unfamiliar pictures, and what it notices."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from captioner import images
from captioner.bundle import manifest
from captioner.bundle import storage as bundles
from captioner.bundle.manifest import NOVELTY
from captioner.bundle.storage import Bundle
from captioner.data.flickr8k import Dataset
from captioner.data.samples import spread
from captioner.errors import DatasetError
from captioner.novelty import synthetic_images
from captioner.novelty.detector import FINENESS, NoveltyDetector, direction, unit
from captioner.progress import track

CENTROIDS = 16
ROUNDS = 30  # of k-means
TRAINED = 1500  # training pictures that the centres are found from; with all of them they are no better
LOWEST = 0.01  # share of the pictures that set the limit, which fall below it
ENOUGH = 100  # pictures, from which on a limit is set and checked
TRIES = 40  # strangers of every kind

Regions = NDArray[np.float32]


class Encoder(Protocol):
    """What sees pictures: a ``model.Captioner``, or a stand-in for it."""

    bundle: Bundle

    def encode(self, image: NDArray[np.uint8]) -> Regions:
        """uint8[H, W, 3] → float32[1, R, C]."""


def add(encoder: Encoder, dataset: Dataset) -> NoveltyDetector | None:
    """Measure a rule and seal it into the bundle; none where the dataset is too small for one."""
    rule = measured(encoder, dataset)
    if rule:
        bundles.replace(encoder.bundle.folder, {NOVELTY: manifest.canonical(rule.to_json())})
    return rule


def measured(encoder: Encoder, dataset: Dataset) -> NoveltyDetector | None:
    """A rule for an encoder; none where fewer than ``ENOUGH`` pictures set its limit or check it.

    The centres come from training pictures. The limit does not, as the encoder knows those, and neither does
    it come from the pictures that the false alarms are counted on.

    Raises:
        DatasetError: the model was trained on another cut of the pictures.
        ImageError: a picture cannot be read.
    """
    if dataset.name != encoder.bundle.config.split_name:
        raise DatasetError(
            f"this model was trained on the {encoder.bundle.config.split_name} split. "
            f"Measure it on that one, not on the {dataset.name} split."
        )
    limiting, checking, split = _unseen(dataset)
    if min(len(limiting), len(checking)) < ENOUGH:
        return None
    names = spread(list(dataset.splits["train"]), TRAINED)
    trained = np.array([direction(seen) for seen in _seen(encoder, dataset, names, "training pictures")])
    rule = NoveltyDetector(centroids(trained), 0.0, dataset.name, split, len(checking), 0, {})
    near = [rule.similarity(seen) for seen in _seen(encoder, dataset, limiting, "pictures for the limit")]
    rule = replace(rule, threshold=round(float(np.quantile(near, LOWEST)), 6))
    alarms = _below(rule, _seen(encoder, dataset, checking, "pictures to check it"))
    photographs = [images.read(dataset.path(name)) for name in spread(checking, TRIES)]
    return replace(rule, false_positives=alarms, detected=_noticed(encoder, rule, photographs))


def _unseen(dataset: Dataset) -> tuple[list[str], list[str], str]:
    """Pictures that set the limit, pictures that check it, and whose split these are."""
    dev = list(dataset.splits["dev"])
    if "test" in dataset.splits:
        return dev, list(dataset.splits["test"]), "test"
    return dev[::2], dev[1::2], "dev"


def _seen(encoder: Encoder, dataset: Dataset, names: Sequence[str], label: str) -> Iterator[Regions]:
    for name in track(names, label, len(names)):
        yield encoder.encode(images.read(dataset.path(name)))


def _below(rule: NoveltyDetector, seen: Iterable[Regions]) -> int:
    return sum(rule.similarity(regions) < rule.threshold for regions in seen)


def _noticed(
    encoder: Encoder, rule: NoveltyDetector, photographs: Sequence[NDArray[np.uint8]]
) -> dict[str, tuple[int, int]]:
    """How many strangers of every kind the rule notices, and of how many."""
    kinds = {
        kind: [draw(np.random.default_rng(seed)) for seed in range(TRIES)]
        for kind, draw in synthetic_images.DRAWN.items()
    }
    kinds |= {
        kind: [change(photo) for photo in photographs] for kind, change in synthetic_images.CHANGED.items()
    }
    return {kind: (_below(rule, map(encoder.encode, made)), len(made)) for kind, made in kinds.items()}


def centroids(directions: NDArray[np.float64]) -> tuple[tuple[int, ...], ...]:
    """Spherical k-means (Dhillon & Modha 2001) over float64[B, C] of length 1, always begun alike: [K, C]."""
    count = min(CENTROIDS, len(directions))
    found = directions[np.random.default_rng(0).choice(len(directions), count, replace=False)]
    for _ in range(ROUNDS):
        nearest = (directions @ found.T).argmax(axis=1)
        sums = np.array([directions[nearest == index].sum(axis=0) for index in range(count)])
        # A centre that is nobody's nearest stays where it was.
        found = unit(np.where(sums.any(axis=1, keepdims=True), sums, found))
    return tuple(map(tuple, np.rint(FINENESS * found).astype(int).tolist()))
