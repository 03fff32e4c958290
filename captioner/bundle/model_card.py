"""README.md of a bundle: the model card that the Hugging Face Hub and the app's page *How it works* show.

Its text is the Jinja template ``model_card.md.jinja``; this module computes what the template inserts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from captioner.bundle import dataset_info
from captioner.bundle.dataset_info import DatasetInfo
from captioner.bundle.ratings import RatingSummary
from captioner.bundle.schema import Baseline, CalibrationParameters, Config, DatasetStatistics, Epoch, Metrics
from captioner.metrics import METRICS

if TYPE_CHECKING:
    from huggingface_hub import EvalResult, ModelCardData

TEMPLATE = Path(__file__).with_name("model_card.md.jinja")
DECODER_DESCRIPTIONS = {
    "attention": "an LSTM with soft attention over the regions at every word",
    "inject": "an LSTM whose first input is the picture",
    "merge": "an LSTM over the words, whose output is merged with the picture before each word is chosen",
}
ENCODER_DESCRIPTIONS = {
    "mobilenet_edgetpu": "Google's MobileNetEdgeTPU of MLPerf Mobile (Apache-2.0)",
    "inception_v3": "Google's Inception v3 (Apache-2.0)",
}
KAGGLE_SPLIT = "pictures in file-name order, the first 85 % for training, the rest for validation"
# Fields that must be equal for scores to be comparable; decoding may differ, so every row names its own.
CONDITIONS = ("split_name", "split", "images", "tokenizer", "max_words")
DECODING = ("beams", "length_penalty", "samples")

_LIMITS = """\
## Limits and known failures

- Do not use it to identify or to judge people. It cannot know names, ages, gender, relations, jobs or
  feelings: "a man" or "a girl" is a guess from looks, and repeats the habits of those who described the
  training pictures.
- Where a mistake does harm, a person has to look at the picture. It always says something.
{seen}
- Counting beyond two or three, left and right, small things and their colours, and writing in the picture are
  unreliable.
- The probabilities tell how sure the model is of a word. They do not tell whether the sentence is true.
- English only, one short sentence.
"""

# For those who ask whether they may use it, at work, too. The About page says the same.
_LICENCE = """\
The model and the program are under the Apache License 2.0: everybody may use them, at work, too, change them
and pass them on with that licence. It sets no conditions for the captions.

{terms} Neither they nor the sentences that people wrote about them are part of the model. Whether such
training limits commercial use is a legal question that the licence does not answer: where it matters, ask.
"""


def limits(info: DatasetInfo) -> str:
    """Markdown: what a model that learned from these photographs cannot do."""
    return _LIMITS.format(seen=info.limits)


def licence(info: DatasetInfo) -> str:
    """Markdown: what may be done with such a model."""
    return _LICENCE.format(terms=info.terms)


def describe_split(name: str, info: DatasetInfo) -> str:
    """Which pictures are in which part of the official or kaggle split."""
    return KAGGLE_SPLIT if name == "kaggle" else info.official_split


def render(
    config: Config,
    metrics: Metrics | None,
    history: Sequence[Epoch],
    dataset: DatasetStatistics | None,
    baselines: Sequence[Baseline] = (),
    calibration: CalibrationParameters | None = None,
    ratings_summary: RatingSummary | None = None,
) -> str:
    """Markdown with a YAML head, from the other files of a bundle. Sections without data are left out.

    Args:
        baselines: results of other bundles; only those measured under the same ``CONDITIONS`` are shown.
        ratings_summary: how people rated the captions, where the owner wants to show that.
    """
    from huggingface_hub import ModelCard

    rows, columns = config.grid
    info = dataset_info.of(dataset)
    card = ModelCard.from_template(
        _metadata(metrics, info),
        template_path=str(TEMPLATE),
        config=config,
        metrics=metrics,
        history=history,
        calibration=calibration,
        people=ratings_summary,
        dataset=dataset,
        info=info,
        limits=limits(info),
        licence=licence(info),
        regions=f"{rows * columns} regions ({rows} × {columns})" if rows * columns > 1 else "one vector",
        decoder=DECODER_DESCRIPTIONS.get(config.decoder, config.decoder),
        encoder=describe_encoder(config),
        score_names=[metric.name for metric in METRICS.values()],
        score_rows=score_rows(metrics, baselines) if metrics else [],
        decoding_differs=decoding_differs(metrics, baselines) if metrics else False,
        split_description=describe_split(config.split_name, info),
        split_sizes=", ".join(f"{n:,} {split}" for split, n in dataset.images.items()) if dataset else "",
        training_hours=sum(epoch.seconds or 0 for epoch in history) / 3600,
        phases=list(dict.fromkeys(epoch.phase for epoch in history)),
    )
    return f"{card}\n"


def describe_encoder(config: Config) -> str:
    """The networks that read the picture, with their origin."""
    networks = config.encoder.split(" + ")
    return " and ".join(
        ENCODER_DESCRIPTIONS.get(name, f"`{name}` of keras.applications") for name in networks
    )


def _metadata(metrics: Metrics | None, info: DatasetInfo) -> ModelCardData:
    """The YAML head, after the Hub's model card specification."""
    from huggingface_hub import ModelCardData

    return ModelCardData(
        language="en",
        license="apache-2.0",
        library_name="litert",  # "keras" would promise that keras.saving.load_model opens it
        pipeline_tag="image-to-text",
        tags=["image-captioning"],
        datasets=[info.hub_name],
        metrics=list(
            dict.fromkeys(metric.hub_type for key, metric in METRICS.items() if key in metrics.scores)
        )
        if metrics
        else None,
        model_name="captioner" if metrics else None,
        eval_results=_eval_results(metrics, info) if metrics else None,
    )


