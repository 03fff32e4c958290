"""A captioner on a split → scores, the floors that give them a meaning, and the captions behind them.

It scores what ships: the bundle itself, one picture at a time, through the path that the app takes.
References and captions are cut by ``text.words`` whatever the model was trained with, so figures compare.
"""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from statistics import fmean, median
from typing import Protocol, TypeAlias

import numpy as np
from msgspec import structs, to_builtins
from numpy.typing import NDArray

from captioner import images, metrics
from captioner.bundle import schema
from captioner.bundle import storage as bundles
from captioner.bundle.schema import Metrics, Prediction
from captioner.bundle.storage import Bundle
from captioner.data.flickr8k import HELD_OUT, Dataset
from captioner.errors import DatasetError
from captioner.evaluation.fluency import is_incomplete, repeats_content_word, repeats_ngram
from captioner.inference.captioner import Caption
from captioner.inference.decoding import Candidate, DecodingOptions
from captioner.progress import track
from captioner.text import TOKENIZERS, words

CONSTANT = "a man in a red shirt"  # the constant baseline: what a model must beat to have looked at all
RESAMPLES = 1000

Tokens: TypeAlias = Sequence[str]


class CaptionModel(Protocol):
    """What is evaluated: a ``model.Captioner``, or a stand-in for it."""

    bundle: Bundle
    options: DecodingOptions

    def caption(self, image: NDArray[np.uint8], options: DecodingOptions | None = None) -> Caption:
        """Describe uint8[H, W, 3]."""


def evaluate(
    captioner: CaptionModel,
    dataset: Dataset,
    split: str = "test",
    options: DecodingOptions | None = None,
    limit: int | None = None,
) -> tuple[Metrics, list[Prediction]]:
    """Caption the pictures of a split, and score the captions.

    Args:
        options: how to search; the bundle's own way by default.
        limit: only the first pictures. CIDEr then moves, as it weighs words by how rare they are in them.

    Returns:
        The scores, rounded to six places and without a command, and one row a picture.

    Raises:
        DatasetError: the split is not there, or the model was trained on another cut of the pictures, or
            cannot be shown to have been trained without those of ``held-out``.
        ImageError: a picture cannot be read.
    """
    options = options or captioner.options
    references = _references(captioner.bundle, dataset, split, limit)
    captions = caption_images(captioner, references, dataset.path, options)
    candidates, reference_lists = [words(caption.text) for caption, _ in captions], list(references.values())
    by_image = metrics.score_images(candidates, reference_lists)
    tokenize = TOKENIZERS[captioner.bundle.config.tokenizer]
    train = dataset.splits["train"].values()
    trained = {tuple(tokenize(caption)) for captions in train for caption in captions}
    evaluation = {
        "split_name": dataset.name,
        "split": split,
        "images": len(candidates),
        "tokenizer": "captioner",
        "beams": options.beams,
        "length_penalty": options.length_penalty,
        "max_words": options.max_words,
        "scores": metrics.score(candidates, reference_lists),
        "cider_interval": interval(by_image["cider"]),
        "constant_baseline": metrics.score([words(CONSTANT)] * len(candidates), reference_lists),
        "human_baseline": human_baseline(reference_lists),
        "distinct_captions": len({tuple(tokens) for tokens in candidates}),
        "words_used": len({word for tokens in candidates for word in tokens}),
        "verbatim_share": _share(tuple(caption.text.split()) in trained for caption, _ in captions),
        "repeated_ngrams_share": _share(map(repeats_ngram, candidates)),
        "repeated_words_share": _share(map(repeats_content_word, candidates)),
        "human_repeated_words_share": _share(
            repeats_content_word(one) for several in reference_lists for one in several
        ),
        "incomplete_share": _share(map(is_incomplete, candidates)),
        "seconds_per_image": median(seconds for _, seconds in captions),
    }
    rows = [
        Prediction(
            name,
            caption.text,
            round(caption.log_prob, 4),
            round(caption.score, 4),
            {key: round(float(values[i]), 4) for key, values in by_image.items()},
        )
        for i, (name, (caption, _)) in enumerate(zip(references, captions, strict=True))
    ]
    return schema.decode(_rounded(evaluation), Metrics, "metrics.json"), rows


def as_trained(bundle: Bundle, dataset: Dataset) -> Dataset:
    """The dataset with the pictures that were kept from this model while training as the split ``held-out``.

    How many they are stands in dataset.json, the seed that chose them in config.json.
    """
    recorded = bundle.dataset()
    count = recorded.images.get(HELD_OUT, 0) if recorded else 0
    return dataset.held_out(count, bundle.config.seed) if count else dataset


def caption_images(
    captioner: CaptionModel, names: Iterable[str], path: Callable[[str], Path], options: DecodingOptions
) -> list[tuple[Candidate, float]]:
    """The best caption of each image, and the seconds to read the image and caption it."""
    captions, names = [], list(names)
    for name in track(names, "captioning", len(names)):
        started = time.perf_counter()
        best = captioner.caption(images.read(path(name)), options).best
        captions.append((best, time.perf_counter() - started))
    return captions


