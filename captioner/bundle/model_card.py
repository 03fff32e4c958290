"""README.md of a bundle: the model card that the Hugging Face Hub and the app's About page show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from captioner.bundle.config import Config
from captioner.bundle.schema import Baseline, DatasetStatistics, Epoch, Metrics
from captioner.metrics import METRICS

if TYPE_CHECKING:
    from huggingface_hub import EvalResult

DATASET = "jxie/flickr8k"  # the copy on the Hub whose test split is the official one
DECODERS = {
    "attention": "an LSTM that looks at the regions afresh for every word (soft attention)",
    "inject": "an LSTM that is given the picture as its first word",
    "merge": "an LSTM over the words, joined with the picture just before each word is chosen",
}
ENCODERS = {
    "mobilenet_edgetpu": "Google's MobileNetEdgeTPU of MLPerf Mobile (Apache-2.0)",
    "inception_v3": "Google's Inception v3 (Apache-2.0)",
}
# Of comparable scores.
CONDITIONS = ("split_name", "split", "images", "tokenizer", "beams", "length_penalty", "max_words")
CUTS = {
    "official": "the authors' own lists of 6,000 training, 1,000 development and 1,000 test pictures",
    "kaggle": "pictures in file-name order, the first 85 % for training, the rest for validation",
}

LIMITS = """\
## Limits and known failures

- It cannot know names, ages, gender, relations, jobs or feelings. "A man", "a girl" or "a couple" is a guess
  from how people in the training pictures look, and repeats the habits of those who described them. Do not
  use it to identify or to judge people.
- It learnt to write from a few thousand photographs, mostly of people and dogs outdoors. Drawings,
  screenshots, food, medical pictures and much else get a fluent sentence that is wrong. It always says
  something.
- Counting beyond two or three, left and right, small things and their colours, and writing in the picture are
  unreliable.
- The probabilities tell how sure the model is of a word, given the words before. They do not tell whether the
  sentence is true.
- English only, one short sentence. Where a mistake does harm, a person has to look at the picture.
"""

FILES = """\
## Files

| file | what is in it |
|---|---|
| `captioner.tflite` | the model: signatures `encode`, `start` and `step` |
| `vocabulary.json` | the words in id order: padding, start, end, unknown, then by frequency |
| `config.json` | encoder, decoder, picture size, region grid, decoding defaults, library versions |
| `history.csv` | one row an epoch |
| `metrics.json`, `predictions.csv` | the scores above, and the caption behind each with its own |
| `baselines.json` | results of other recipes, scored in the same way, where there are any |
| `novelty.json` | what tells pictures unlike the training pictures, with its false positives |
| `dataset.json` | counts that describe the training captions |
| `manifest.json` | size and SHA-256 of every file; captioner refuses a folder that differs |

JSON, CSV and one flatbuffer: opening them runs no code.
"""


def render(
    config: Config,
    metrics: Metrics | None,
    history: Sequence[Epoch],
    dataset: DatasetStatistics | None,
    beside: Sequence[Baseline] = (),
) -> str:
    """Markdown with a YAML head, from the other files of a bundle; what is empty is left out.

    Args:
        beside: results of other bundles, of which those are shown that were scored alike.
    """
    parts = [
        _what(config),
        _results(metrics, beside) if metrics else "",
        _use(config),
        _training(config, history, dataset),
        LIMITS,
        FILES,
        _licence(config),
    ]
    return f"---\n{_head(metrics)}\n---\n\n" + "\n".join(part for part in parts if part)


def _head(metrics: Metrics | None) -> str:
    """Metadata after the Hub's model card specification; the library's writer quotes what needs quotes."""
    from huggingface_hub import ModelCardData

    data = ModelCardData(
        language="en",
        license="apache-2.0",
        library_name="litert",  # "keras" would promise that keras.saving.load_model opens it
        pipeline_tag="image-to-text",
        tags=["image-captioning"],
        datasets=[DATASET],
        metrics=list(dict.fromkeys(metric.hub_type for metric in METRICS.values())) if metrics else None,
        model_name="captioner" if metrics else None,
        eval_results=_evaluations(metrics) if metrics else None,
    )
    return str(data.to_yaml()).rstrip()


def _evaluations(metrics: Metrics) -> list[EvalResult]:
    """One result a score; a score without its split, tokeniser and decoding says nothing."""
    from huggingface_hub import EvalResult

    return [
        EvalResult(
            task_type="image-to-text",
            task_name="Image captioning",
            dataset_type=DATASET,
            dataset_name="Flickr8k",
            dataset_split=metrics.split,
            dataset_args={"cut": metrics.split_name, "images": metrics.images},
            metric_type=METRICS[key].hub_type,
            metric_name=METRICS[key].name,
            metric_value=value,
            metric_args={
                name: getattr(metrics, name) for name in ("tokenizer", "beams", "length_penalty", "max_words")
            },
        )
        for key, value in _known(metrics.scores).items()
    ]


def _what(config: Config) -> str:
    rows, columns = config.grid
    seen = f"{rows * columns} regions ({rows} × {columns})" if rows * columns > 1 else "one vector"
    twice = ", the mean of the picture's and its mirror image's" if config.horizontal_flip else ""
    return f"""\
# captioner

A picture goes in, one English sentence comes out, with the probability of every word in it.

