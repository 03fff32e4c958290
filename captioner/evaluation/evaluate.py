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
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean, median
from typing import Any, Protocol, TypeAlias

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from captioner import images
from captioner.bundle import schema
from captioner.bundle import storage as bundles
from captioner.bundle.schema import Metrics
from captioner.bundle.storage import Bundle
from captioner.data.flickr8k import HELD_OUT, Dataset
from captioner.errors import DatasetError
from captioner.evaluation.fluency import dangles, repeats, repeats_content
from captioner.evaluation.metrics import Cider, Scores, rouge_l, score, sentence_bleu4
from captioner.inference.captioner import Caption
from captioner.inference.decoding import DecodingOptions
from captioner.progress import track
from captioner.text import TOKENIZERS, words

CONSTANT = "a man in a red shirt"  # said of every picture: what a model must beat to have looked at all
RESAMPLES = 1000

Tokens: TypeAlias = Sequence[str]
Row: TypeAlias = dict[str, str | float]


class CaptionModel(Protocol):
    """What is evaluated: a ``model.Captioner``, or a stand-in for it."""

    bundle: Bundle
    options: DecodingOptions

    def caption(self, image: NDArray[np.uint8], options: DecodingOptions | None = None) -> Caption:
        """Describe uint8[H, W, 3]."""


@dataclass(frozen=True)
class Prediction:
    """The best caption of one picture."""

    image: str
    caption: str
    log_prob: float
    score: float
    seconds: float  # to read the picture and caption it


@dataclass(frozen=True)
class Evaluation:
    """Scores of a split with all that they depend on. Shares are of the captions, 0…1."""

    split_name: str  # how the pictures were split: official or kaggle
    split: str
    images: int
    tokenizer: str  # of the scores
    beams: int
    length_penalty: float
    max_words: int
    scores: Scores
    cider_interval: tuple[float, float]  # 95 %, bootstrap over pictures
    constant_baseline: Scores  # CONSTANT said of every picture
    human_baseline: Scores | None  # one reference against the others, averaged; None where there is only one
    distinct_captions: int
    words_used: int
    verbatim_share: float  # word for word a caption of the training split
    repeated_ngrams_share: float  # a word twice in a row, or the same three words twice
    repeated_words_share: float  # says a content word twice
    human_repeated_words_share: float  # the same of the references
    incomplete_share: float  # ends in an article or a preposition
    seconds_per_image: float  # median

    def as_dict(self) -> dict[str, Any]:
        """For metrics.json; numbers are rounded to six places."""
        rounded: dict[str, Any] = json.loads(
            json.dumps(asdict(self)), parse_float=lambda text: round(float(text), 6)
        )
        return rounded


def evaluate(
    captioner: CaptionModel,
    dataset: Dataset,
    split: str = "test",
    options: DecodingOptions | None = None,
    limit: int | None = None,
) -> tuple[Evaluation, list[Row]]:
    """Caption the pictures of a split, and score what was said.

    Args:
        options: how to search; the bundle's own way by default.
        limit: only the first pictures. CIDEr then moves, as it weighs words by how rare they are in them.

    Returns:
        The scores, and one row a picture: image, caption, log_prob, score, bleu4, rouge_l, cider.

    Raises:
        DatasetError: the split is not there, or the model was trained on another cut of the pictures, or
            cannot be shown to have been trained without those of ``held-out``.
        ImageError: a picture cannot be read.
    """
    options = options or captioner.options
    references = _references(captioner.bundle, dataset, split, limit)
    predictions = predict(captioner, references, dataset.path, options)
    said, meant = [words(prediction.caption) for prediction in predictions], list(references.values())
    cider = Cider(meant).score_all(said, range(len(said)))
    cut = TOKENIZERS[captioner.bundle.config.tokenizer]
    trained = {tuple(cut(caption)) for captions in dataset.splits["train"].values() for caption in captions}
    evaluation = Evaluation(
        split_name=dataset.name,
        split=split,
        images=len(said),
        tokenizer="captioner",
        beams=options.beams,
        length_penalty=options.length_penalty,
        max_words=options.max_words,
        scores=score(said, meant),
        cider_interval=interval(cider),
        constant_baseline=score([words(CONSTANT)] * len(said), meant),
        human_baseline=human(meant),
        distinct_captions=len({tuple(tokens) for tokens in said}),
        words_used=len({word for tokens in said for word in tokens}),
        verbatim_share=_share(tuple(prediction.caption.split()) in trained for prediction in predictions),
        repeated_ngrams_share=_share(map(repeats, said)),
        repeated_words_share=_share(map(repeats_content, said)),
        human_repeated_words_share=_share(repeats_content(one) for captions in meant for one in captions),
        incomplete_share=_share(map(dangles, said)),
        seconds_per_image=median(prediction.seconds for prediction in predictions),
    )
    return evaluation, [_row(*parts) for parts in zip(predictions, said, meant, cider.tolist(), strict=True)]