def _eval_results(metrics: Metrics, info: DatasetInfo) -> list[EvalResult]:
    """One result per score, each with the split, tokeniser and decoding options it depends on."""
    from huggingface_hub import EvalResult

    return [
        EvalResult(
            task_type="image-to-text",
            task_name="Image captioning",
            dataset_type=info.hub_name,
            dataset_name=info.name,
            dataset_split=metrics.split,
            dataset_args={"split_name": metrics.split_name, "images": metrics.images},
            metric_type=metric.hub_type,
            metric_name=metric.name,
            metric_value=metrics.scores[key],
            metric_args={
                name: getattr(metrics, name)
                for name in ("tokenizer", *DECODING, "max_words")
                if name != "samples" or metrics.samples
            },
        )
        for key, metric in METRICS.items()
        if key in metrics.scores
    ]


def score_rows(metrics: Metrics, baselines: Sequence[Baseline]) -> list[tuple[str, str, list[str]]]:
    """Name, decoding and scores of each row of the results table; a missing score is a dash."""
    rows: list[tuple[str, str, Mapping[str, float]]] = [
        ("constant baseline: the same caption for every picture", "", metrics.constant_baseline),
        *(
            (_describe_baseline(row), describe_decoding(row), row.scores)
            for row in _comparable(metrics, baselines)
        ),
        ("**this model**", describe_decoding(metrics), metrics.scores),
    ]
    if metrics.human_baseline:
        rows.append(("a person: one reference scored against the others", "", metrics.human_baseline))
    return [
        (name, decoding, [f"{scores[key]:.3f}" if key in scores else "–" for key in METRICS])
        for name, decoding, scores in rows
    ]


def decoding_differs(metrics: Metrics, baselines: Sequence[Baseline]) -> bool:
    """Whether a row of the results table was decoded in another way than this model."""
    own = describe_decoding(metrics)
    return any(describe_decoding(row) != own for row in _comparable(metrics, baselines))


def describe_decoding(scored: Metrics | Baseline) -> str:
    """How the captions of a row were found and chosen."""
    samples = f", chosen with {scored.samples} samples" if scored.samples else ""
    return f"beam {scored.beams}, length penalty {scored.length_penalty:g}{samples}"


def _comparable(metrics: Metrics, baselines: Sequence[Baseline]) -> list[Baseline]:
    return [
        row for row in baselines if all(getattr(row, name) == getattr(metrics, name) for name in CONDITIONS)
    ]


def _describe_baseline(baseline: Baseline) -> str:
    return (
        f"recipe `{baseline.recipe}`, {baseline.encoder}, {baseline.decoder}, "
        f"trained: {', '.join(baseline.phases)} ({baseline.training_hours:.1f} h, "
        f"{baseline.megabytes:.0f} MB, {baseline.seconds_per_image:.2f} s per picture)"
    )
