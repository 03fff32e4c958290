"""The learned part of reranking: from a picture's regions, the words that people would use.

After Fang et al. 2015 ("From Captions to Visual Concepts and Back"), whose word detectors also rerank the
candidates of a search. Here it is a ridge regression (Hoerl and Kennard 1970) of low rank, from the mean of
the regions to the mean of a picture's references as CIDEr represents them: tf-idf weights of their words, of
norm 1. The similarity of a candidate and this expectation is an estimate of the words' part of its CIDEr.
It is fitted on regions as the LiteRT file gives them, and joins that file as the signature ``predict_words``.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from typing import IO, Any, Protocol, TypeAlias

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from captioner import arguments, cider
from captioner.bundle import storage
from captioner.bundle.manifest import MODEL, RATINGS_FILE
from captioner.bundle.storage import Bundle
from captioner.cider import NGramWeights
from captioner.data.datasets import Dataset
from captioner.evaluation import evaluate
from captioner.inference.captioner import Captioner
from captioner.inference.litert_model import WORDS_SIGNATURE
from captioner.progress import track
from captioner.text import TOKENIZERS, Vocabulary
from captioner.training import litert_file

RANK = 384  # of the regression's matrix
PENALTY = 0.1  # of the squared coefficients; features have the norm 1
MIN_IMAGES = 8  # with whose references a word occurs, or it is not predicted
BLOCK = 1024  # pictures in memory at a time
Float32s: TypeAlias = NDArray[np.float32]


def fit_and_write(captioner: Captioner, dataset: Dataset) -> Bundle:
    """Fit a predictor to a bundle's training pictures, write it into its LiteRT file, return the new bundle.

    Where no word occurs with ``MIN_IMAGES`` pictures, the bundle stays as it is. What people said about the
    old one is left out: reranked by the predictor, captions are others.

    Raises:
        DatasetError: the model was trained on another split of the images.
        ImageError: an image cannot be read.
    """
    bundle = captioner.bundle
    dataset.require_split_name(bundle.config.split_name)
    train = dataset.splits["train"]
    targets = ExpectedWeights([*train.values()], TOKENIZERS[bundle.config.tokenizer], bundle.vocabulary)
    if not targets.frequencies:  # too few pictures
        return bundle
    with tempfile.TemporaryFile() as file:
        for name in track(train, "encoding the train split", len(train)):
            file.write(captioner.encode(dataset.path(name))[0].mean(axis=0).astype(np.float32).tobytes())
        features = _FileRows(file, len(train))
        regression = fit(features, targets)
    rows = bundle.config.grid[0] * bundle.config.grid[1]
    addition = to_litert(*regression, (rows, features.width))
    model = litert_file.add_signatures(litert_file.share_embeddings(bundle.model()), addition)
    files = {name: content for name, content in bundle.in_current_format().items() if name != RATINGS_FILE}
    return storage.write(bundle.folder, {**files, MODEL: model})


class Rows(Protocol):
    """float32[P, …], of which a block of rows is in memory at a time."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: slice, /) -> Float32s: ...


class _FileRows:
    """Rows float32[P, C] of an open file."""

    def __init__(self, file: IO[bytes], count: int) -> None:
        self._file, self._count = file, count
        self.width = file.tell() // count // np.dtype(np.float32).itemsize

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, rows: slice, /) -> Float32s:
        start, stop, _ = rows.indices(self._count)
        self._file.seek(start * self.width * np.dtype(np.float32).itemsize)
        return np.fromfile(self._file, np.float32, (stop - start) * self.width).reshape(-1, self.width)