def as_trained(bundle: Bundle, dataset: Dataset) -> Dataset:
    """The dataset with the pictures that were kept from this model while training as the split ``held-out``.

    How many they are stands in dataset.json, the seed that chose them in config.json.
    """
    recorded = bundle.dataset()
    count = recorded.images.get(HELD_OUT, 0) if recorded else 0
    return dataset.held_out(count, bundle.config.seed) if count else dataset


def predict(
    captioner: CaptionModel,
    names: Iterable[str],
    path: Callable[[str], Path],
    options: DecodingOptions | None = None,
) -> list[Prediction]:
    """Caption pictures by name, with progress on stderr."""
    predictions, names = [], list(names)
    for name in track(names, "captioning", len(names)):
        started = time.perf_counter()
        best = captioner.caption(images.read(path(name)), options).best
        seconds = time.perf_counter() - started
        predictions.append(Prediction(name, best.text, best.log_prob, best.score, seconds))
    return predictions


def human(references: Sequence[Sequence[Tokens]]) -> Scores | None:
    """How people score: reference i of each picture against its others, averaged over i."""
    several = [captions for captions in references if len(captions) > 1]
    rounds = []
    for i in track(
        range(max(map(len, several), default=0)), "scoring people", len(several[0]) if several else 0
    ):
        able = [captions for captions in several if len(captions) > i]
        rounds.append(score([captions[i] for captions in able], [[*c[:i], *c[i + 1 :]] for c in able]))
    if not rounds:
        return None
    return Scores(**{name: fmean(one.as_dict()[name] for one in rounds) for name in rounds[0].as_dict()})


def interval(values: NDArray[np.float64], seed: int = 0) -> tuple[float, float]:
    """95 % bootstrap interval of the mean of float64[B] (Efron 1979, percentile method)."""
    chosen = np.random.default_rng(seed).integers(len(values), size=(RESAMPLES, len(values)))
    low, high = np.percentile(values[chosen].mean(axis=1), [2.5, 97.5])
    return float(low), float(high)


def table(found: Evaluation) -> str:
    """A table of the model between the constant caption and people, and what its sentences are like."""
    rows = {"this model": found.scores, "always the same caption": found.constant_baseline}
    if found.human_baseline:
        rows["people"] = found.human_baseline
    low, high = found.cider_interval
    lines = [
        f"{found.split_name} {found.split} split, {found.images} pictures, tokeniser {found.tokenizer}, "
        f"beam {found.beams}, length penalty {found.length_penalty:g}",
        " " * 24
        + "".join(f"{name:>8}" for name in ("BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4", "ROUGE-L", "CIDEr")),
    ]
    for name, scores in rows.items():
        lines.append(f"{name:24}" + "".join(f"{value:8.3f}" for value in scores.as_dict().values()))
    return "\n".join(
        [
            *lines,
            f"CIDEr lies between {low:.3f} and {high:.3f} (95 %, bootstrap over pictures)",
            f"{found.distinct_captions} distinct captions, {found.words_used} distinct words",
            f"{found.verbatim_share:.1%} word for word from training",
            f"{found.repeated_ngrams_share:.1%} repeat themselves, "
            f"{found.incomplete_share:.1%} end before the noun",
            f"{found.repeated_words_share:.1%} say a content word twice (people: "
            f"{found.human_repeated_words_share:.1%})",
            f"{1000 * found.seconds_per_image:.0f} ms a picture",
        ]
    )


def write(bundle: Bundle, evaluation: Evaluation, rows: Sequence[Row], command: str) -> Bundle:
    """Seal figures, captions, a fresh model card and the decoding options that gave them into the bundle."""
    from captioner.bundle import model_card  # here, as captioning needs none

    metrics = {**evaluation.as_dict(), "command": command}
    checked = schema.decode(metrics, Metrics, "metrics.json")
    config = structs.replace(
        bundle.config,
        beams=evaluation.beams,
        length_penalty=evaluation.length_penalty,
        max_words=evaluation.max_words,
    )
    return bundles.replace(
        bundle.folder,
        {
            "config.json": json.dumps(config.to_json(), indent=1, sort_keys=True) + "\n",
            "metrics.json": json.dumps(metrics, indent=1) + "\n",
            "predictions.csv": _csv(rows),
            "README.md": model_card.render(
                config, checked, bundle.history(), bundle.dataset(), bundle.baselines()
            ),
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


def _row(prediction: Prediction, said: Tokens, meant: Sequence[Tokens], cider: float) -> Row:
    return {
        "image": prediction.image,
        "caption": prediction.caption,
        "log_prob": round(prediction.log_prob, 4),
        "score": round(prediction.score, 4),
        "bleu4": round(sentence_bleu4(said, meant), 4),
        "rouge_l": round(rouge_l(said, meant), 4),
        "cider": round(cider, 4),
    }


def _csv(rows: Sequence[Row]) -> str:
    file = io.StringIO()
    writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


def _share(found: Iterable[bool]) -> float:
    return fmean(map(float, found))