def human_baseline(references: Sequence[Sequence[Tokens]]) -> dict[str, float] | None:
    """How people score: reference i of each image against its others, averaged over i."""
    several = [captions for captions in references if len(captions) > 1]
    rounds = []
    for i in track(
        range(max(map(len, several), default=0)), "scoring people", len(several[0]) if several else 0
    ):
        able = [captions for captions in several if len(captions) > i]
        rounds.append(
            metrics.score([captions[i] for captions in able], [[*c[:i], *c[i + 1 :]] for c in able])
        )
    return {key: fmean(one[key] for one in rounds) for key in rounds[0]} if rounds else None


def interval(values: NDArray[np.float64], seed: int = 0) -> tuple[float, float]:
    """95 % bootstrap interval of the mean of float64[B] (Efron 1979, percentile method)."""
    chosen = np.random.default_rng(seed).integers(len(values), size=(RESAMPLES, len(values)))
    low, high = np.percentile(values[chosen].mean(axis=1), [2.5, 97.5])
    return float(low), float(high)


def table(found: Metrics) -> str:
    """A table of the model between the constant caption and people, and what its sentences are like."""
    rows = {"this model": found.scores, "always the same caption": found.constant_baseline}
    if found.human_baseline:
        rows["people"] = found.human_baseline
    low, high = found.cider_interval
    names = "".join(f"{metric.name:>8}" for metric in metrics.METRICS.values())
    lines = [
        f"{found.split_name} {found.split} split, {found.images} pictures, tokeniser {found.tokenizer}, "
        f"beam {found.beams}, length penalty {found.length_penalty:g}",
        f"{'':24}{names}",
        *(
            f"{name:24}" + "".join(f"{scores.get(key, np.nan):8.3f}" for key in metrics.METRICS)
            for name, scores in rows.items()
        ),
        f"CIDEr lies between {low:.3f} and {high:.3f} (95 %, bootstrap over pictures)",
        f"{found.distinct_captions} distinct captions, {found.words_used} distinct words",
        f"{found.verbatim_share:.1%} word for word from training",
        f"{found.repeated_ngrams_share:.1%} repeat themselves, "
        f"{found.incomplete_share:.1%} end before the noun",
        f"{found.repeated_words_share or 0:.1%} say a content word twice (people: "
        f"{found.human_repeated_words_share or 0:.1%})",
        f"{1000 * found.seconds_per_image:.0f} ms a picture",
    ]
    return "\n".join(lines)


def _cells(scores: Mapping[str, float]) -> str:
    return "".join(f"{scores.get(key, np.nan):8.3f}" for key in metrics.METRICS)


def write(bundle: Bundle, evaluation: Metrics, rows: Sequence[Prediction], command: str) -> Bundle:
    """Seal scores, captions, a fresh model card and the decoding options that gave them into the bundle."""
    from captioner.bundle import model_card  # here, as captioning needs none

    evaluation = structs.replace(evaluation, command=command)
    config = structs.replace(
        bundle.config,
        beams=evaluation.beams,
        length_penalty=evaluation.length_penalty,
        max_words=evaluation.max_words,
    )
    card = model_card.render(config, evaluation, bundle.history(), bundle.dataset(), bundle.baselines())
    return bundles.replace(
        bundle.folder,
        {
            "config.json": json.dumps(config.to_json(), indent=1, sort_keys=True) + "\n",
            "metrics.json": json.dumps(to_builtins(evaluation), indent=1) + "\n",
            "predictions.csv": _csv(rows),
            "README.md": card,
        },
    )


def _references(
    bundle: Bundle, dataset: Dataset, split: str, limit: int | None
) -> Mapping[str, list[list[str]]]:
    """Tokenised references of the pictures to score, in the order of the split."""
    if dataset.name != bundle.config.split_name:
        raise DatasetError(
            f"this model was trained on the {bundle.config.split_name} split, which shares pictures with the "
            f"{split} part of the {dataset.name} split. Score it on its own."
        )
    trained_on = dataset.fingerprint == bundle.config.data_fingerprint
    if split == HELD_OUT and not (trained_on and split in dataset.splits):
        raise DatasetError(
            "which pictures were kept from this model cannot be told: it was not trained with --hold-out, "
            "or on other pictures and captions than are here. Delete the pictures that train.py said it left "
            "out, or train with --hold-out N on these."
        )
    if split not in dataset.splits:
        raise DatasetError(f"the {dataset.name} split has no {split!r}; it has {', '.join(dataset.splits)}.")
    cut = {name: [words(caption) for caption in captions] for name, captions in dataset.splits[split].items()}
    kept = {name: [tokens for tokens in captions if tokens] for name, captions in cut.items()}
    found = dict([(name, captions) for name, captions in kept.items() if captions][:limit])
    if not found:
        raise DatasetError(f"no picture of the {split} split has a caption with a word to score against.")
    return found


def _rounded(value: object) -> object:
    """With every number rounded to six places."""
    return json.loads(json.dumps(value), parse_float=lambda text: round(float(text), 6))


def _csv(rows: Sequence[Prediction]) -> str:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["image", "caption", "log_prob", "score", *rows[0].scores])
    writer.writerows([row.image, row.caption, row.log_prob, row.score, *row.scores.values()] for row in rows)
    return file.getvalue()


def _share(found: Iterable[bool]) -> float:
    return fmean(map(float, found))