`{config.encoder}` reads the picture, squashed to {config.image_size} × {config.image_size} pixels, as
{seen}{twice};
{_writes(config)}.
Beam search keeps the {config.beams} best beginnings at every word.
It runs on LiteRT: neither TensorFlow nor a GPU is needed to use it.
"""


def _writes(config: Config) -> str:
    decoder = DECODERS.get(config.decoder, config.decoder)
    if config.members == 1:
        return f"{decoder} writes the sentence"
    return (
        f"{config.members} decoders, trained side by side, write the sentence together, by the mean of "
        f"their\nprobabilities; each is {decoder}"
    )


def _results(metrics: Metrics, beside: Sequence[Baseline]) -> str:
    alike = [
        one for one in beside if all(getattr(one, name) == getattr(metrics, name) for name in CONDITIONS)
    ]
    rows = [
        ("floor: one sentence for every picture", metrics.constant_baseline),
        *((_other(one), one.scores) for one in alike),
        ("**this model**", metrics.scores),
    ]
    if metrics.human_baseline:
        rows.append(("a person: one caption, against one reference less", metrics.human_baseline))
    low, high = metrics.cider_interval
    return f"""\
## Results

{_table(rows)}
{metrics.images:,} pictures of the {metrics.split} split ({metrics.split_name} cut);
{metrics.tokenizer} tokeniser (lower case; letters, digits and apostrophes only);
beam {metrics.beams}, length penalty {metrics.length_penalty}, at most {metrics.max_words} words;
BLEU, ROUGE-L and CIDEr as coco-caption defines them.
The 95 % interval of CIDEr is {low:.3f} to {high:.3f} (bootstrap over pictures).

{metrics.distinct_captions:,} of the captions differ; they use {metrics.words_used:,} different words.
{metrics.verbatim_share:.1%} are word for word among the training captions,
{metrics.repeated_ngrams_share:.1%} say a word twice in a row or the same three words twice
(which the search forbids), {metrics.incomplete_share:.1%} break off after an article or a preposition.
{_repeated(metrics)}A picture took {metrics.seconds_per_image:.2f} s on the machine that measured it.

```sh
{metrics.command}
```
"""


def _repeated(metrics: Metrics) -> str:
    """Of people's captions, too, as words may well stand twice; nothing where it was not counted."""
    model, people = metrics.repeated_words_share, metrics.human_repeated_words_share
    if model is None or people is None:
        return ""
    return f"{model:.1%} say a content word twice, as do {people:.1%} of people's.\n"


def _other(one: Baseline) -> str:
    return (
        f"recipe `{one.recipe}`, {one.encoder}, {one.decoder}, "
        f"trained: {', '.join(one.phases)} "
        f"({one.training_hours:.1f} h, {one.megabytes:.0f} MB, {one.seconds_per_image:.2f} s a picture)"
    )


def _table(rows: Sequence[tuple[str, Mapping[str, float]]]) -> str:
    """A row for each of them; a metric that it was not scored by is a dash."""
    head = f"| | {' | '.join(metric.name for metric in METRICS.values())} |\n|---|{'--:|' * len(METRICS)}\n"
    for name, scores in rows:
        cells = [f"{scores[key]:.3f}" if key in scores else "–" for key in METRICS]
        head += f"| {name} | {' | '.join(cells)} |\n"
    return head


def _known(scores: Mapping[str, float]) -> dict[str, float]:
    return {key: scores[key] for key in METRICS if key in scores}


def _use(config: Config) -> str:
    return f"""\
## How to use it

In a checkout of captioner, with this folder as `artifacts/` (`python -m captioner pull USER/REPO` puts it
there):

```sh
python -m captioner caption photo.jpg
```

```python
from captioner import bundle, images
from captioner.model import Captioner

captioner = Captioner(bundle.load("artifacts"))
print(captioner.caption(images.read("photo.jpg")).best.text)
```

Without captioner: `captioner.tflite` has three signatures.
`encode` takes `image uint8[1, {config.image_size}, {config.image_size}, 3]` and gives `regions`;
`start` takes those and gives the first state (`state_*`) and what stays the same for the picture (`fixed_*`);
`step` takes the last word's id, the state and what stays the same, and gives the log-probability of every
next word, the next state and, if the model tells, where it looked (`attention`).
"""


def _training(config: Config, history: Sequence[Epoch], dataset: DatasetStatistics | None) -> str:
    return f"""\
## Training data

Flickr8k: M. Hodosh, P. Young and J. Hockenmaier, *Framing Image Description as a Ranking Task*, JAIR 47
(2013). Five captions a picture by crowd workers; the {config.split_name} cut ({CUTS[config.split_name]}).
{_counts(dataset)}
The photographs belong to their owners on Flickr and were given for non-commercial research and education.
Neither they nor the reference captions are part of this model.
{_before(config)}{_effort(history)}
"""


def _before(config: Config) -> str:
    if not config.pretrained:
        return ""
    return (
        "The encoder began with weights trained on ImageNet, to name the thing that a photograph shows;\n"
        "all the words come from Flickr8k.\n"
    )


def _counts(dataset: DatasetStatistics | None) -> str:
    if not dataset:
        return ""
    sizes = ", ".join(f"{count:,} {split}" for split, count in dataset.images.items())
    words = dataset.words
    return (
        f"Pictures: {sizes}. The training captions have {words.distinct:,} different words;\n"
        f"the model knows {words.vocabulary_size:,}."
    )


def _effort(history: Sequence[Epoch]) -> str:
    if not history:
        return ""
    phases = list(dict.fromkeys(row.phase for row in history))
    hours = sum(row.seconds or 0 for row in history) / 3600
    return f"Training took {hours:.1f} hours: {len(history)} epochs ({', '.join(phases)})."


def _licence(config: Config) -> str:
    networks = config.encoder.split(" + ")
    encoder = " and ".join(ENCODERS.get(name, f"`{name}` of keras.applications") for name in networks)
    return f"""\
## Licence

Apache-2.0. Its encoder is {encoder}.
Made with the `{config.recipe}` recipe, seed {config.seed}, on {config.created[:10]}.
"""
