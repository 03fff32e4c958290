"""Scores of a captioner on a split, with a constant and a human baseline, and its captions.

What is scored is the exported bundle, one picture at a time, as in the app. References and captions are
tokenised by ``text.words`` whatever tokeniser the model was trained with, so that scores are comparable.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import fmean, median

import numpy as np
from msgspec import structs, to_builtins
from numpy.typing import NDArray

from captioner import metrics
from captioner.bundle import dataset_info, ratings, reader
from captioner.bundle import storage as bundles
from captioner.bundle.manifest import CALIBRATION, RATINGS_FILE
from captioner.bundle.ratings import RatingSummary
from captioner.bundle.schema import CalibrationParameters, Metrics, Prediction
from captioner.bundle.storage import Bundle
from captioner.data import datasets
from captioner.data.datasets import HELD_OUT, Dataset
from captioner.errors import DatasetError
from captioner.evaluation.captioning import CaptionModel, Tokens, caption_split, tokenized_references
from captioner.evaluation.fluency import is_incomplete, repeats_ngram
from captioner.inference.decoding import Candidate, DecodingOptions
from captioner.inference.redundancy import is_redundant
from captioner.progress import track
from captioner.text import TOKENIZERS, words

CONSTANT_CAPTION = "a man in a red shirt"  # a model that does not beat it makes no use of the picture
BOOTSTRAP_RESAMPLES = 1000


def load_dataset(bundle: Bundle, folder: str | Path) -> Dataset:
    """The dataset by the split the bundle was trained on, as ``with_held_out``.

    Raises:
        DatasetError: something needed is missing or unreadable, or the folder holds another dataset than
            the bundle was trained on.
    """
    trained_on = dataset_info.of(bundle.dataset()).name
    dataset = datasets.load(folder, bundle.config.split_name)
    if dataset.name != trained_on:
        raise DatasetError(
            f"this model was trained on {trained_on}, and {folder} holds {dataset.name}. Name the folder of "
            f"{trained_on} with --data."
        )
    return with_held_out(bundle, dataset)


def with_held_out(bundle: Bundle, dataset: Dataset) -> Dataset:
    """The dataset, in which the training pictures held out from this bundle are the split ``held-out``.

    Their number is recorded in dataset.json, the seed that selected them in config.json.
    """
    statistics = bundle.dataset()
    count = statistics.images.get(HELD_OUT, 0) if statistics else 0
    return dataset.held_out(count, bundle.config.seed) if count else dataset


def final_split(dataset: Dataset) -> str:
    """The split whose scores a bundle reports: test, or dev where there is no test."""
    return "test" if "test" in dataset.splits else "dev"


def evaluate(
    captioner: CaptionModel,
    dataset: Dataset,
    split: str = "test",
    options: DecodingOptions | None = None,
    limit: int | None = None,
    captions: Sequence[tuple[Candidate, float]] | None = None,
) -> tuple[Metrics, list[Prediction]]:
    """Caption the pictures of a split, and score the captions.

    Args:
        options: decoding options; the bundle's own by default.
        limit: score only the first pictures. This changes CIDEr, whose document frequencies depend on them.
        captions: what ``captioning.caption_split`` returned for the same arguments; computed by default.

    Returns:
        The scores, rounded to six places, and one row per picture.

    Raises:
        DatasetError: there is no such split, or the model was trained on another ``split_name``, or was not
            demonstrably trained without the pictures of ``held-out``.
        ImageError: a picture cannot be read.
    """
    options = options or captioner.options
    captions = captions or caption_split(captioner, dataset, split, options, limit)
    references_by_image = tokenized_references(captioner.bundle, dataset, split, limit)
    reference_lists = list(references_by_image.values())
    candidates = [words(caption.text) for caption, _ in captions]
    image_scores = metrics.score_images(candidates, reference_lists)
    samples = f" --samples {options.samples}" if options.samples or captioner.options.samples else ""
    limited = f" --limit {len(candidates)}" if limit else ""
    result = {
        "split_name": dataset.split_name,
        "split": split,
        "images": len(candidates),
        "tokenizer": "captioner",
        "beams": options.beams,
        "length_penalty": options.length_penalty,
        "max_words": options.max_words,
        "samples": options.samples,
        "scores": metrics.score(candidates, reference_lists),
        "cider_interval": bootstrap_interval(image_scores["cider"]),
        "constant_baseline": metrics.score([words(CONSTANT_CAPTION)] * len(candidates), reference_lists),
        "human_baseline": human_baseline(reference_lists),
        **_text_statistics(candidates, reference_lists),
        "verbatim_share": _verbatim_share(captioner.bundle, dataset, [caption for caption, _ in captions]),
        "seconds_per_image": median(seconds for _, seconds in captions),
        "command": f"python -m captioner evaluate --split {split} --beams {options.beams} "
        f"--length-penalty {options.length_penalty:g}{samples}{limited}",
    }
    predictions = [
        Prediction(
            name,
            caption.text,
            round(caption.log_prob, 4),
            round(caption.score, 4),
            {key: round(float(values[i]), 4) for key, values in image_scores.items()},
        )
        for i, (name, (caption, _)) in enumerate(zip(references_by_image, captions, strict=True))
    ]
    return reader.decode(rounded(result), Metrics, "metrics.json"), predictions


def _text_statistics(
    candidates: Sequence[Tokens], reference_lists: Sequence[Sequence[Tokens]]
) -> dict[str, float]:
    """Diversity and fluency of the captions, and of the references where they are compared."""
    people = [reference for image_references in reference_lists for reference in image_references]
    return {
        "distinct_captions": len({tuple(tokens) for tokens in candidates}),
        "words_used": len({word for tokens in candidates for word in tokens}),
        "repeated_ngrams_share": _share(map(repeats_ngram, candidates)),
        "redundant_share": _share(map(is_redundant, candidates)),
        "human_redundant_share": _share(map(is_redundant, people)),
        "incomplete_share": _share(map(is_incomplete, candidates)),
    }


def _verbatim_share(bundle: Bundle, dataset: Dataset, captions: Sequence[Candidate]) -> float:
    """Share of the captions that are word for word a training caption, by the model's own tokeniser."""
    tokenize = TOKENIZERS[bundle.config.tokenizer]
    written = [tuple(caption.text.split()) for caption in captions]
    train = dataset.splits["train"].values()
    different = {*written}
    training = (tuple(tokenize(text)) for texts in train for text in texts)
    copied = {tokens for tokens in training if tokens in different}
    return _share(tokens in copied for tokens in written)


