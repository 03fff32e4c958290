"""Captions of a split's pictures, and the references to compare them with.

References are tokenised by ``text.words`` whatever tokeniser the model was trained with.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from captioner import images
from captioner.bundle.storage import Bundle
from captioner.data.datasets import HELD_OUT, Dataset
from captioner.errors import DatasetError
from captioner.inference.captioner import Caption
from captioner.inference.decoding import Candidate, DecodingOptions
from captioner.progress import track
from captioner.text import words

Tokens: TypeAlias = Sequence[str]


class CaptionModel(Protocol):
    """What ``evaluate`` needs of a ``Captioner``; tests pass a fake."""

    bundle: Bundle
    options: DecodingOptions

    def caption(self, image: NDArray[np.uint8], options: DecodingOptions | None = None) -> Caption:
        """Caption an image uint8[H, W, 3]."""


def caption_split(
    captioner: CaptionModel, dataset: Dataset, split: str, options: DecodingOptions, limit: int | None = None
) -> list[tuple[Candidate, float]]:
    """The best caption of each image with a reference, and the seconds taken to read and caption it.

    Raises:
        DatasetError, ImageError: as ``evaluate.evaluate`` does.
    """
    captions, names = [], tokenized_references(captioner.bundle, dataset, split, limit)
    for name in track(names, "captioning", len(names)):
        started = time.perf_counter()
        best = captioner.caption(images.read(dataset.path(name)), options).best
        captions.append((best, time.perf_counter() - started))
    return captions


def tokenized_references(
    bundle: Bundle, dataset: Dataset, split: str, limit: int | None = None
) -> Mapping[str, list[list[str]]]:
    """Tokenised references of the pictures to score, in the order of the split."""
    if dataset.split_name != bundle.config.split_name:
        raise DatasetError(
            f"this model was trained on the {bundle.config.split_name} split, which shares pictures with the "
            f"{split} part of the {dataset.split_name} split. Score it on its own."
        )
    trained_on = dataset.fingerprint == bundle.config.data_fingerprint
    if split == HELD_OUT and not (trained_on and split in dataset.splits):
        raise DatasetError(
            "the held-out pictures of this model cannot be determined: it was trained without --hold-out, or "
            "on other pictures and captions than these. Delete the pictures that train.py reported as "
            "skipped, or train with --hold-out N on these."
        )
    if split not in dataset.splits:
        raise DatasetError(
            f"the {dataset.split_name} split has no {split!r}; it has {', '.join(dataset.splits)}."
        )
    tokens = {
        name: [tokens for tokens in map(words, captions) if tokens]
        for name, captions in dataset.splits[split].items()
    }
    references = dict([(name, captions) for name, captions in tokens.items() if captions][:limit])
    if not references:
        raise DatasetError(f"no picture of the {split} split has a caption with a word to score against.")
    return references
