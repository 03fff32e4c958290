"""In the captions of how many training images an n-gram occurs: rare ones count more in CIDEr.

Consensus reranking needs these numbers where the training captions are not, so a bundle has a table of them.
It lists only n-grams that occur with at least ``MIN_IMAGES`` images: a rarer one could be part of a single
person's caption, and a few that overlap would give it away. All others count as one image fewer than that. Of
many captions, only the ``MAX_NGRAMS`` most frequent are listed: the app loads them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Sequence

import msgspec

from captioner import cider
from captioner.bundle import manifest, ratings
from captioner.bundle import storage as bundles
from captioner.bundle.manifest import DOCUMENT_FREQUENCIES
from captioner.bundle.storage import Bundle
from captioner.data.datasets import Dataset
from captioner.inference.reranking import DocumentFrequencies
from captioner.text import TOKENIZERS, Vocabulary

MIN_IMAGES = 5
MAX_NGRAMS = 60_000


def count(bundle: Bundle, dataset: Dataset) -> DocumentFrequencies:
    """Count the n-grams of a bundle's training captions.

    Raises:
        DatasetError: the model was trained on another split of the images.
    """
    dataset.require_split_name(bundle.config.split_name)
    return table(dataset.splits["train"].values(), TOKENIZERS[bundle.config.tokenizer], bundle.vocabulary)


def count_and_write(bundle: Bundle, dataset: Dataset) -> DocumentFrequencies:
    """Count them and write the table into the bundle; returns and raises as ``count`` does."""
    counted = count(bundle, dataset)
    bundles.replace(bundle.folder, {DOCUMENT_FREQUENCIES: to_json(counted), **ratings.file(bundle)})
    return counted


def table(
    images: Collection[Sequence[str]],
    tokenize: Callable[[str], list[str]],
    vocabulary: Vocabulary,
    min_images: int = MIN_IMAGES,
) -> DocumentFrequencies:
    """In the captions of how many images each n-gram of words of the vocabulary occurs.

    Args:
        images: the captions of each image.
        min_images: n-grams of fewer images are left out; of more, where there are over ``MAX_NGRAMS``.
    """
    # Interned: the same word of many captions is one string.
    tokenized = [[[*map(sys.intern, tokenize(caption))] for caption in captions] for captions in images]
    frequent = {
        " ".join(gram): number
        for gram, number in cider.document_frequencies(tokenized, min_images).items()
        if all(word in vocabulary for word in gram)
    }
    if len(frequent) > MAX_NGRAMS:
        min_images = 1 + sorted(frequent.values(), reverse=True)[MAX_NGRAMS]
        frequent = {gram: number for gram, number in frequent.items() if number >= min_images}
    return DocumentFrequencies(len(images), min_images, frequent)


def to_json(frequencies: DocumentFrequencies) -> bytes:
    """The content of document_frequencies.json."""
    return manifest.canonical(msgspec.to_builtins(frequencies))