class ExpectedWeights:
    """float32[P, V]: for each of P pictures the mean, over its captions, of their words' tf-idf weights.

    Each caption's weights have the norm 1. Words of fewer than ``MIN_IMAGES`` pictures stay 0.
    """

    def __init__(
        self,
        captions: Sequence[Sequence[str]],
        tokenize: Callable[[str], list[str]],
        vocabulary: Vocabulary,
    ) -> None:
        self._tokenized = [
            [[*map(sys.intern, tokens)] for caption in group if (tokens := tokenize(caption))]
            for group in captions
        ]
        counts = cider.document_frequencies(self._tokenized, max_n=1)
        self._weights = NGramWeights.of_frequencies(len(self._tokenized), counts)
        self._vocabulary = vocabulary
        frequent = (gram for gram, number in counts.items() if number >= MIN_IMAGES and gram[0] in vocabulary)
        self.frequencies = {gram: counts[gram] for gram in frequent}

    def __len__(self) -> int:
        return len(self._tokenized)

    def __getitem__(self, rows: slice, /) -> Float32s:
        groups = self._tokenized[rows]
        result = np.zeros((len(groups), len(self._vocabulary)), np.float32)
        for row, group in zip(result, groups, strict=True):
            for vector in map(self._weights.vector, group):
                for gram, weight in vector.weights.items():
                    if gram in self.frequencies:
                        row[self._vocabulary.id(gram[0])] += weight / (vector.norms[0] or 1) / len(group)
        return result


def fit(features: Rows, targets: Rows) -> tuple[Float32s, Float32s, Float32s, Float32s]:
    """Reduced-rank ridge regression (Izenman 1975) from features float32[P, C] to targets float32[P, V].

    Returns:
        The features' mean float32[C], two matrices float32[C, K] and [K, V], and the targets' mean
        float32[V]: ``targets ≈ normalised(features − mean) @ first @ second + target_mean``.
    """
    count = len(features)
    blocks = [slice(start, start + BLOCK) for start in range(0, count, BLOCK)]
    mean = (sum(features[block].sum(axis=0, dtype=np.float64) for block in blocks) / count).astype(np.float32)
    squares: Any = 0.0
    products: Any = 0.0
    x_sum: Any = 0.0
    target_sum: Any = 0.0
    for block in track(blocks, "fitting the word predictor", len(blocks)):
        x, y = features[block] - mean, targets[block]
        x /= np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)
        squares += (x.T @ x).astype(np.float64)
        products += (x.T @ y).astype(np.float64)
        x_sum += x.sum(axis=0, dtype=np.float64)
        target_sum += y.sum(axis=0, dtype=np.float64)
    gram = (squares + PENALTY * np.eye(len(mean))).astype(np.float32)
    centred = (products - np.outer(x_sum, target_sum / count)).astype(np.float32)
    coefficients = np.linalg.solve(gram, centred)
    fitted = np.linalg.cholesky(gram).T @ coefficients
    _, values, directions = np.linalg.svd(fitted, full_matrices=False)
    basis = directions[:RANK][values[:RANK] > 1e-3 * values[0]].T
    return mean, coefficients @ basis, basis.T, (target_sum / count).astype(np.float32)


def to_litert(
    mean: Float32s, first: Float32s, second: Float32s, target_mean: Float32s, regions: tuple[int, int]
) -> bytes:
    """A LiteRT file with the signature ``predict_words``: regions float32[1, R, C] → weights float32[1, V].

    Its arguments are what ``fit`` returns, and (R, C). Matrices are quantised to 8 bits.
    """

    @tf.function(input_signature=[tf.TensorSpec((1, *regions), tf.float32, name="regions")])
    def predict(regions: tf.Tensor) -> dict[str, tf.Tensor]:
        x = tf.math.l2_normalize(tf.reduce_mean(regions, axis=1) - mean, axis=-1)
        return {"weights": (x @ first) @ second + target_mean}

    module = tf.Module()
    module.predict = predict
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(module, folder, signatures={WORDS_SIGNATURE: predict})
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=[WORDS_SIGNATURE])
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        return bytes(converter.convert())


def main(argv: Sequence[str] | None = None) -> None:
    """Fit the predictor of a bundle that was trained before."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--bundle", default="artifacts", metavar="FOLDER")
    arguments.add_data(parser)
    options = parser.parse_args(argv)
    captioner = Captioner(storage.load(options.bundle), with_warnings=False)
    bundle = fit_and_write(captioner, evaluate.load_dataset(captioner.bundle, options.data))
    print(f"{bundle.model_path} predicts words ({bundle.files[MODEL].size / 1e6:.1f} MB)")


if __name__ == "__main__":
    main()
