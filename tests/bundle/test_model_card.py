"""The model card is valid for the Hub and agrees with the bundle."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import EvalResult, ModelCard, ModelCardData
from PIL import Image

from captioner.bundle import dataset_info, reader
from captioner.bundle.model_card import render
from captioner.bundle.schema import Baseline, DatasetStatistics, Epoch, Metrics
from captioner.child_process import ROOT
from captioner.metrics import METRICS as REGISTRY
from tests import tiny

MODEL, CONSTANT, PEOPLE = (
    dict(zip(REGISTRY, numbers, strict=True))
    for numbers in (
        (0.62, 0.44, 0.3, 0.197, 0.455, 0.484, 0.41),
        (0.438, 0.26, 0.16, 0.091, 0.341, 0.055, 0.1),
        (0.647, 0.45, 0.31, 0.214, 0.495, 0.82, 0.47),
    )
)
METRICS: dict[str, Any] = {
    "split_name": "official",
    "split": "test",
    "images": 1000,
    "tokenizer": "captioner",
    "beams": 5,
    "length_penalty": 0.7,
    "max_words": 20,
    "scores": MODEL,
    "constant_baseline": CONSTANT,
    "human_baseline": PEOPLE,
    "cider_interval": [0.454, 0.514],
    "distinct_captions": 812,
    "words_used": 431,
    "verbatim_share": 0.123,
    "repeated_ngrams_share": 0.004,
    "incomplete_share": 0.001,
    "seconds_per_image": 0.08,
    "command": "python -m captioner evaluate --beams 5 --write",
}
HISTORY = [Epoch(1, "decoder", seconds=3000), Epoch(2, "fine-tune", seconds=4200), Epoch(3, "fine-tune")]


def results(card: ModelCard) -> list[EvalResult]:
    assert isinstance(card.data, ModelCardData)
    return card.data.eval_results or []


def metrics(**changes: Any) -> Metrics:
    return reader.decode(METRICS | changes, Metrics, "metrics.json")


def card(**changes: Any) -> ModelCard:
    statistics = reader.decode(tiny.DATASET, DatasetStatistics, "dataset.json")
    whole: dict[str, Any] = {"metrics": metrics(), "history": HISTORY, "dataset": statistics}
    arguments = {"config": tiny.config(), **whole, **changes}
    return ModelCard(render(**arguments), ignore_metadata_errors=False)


def test_the_card_names_the_horizontal_flip() -> None:
    assert "horizontally flipped" in card(config=tiny.config(horizontal_flip=True)).text
    assert "horizontally flipped" not in card(config=tiny.config(horizontal_flip=False)).text


def test_the_card_says_how_many_decoders_write() -> None:
    assert "decoders" not in card(config=tiny.config(members=1)).text
    assert "3 decoders, trained together" in card(config=tiny.config(members=3)).text


def test_the_card_says_how_a_caption_is_chosen() -> None:
    assert "sample" not in card().content
    sampled = card(config=tiny.config(samples=40), metrics=metrics(samples=40))
    assert "most like 40 others that are sampled" in " ".join(sampled.text.split())
    assert "agreement with 40 samples, at most 20 words" in sampled.text
    assert "| `document_frequencies.json` |" in sampled.text
    arguments = results(sampled)[0].metric_args
    assert arguments
    assert arguments["samples"] == 40


def test_the_head_is_what_the_hub_asks_for() -> None:
    data = card().data
    assert isinstance(data, ModelCardData)
    head = vars(data)
    assert (head["library_name"], head["pipeline_tag"]) == ("litert", "image-to-text")
    assert (data.license, data.language, data.datasets) == (
        "apache-2.0",
        "en",
        [dataset_info.FLICKR8K.hub_name],
    )
    assert data.metrics == ["bleu", "rouge", "cider", "content_f1"]


@pytest.mark.parametrize("name", [*dataset_info.DATASETS])
def test_the_card_names_the_dataset_and_claims_no_other(name: str) -> None:
    made = card(dataset=reader.decode(tiny.DATASET | {"name": name}, DatasetStatistics, "dataset.json"))
    one = dataset_info.DATASETS[name]
    for own in (f"{name}: {one.publication}", one.terms, one.limits, one.official_split):
        assert own in made.text
    assert {result.dataset_name for result in results(made)} == {name}
    for other in {*dataset_info.DATASETS} - {name}:
        assert other not in made.content
        assert dataset_info.DATASETS[other].hub_name not in made.content


def test_a_score_that_was_not_measured_is_a_dash_and_not_in_the_head() -> None:
    coco = {key: score for key, score in MODEL.items() if key != "content_f1"}
    older = card(metrics=metrics(scores=coco))
    assert "| Content-word F1 |" in older.text
    assert "| 0.484 | – |" in older.text
    assert "content_f1" not in older.content


def test_every_result_carries_its_split_and_options() -> None:
    assert {result.metric_name: result.metric_value for result in results(card())} == {
        "BLEU-1": 0.62, "BLEU-2": 0.44, "BLEU-3": 0.3, "BLEU-4": 0.197, "ROUGE-L": 0.455, "CIDEr": 0.484,
        "Content-word F1": 0.41,
    }  # fmt: skip
    for result in results(card()):
        assert (result.dataset_type, result.dataset_split) == ("jxie/flickr8k", "test")
        assert result.dataset_args == {"split_name": "official", "images": 1000}
        assert result.metric_args == {
            "tokenizer": "captioner",
            "beams": 5,
            "length_penalty": 0.7,
            "max_words": 20,
        }


def test_the_text_has_the_figures_and_the_command_that_gives_them() -> None:
    text = card().text
    for figure in ("0.484", "0.055", "0.820", "0.454 to 0.514", "812", "431", "12.3%", "2.0 hours", "2,519"):
        assert figure in text
    assert METRICS["command"] in text


def test_what_is_not_known_is_left_out() -> None:
    bare = card(metrics=None, history=[], dataset=None)
    assert "## Results" not in bare.text
    assert "hours" not in bare.text
    assert "model-index" not in bare.content
    assert "| a person" not in card(metrics=metrics(human_baseline=None)).text


def test_the_card_names_the_pretraining_of_the_encoder() -> None:
    assert "ImageNet" not in card(config=tiny.config(pretrained=False)).text
    assert "ImageNet" in card(config=tiny.config(pretrained=True)).text


def test_odd_names_do_not_break_the_head() -> None:
    odd = 'x: "y"\'; # [z] --- !!python/object'
    result = results(card(metrics=metrics(split=odd, tokenizer=odd)))[0]
    assert result.dataset_split == odd
    assert result.metric_args
    assert result.metric_args["tokenizer"] == odd


@pytest.mark.parametrize("decoder", ["attention", "inject", "merge", "another"])
@pytest.mark.parametrize("split", ["official", "kaggle"])
@pytest.mark.parametrize("encoder", ["mobilenet_edgetpu", "densenet201"])
def test_every_recipe_has_a_card(decoder: str, split: str, encoder: str) -> None:
    text = card(config=tiny.config(decoder=decoder, split_name=split, encoder=encoder)).text
    assert ("MLPerf" in text) == (encoder == "mobilenet_edgetpu")


def test_redundant_captions_are_compared_with_peoples_where_counted() -> None:
    assert "twice for no reason" not in card().text
    counted = metrics(redundant_share=0.057, human_redundant_share=0.002)
    sentence = "5.7% name a thing twice for no reason or contradict themselves, as do 0.2% of people's."
    assert sentence in card(metrics=counted).text


def test_the_python_example_runs(tmp_path: Path) -> None:
    bundle = tiny.runnable_bundle(tmp_path / "artifacts")
    Image.new("RGB", (32, 32)).save(tmp_path / "photo.jpg")
    (example,) = re.findall(r"```python\n(.*?)```", card().text, re.DOTALL)
    run = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{example}"],
        cwd=tmp_path, capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert set(run.stdout.split()) <= set(bundle.vocabulary.words)
    assert run.stdout.strip()


def test_every_baseline_is_a_row_of_the_table_if_it_is_comparable() -> None:
    row = {**METRICS, "recipe": "merge", "encoder": "e", "decoder": "merge", "phases": ["decoder"],
           "megabytes": 1.0, "training_hours": 0.5}  # fmt: skip
    comparable, other = (
        reader.decode(row | change, Baseline, "baselines.json")
        for change in ({}, {"max_words": 30, "recipe": "inject"})
    )
    table = card(baselines=[comparable, other]).text
    name = "recipe `merge`, e, merge, trained: decoder (0.5 h, 1 MB, 0.08 s per picture)"
    assert f"| {name} | beam 5, length penalty 0.7 | 0.620 |" in table
    assert "| **this model** | beam 5, length penalty 0.7 | 0.620 |" in table
    assert "`inject`" not in table
    assert "decoded in the same way" not in table


@pytest.mark.parametrize(
    ("changes", "decoding"),
    [
        ({"beams": 20}, "beam 20, length penalty 0.7"),
        ({"length_penalty": 1}, "beam 5, length penalty 1"),
        ({"samples": 40}, "beam 5, length penalty 0.7, chosen with 40 samples"),
    ],
)
def test_a_baseline_decoded_in_another_way_is_shown_with_its_decoding(
    changes: dict[str, Any], decoding: str
) -> None:
    row = {**METRICS, "recipe": "merge", "encoder": "e", "decoder": "merge", "phases": ["decoder"],
           "megabytes": 1.0, "training_hours": 0.5}  # fmt: skip
    other = reader.decode(row, Baseline, "baselines.json")
    text = card(metrics=metrics(**changes), baselines=[other]).text
    assert f"| **this model** | {decoding} | 0.620 |" in text
    assert "s per picture) | beam 5, length penalty 0.7 | 0.620 |" in text
    assert "not all were decoded in the same way" in text
