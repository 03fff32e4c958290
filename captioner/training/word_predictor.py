"""The learned part of reranking: from a picture's regions, the words that people would use.

After Fang et al. 2015 ("From Captions to Visual Concepts and Back"), whose word detectors also rerank the
candidates of a search. Here it is a ridge regression (Hoerl and Kennard 1970) of low rank, from the mean of
the regions to the mean of a picture's references as CIDEr represents them: tf-idf weights of their words, of
norm 1. The similarity of a candidate and this expectation is an estimate of the words' part of its CIDEr.
It is fitted on regions as the LiteRT file gives them, and joins that file as the signature ``predict_words``.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Collection, Sequence

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from captioner import arguments, cider
from captioner.bundle import storage
from captioner.bundle.manifest import RATINGS
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
Floats = NDArray[np.float32]


def fit_and_write(captioner: Captioner, dataset: Dataset) -> Bundle:
    """Fit a predictor to a bundle's training pictures, write it into its LiteRT file, return the new bundle.

    Where no word occurs with ``MIN_IMAGES`` pictures, the bundle stays as it is. What people said about the
    old one is left out: reranked by the predictor, captions are others.

    Raises:
        DatasetError: the model was trained on another split of the images.
        ImageError: an image cannot be read.
    """
    bundle = captioner.bundle
    dataset.require_split(bundle.config.split_name)
    names = list(dataset.splits["train"])
    encoded = (captioner.encode(dataset.path(name))[0] for name in names)
    tracked = track(encoded, "encoding the train split", len(names))
    features = np.array([regions.mean(axis=0) for regions in tracked])
    rows = bundle.config.grid[0] * bundle.config.grid[1]
    captions = dataset.splits["train"].values()
    targets = expected_weights(captions, TOKENIZERS[bundle.config.tokenizer], bundle.vocabulary)
    if not targets.any():  # too few pictures
        return bundle
    addition = to_litert(*fit(features, targets), (rows, features.shape[1]))
    model = litert_file.add_signatures(litert_file.share_embeddings(bundle.model()), addition)
    files = {name: content for name, content in bundle.in_current_format().items() if name != RATINGS}
    return storage.write(bundle.folder, {**files, "captioner.tflite": model})


def expected_weights(
    captions: Collection[Sequence[str]], tokenize: Callable[[str], list[str]], vocabulary: Vocabulary
) -> Floats:
    """float32[P, V]: for each of P pictures the mean, over its captions, of their words' tf-idf weights.

    Each caption's weights have the norm 1. Words of fewer than ``MIN_IMAGES`` pictures stay 0.
    """
    tokenized = [[tokens for caption in group if (tokens := tokenize(caption))] for group in captions]
    frequencies = cider.document_frequencies(tokenized)
    weights = NGramWeights.of_frequencies(len(tokenized), frequencies)
    result = np.zeros((len(tokenized), len(vocabulary)), np.float32)
    for row, group in zip(result, tokenized, strict=True):
        for vector in map(weights.vector, group):
            for gram, weight in vector.weights.items():
                if len(gram) == 1 and frequencies[gram] >= MIN_IMAGES and gram[0] in vocabulary:
                    row[vocabulary.id(gram[0])] += weight / (vector.norms[0] or 1) / len(group)
    return result


def fit(features: Floats, targets: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Reduced-rank ridge regression (Izenman 1975) from features float32[P, C] to targets float32[P, V].

    Returns:
        The features' mean float32[C], two matrices float32[C, K] and [K, V], and the targets' mean
        float32[V]: ``targets ≈ normalised(features − mean) @ first @ second + target_mean``.
    """
    mean, target_mean = features.mean(axis=0), targets.mean(axis=0)
    x = features - mean
    x /= np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)
    gram = x.T @ x + np.float32(PENALTY) * np.eye(x.shape[1], dtype=np.float32)
    coefficients = np.linalg.solve(gram, x.T @ (targets - target_mean))
    fitted = np.linalg.cholesky(gram).T @ coefficients
    _, values, directions = np.linalg.svd(fitted, full_matrices=False)
    basis = directions[:RANK][values[:RANK] > 1e-3 * values[0]].T
    return mean, coefficients @ basis, basis.T, target_mean


def to_litert(
    mean: Floats, first: Floats, second: Floats, target_mean: Floats, regions: tuple[int, int]
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
    print(f"{bundle.model_path} predicts words ({bundle.files['captioner.tflite'].size / 1e6:.1f} MB)")


if __name__ == "__main__":
    main()
