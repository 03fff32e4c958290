"""Fits the calibration of a bundle on the dev split, and measures its reliability on the test split.

Where there is no test split, it is fitted on one half of the dev split and measured on the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from captioner.bundle import reader
from captioner.bundle.manifest import CALIBRATION
from captioner.bundle.schema import Calibrator, Metrics, Prediction
from captioner.data.datasets import Dataset
from captioner.evaluation import evaluate
from captioner.evaluation.captioning import CaptionModel, Tokens, caption_split, tokenized_references
from captioner.evaluation.reliability import auc, expected_calibration_error, reliability_bins
from captioner.inference import calibration
from captioner.inference.calibration import Calibration, caption_features, word_features
from captioner.inference.decoding import Candidate, DecodingOptions
from captioner.text import is_content_word

MIN_IMAGES = 100  # to fit on, and as many others to measure on
PENALTY = 1.0  # of the squared standardised weights; keeps them finite where the classes are separable
PENALTY_OF_INTERCEPT = 1e-6  # where all are right, it would be infinite
NO_CALIBRATION = (
    f"no calibration: it needs {MIN_IMAGES} pictures to fit it, as many others to measure it, and "
    "probabilities that are higher where the model is right"
)
ITERATIONS = 100  # of Newton's method at most

Float64s: TypeAlias = NDArray[np.float64]
Bools: TypeAlias = NDArray[np.bool_]
Captioned: TypeAlias = Sequence[tuple[Candidate, Sequence[Tokens]]]  # captions with their references


@dataclass(frozen=True)
class LabelledData:
    """Words or captions: their features, and whether they were right."""

    names: tuple[str, ...]  # of the F features
    features: Float64s  # [N, F]
    right: Bools  # [N]

    @classmethod
    def of(cls, rows: Sequence[tuple[Mapping[str, float], bool]]) -> LabelledData:
        """From those features that all have, and whether each was right; needs at least one."""
        names = tuple(name for name in rows[0][0] if all(name in features for features, _ in rows))
        features = np.array([[features[name] for name in names] for features, _ in rows], np.float64)
        return cls(names, features, np.array([right for _, right in rows]))


def evaluate_and_calibrate(
    captioner: CaptionModel,
    dataset: Dataset,
    options: DecodingOptions | None = None,
    limit: int | None = None,
) -> tuple[Metrics, list[Prediction], Calibration | None]:
    """Score the final split as ``evaluate.evaluate`` does, and calibrate with the captions of the dev split.

    There is no calibration where fewer than ``MIN_IMAGES`` pictures are there to fit it or to measure it, or
    where no feature tells right from wrong.
    """
    options = options or captioner.options
    split = evaluate.final_split(dataset)
    captions = caption_split(captioner, dataset, split, options, limit)
    metrics, predictions = evaluate.evaluate(captioner, dataset, split, options, limit, captions)
    test_set = _with_references(captioner, dataset, split, captions)
    if split == "dev":
        calibration_set, test_set = test_set[::2], test_set[1::2]
    else:
        dev = caption_split(captioner, dataset, "dev", options)
        calibration_set = _with_references(captioner, dataset, "dev", dev)
    result = calibrate(calibration_set, test_set, options, dataset.split_name, split)
    if result:
        calibrated = [result.applied(candidate, options) for candidate, _ in captions]
        predictions = [_with_share(row, one) for row, one in zip(predictions, calibrated, strict=True)]
    return metrics, predictions, result


def _with_share(row: Prediction, candidate: Candidate) -> Prediction:
    share = candidate.expected_precision
    return structs.replace(row, expected_precision=None if share is None else round(share, 4))


def _with_references(
    captioner: CaptionModel, dataset: Dataset, split: str, captions: Sequence[tuple[Candidate, float]]
) -> Captioned:
    references = tokenized_references(captioner.bundle, dataset, split).values()
    return [(candidate, tokens) for (candidate, _), tokens in zip(captions, references, strict=False)]


def calibrate(
    calibration_set: Captioned, test_set: Captioned, options: DecodingOptions, split_name: str, split: str
) -> Calibration | None:
    """A calibration fitted on some captions and measured on others.

    ``evaluate_and_calibrate`` says when there is none.
    """
    if min(len(calibration_set), len(test_set)) < MIN_IMAGES:
        return None
    people = [tokens for _, tokens in test_set]
    parts = {
        "words": _calibrator(
            labelled_words(calibration_set), labelled_words(test_set), human_share(people, word_labels)
        ),
        "captions": _calibrator(
            labelled_captions(calibration_set),
            labelled_captions(test_set),
            human_share(people, _caption_label),
        ),
    }
    if None in parts.values():
        return None
    fields = {
        **parts,
        "split_name": split_name,
        "fitted_images": len(calibration_set),
        "split": split,
        "images": len(test_set),
        "options": calibration.recorded(options),
        "command": "python -m captioner evaluate --write",
    }
    return reader.decode(evaluate.rounded(fields), Calibration, CALIBRATION)


def labelled_words(captioned: Captioned) -> LabelledData:
    """Every content word; it is right if one of the references has it."""
    return LabelledData.of(
        [
            (word_features(word, candidate), word.text in used)
            for candidate, references in captioned
            for used in [_words(references)]
            for word in candidate.words
            if is_content_word(word.text)
        ]
    )


def labelled_captions(captioned: Captioned) -> LabelledData:
    """Every caption; it is right if all its content words are."""
    return LabelledData.of(
        [
            (caption_features(candidate), all(word_labels(candidate.text.split(), references)))
            for candidate, references in captioned
        ]
    )


def word_labels(tokens: Tokens, references: Sequence[Tokens]) -> list[bool]:
    """Of every content word, whether one of the references has it."""
    used = _words(references)
    return [token in used for token in tokens if is_content_word(token)]


def _caption_label(tokens: Tokens, references: Sequence[Tokens]) -> list[bool]:
    return [all(word_labels(tokens, references))]


def human_share(
    references: Sequence[Sequence[Tokens]], label: Callable[[Tokens, Sequence[Tokens]], list[bool]]
) -> float | None:
    """The share of people's words or sentences that are right by the other references of the same picture."""
    labels = [
        right
        for sentences in references
        for index, sentence in enumerate(sentences)
        if len(sentences) > 1
        for right in label(sentence, [*sentences[:index], *sentences[index + 1 :]])
    ]
    return float(np.mean(labels)) if labels else None