def human_baseline(references: Sequence[Sequence[Tokens]]) -> dict[str, float] | None:
    """Scores of reference i of each image against its other references, averaged over i.

    None where no image has more than one reference.
    """
    several = [captions for captions in references if len(captions) > 1]
    rounds = []
    most = max(map(len, several), default=0)
    for i in track(range(most), "scoring people", most):
        images = [captions for captions in several if len(captions) > i]
        rounds.append(metrics.score([c[i] for c in images], [[*c[:i], *c[i + 1 :]] for c in images]))
    return {key: fmean(scores[key] for scores in rounds) for key in rounds[0]} if rounds else None


def bootstrap_interval(values: NDArray[np.float64], seed: int = 0) -> tuple[float, float]:
    """95 % bootstrap interval of the mean of float64[B] (Efron 1979, percentile method)."""
    resamples = np.random.default_rng(seed).integers(len(values), size=(BOOTSTRAP_RESAMPLES, len(values)))
    low, high = np.percentile(values[resamples].mean(axis=1), [2.5, 97.5])
    return float(low), float(high)


def table(result: Metrics) -> str:
    """The scores of the model and of both baselines as a table, then the statistics of its captions."""
    rows = {"this model": result.scores, "constant baseline": result.constant_baseline}
    if result.human_baseline:
        rows["human baseline"] = result.human_baseline
    low, high = result.cider_interval
    return "\n".join(
        (
            f"{result.split_name} {result.split} split, {result.images} pictures, "
            f"tokeniser {result.tokenizer}, beam {result.beams}, length penalty {result.length_penalty:g}"
            + (f", chosen by agreement with {result.samples} samples" if result.samples else ""),
            f"{'':24}" + "".join(f"  {metric.name:>6}" for metric in metrics.METRICS.values()),
            *(f"{name:24}{_cells(scores)}" for name, scores in rows.items()),
            f"95 % interval of CIDEr: {low:.3f} to {high:.3f} (bootstrap over pictures)",
            f"{result.distinct_captions} distinct captions, {result.words_used} distinct words",
            f"{result.verbatim_share:.1%} are training captions word for word",
            f"{result.repeated_ngrams_share:.1%} repeat a word in a row or three words anywhere, "
            f"{result.incomplete_share:.1%} end in an article or a preposition",
            f"{result.redundant_share or 0:.1%} name a thing twice for no reason or contradict themselves "
            f"(people: {result.human_redundant_share or 0:.1%})",
            f"{1000 * result.seconds_per_image:.0f} ms per picture",
        )
    )


def _cells(scores: Mapping[str, float]) -> str:
    """The scores, each as wide as the name of its metric."""
    return "".join(
        f"  {scores.get(key, np.nan):{max(6, len(metric.name))}.3f}"
        for key, metric in metrics.METRICS.items()
    )


def write(
    bundle: Bundle,
    result: Metrics,
    predictions: Sequence[Prediction],
    calibration: CalibrationParameters | None = None,
    ratings_summary: RatingSummary | None = None,
) -> Bundle:
    """Write scores, captions, their decoding options and a new model card into the bundle, and seal it.

    Without a new calibration or people's ratings, the old ones stay: they say for which options they hold.

    Raises:
        BundleError: as ``storage.replace`` does.
    """
    from captioner.bundle import model_card  # here, as captioning needs none

    config = structs.replace(
        bundle.config,
        beams=result.beams,
        length_penalty=result.length_penalty,
        max_words=result.max_words,
        samples=result.samples,
    )
    calibration = calibration or bundle.calibration_parameters()
    rated = ratings_summary or ratings.carried_over(bundle)
    rated = rated if rated and rated.is_of(config) else None
    card = model_card.render(
        config, result, bundle.history(), bundle.dataset(), bundle.baselines(), calibration, rated
    )
    files = {RATINGS_FILE: ratings.to_json(rated)} if rated else {}
    if calibration:
        files[CALIBRATION] = json.dumps(to_builtins(calibration), indent=1) + "\n"
    return bundles.replace(
        bundle.folder,
        {
            **files,
            "config.json": json.dumps(config.to_json(), indent=1, sort_keys=True) + "\n",
            "metrics.json": json.dumps(to_builtins(result), indent=1) + "\n",
            "predictions.csv": _csv(predictions),
            "README.md": card,
        },
    )


def rounded(value: object) -> object:
    """With every number rounded to six places."""
    return json.loads(json.dumps(value), parse_float=lambda text: round(float(text), 6))


def _csv(rows: Sequence[Prediction]) -> str:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    calibrated = any(row.expected_precision is not None for row in rows)
    columns = ["image", "caption", "log_prob", "score", *(["expected_precision"] if calibrated else [])]
    writer.writerow([*columns, *rows[0].scores])
    writer.writerows([*(getattr(row, name) for name in columns), *row.scores.values()] for row in rows)
    return file.getvalue()


def _share(flags: Iterable[bool]) -> float:
    return fmean(map(float, flags))