def _words(references: Sequence[Tokens]) -> set[str]:
    return {token for tokens in references for token in tokens}


def _calibrator(
    calibration_set: LabelledData, test_set: LabelledData, human: float | None
) -> dict[str, Any] | None:
    """The fields of a ``Calibrator``; None where no feature tells right from wrong."""
    intercept, weights = fit(calibration_set)
    if not weights:
        return None
    used = [test_set.names.index(name) for name in weights]
    predicted = _logistic(intercept + test_set.features[:, used] @ np.array([*weights.values()]))
    right = test_set.right
    return {
        "intercept": intercept,
        "weights": weights,
        "bins": [
            {"predicted": mean, "observed": share, "count": count}
            for mean, share, count in reliability_bins(predicted, right)
        ],
        "expected_calibration_error": expected_calibration_error(predicted, right),
        "auc": auc(predicted, right),
        "mean_right": _mean(predicted[right]),
        "mean_wrong": _mean(predicted[~right]),
        "human_share": human,
    }


def fit(data: LabelledData) -> tuple[float, dict[str, float]]:
    """Intercept and weight of each feature; those that would be negative are left out, and the rest refitted.

    So a calibrated probability never falls where a feature rises.
    """
    columns = [*range(len(data.names))]
    while columns:
        intercept, weights = logistic_regression(data.features[:, columns], data.right)
        if (weights > 0).all():
            return intercept, {data.names[i]: float(w) for i, w in zip(columns, weights, strict=True)}
        del columns[int(weights.argmin())]
    return 0.0, {}


def logistic_regression(features: Float64s, right: Bools) -> tuple[float, Float64s]:
    """Intercept and weights float64[F] of greatest likelihood for features [N, F], by Newton's method.

    The squared weights of the standardised features are penalised by half of ``PENALTY`` (ridge).
    """
    mean, deviation = features.mean(axis=0), features.std(axis=0)
    deviation = np.where(deviation > 0, deviation, 1)
    inputs = np.column_stack([np.ones(len(features)), (features - mean) / deviation])
    penalty = np.diag([PENALTY_OF_INTERCEPT, *[PENALTY] * features.shape[1]])
    weights = np.zeros(inputs.shape[1])
    for _ in range(ITERATIONS):
        predicted = _logistic(inputs @ weights)
        gradient = inputs.T @ (right - predicted) - penalty @ weights
        curvature = (inputs * (predicted * (1 - predicted))[:, None]).T @ inputs + penalty
        step = np.linalg.solve(curvature, gradient)
        weights += step
        if np.abs(step).max() < 1e-9:
            break
    scaled = weights[1:] / deviation
    return float(weights[0] - scaled @ mean), scaled


def table(result: Calibration | None) -> str:
    """How reliable the calibrated probabilities are, a line each for words and captions."""
    if result is None:
        return NO_CALIBRATION
    return "\n".join(
        (
            f"calibration fitted on {result.fitted_images:,} pictures of the dev split, measured"
            f" on {result.images:,} others of the {result.split} split:",
            _row("words", result.words),
            _row("captions", result.captions),
        )
    )


def _row(name: str, part: Calibrator) -> str:
    numbers = {
        "expected calibration error": part.expected_calibration_error,
        "AUC": part.auc,
        "mean if right": part.mean_right,
        "if wrong": part.mean_wrong,
        "of people's are right": part.human_share,
    }
    known = "".join(f", {key} {value:.3f}" for key, value in numbers.items() if value is not None)
    bins = f"{len(part.bins)} bins of equal mass"
    return f"{name:9} {part.observed:.3f} of {part.count:,} are right, {bins}{known}"


def _logistic(values: Float64s) -> Float64s:
    probabilities: Float64s = 1 / (1 + np.exp(-np.clip(values, -700, 700)))
    return probabilities


def _mean(values: Float64s) -> float | None:
    return float(values.mean()) if len(values) else None
