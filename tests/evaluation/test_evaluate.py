"""Evaluation scores captions between the constant and the human baseline."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from captioner import metrics
from captioner.bundle import storage
from captioner.data import datasets
from captioner.data.datasets import Dataset
from captioner.errors import DatasetError, ImageError
from captioner.evaluation import evaluate
from captioner.inference.captioner import Caption, default_options
from captioner.inference.decoding import Candidate, DecodingOptions
from captioner.text import words
from tests import tiny

TRAIN = {"0.png": ("A dog runs.", "a dog in the grass")}
TEST = {
    "1.png": ("A dog runs on grass!", "the dog runs", "one brown dog is running"),
    "2.png": ("A man in red.", "a man wears a red shirt", "???"),
    "3.png": ("Two women play ball", "women playing", "two people with a ball"),
}


class FakeCaptioner:
    """A fake captioner that tells pictures by their colour, and returns the captions it was made with."""

    def __init__(self, folder: Path, captions: dict[str, str], **changes: Any) -> None:
        self.bundle = storage.write(folder, tiny.required_files(tiny.config(**changes)))
        self.options = DecodingOptions(beams=3, length_penalty=0.7, max_words=8)
        self.captions = {int(Path(name).stem): caption for name, caption in captions.items()}
        self.options_used: list[DecodingOptions | None] = []

    def caption(self, image: NDArray[np.uint8], options: DecodingOptions | None = None) -> Caption:
        self.options_used.append(options)
        best = Candidate(self.captions[int(image[0, 0, 0])], (), -1.5, -0.5, True)
        return Caption((best, replace(best, text="not this one")), (), ())


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    (tmp_path / "images").mkdir()
    for name in (*TRAIN, *TEST):
        Image.new("RGB", (16, 16), (int(Path(name).stem), 0, 0)).save(tmp_path / "images" / name)
    return Dataset(tmp_path / "images", "official", {"train": TRAIN, "test": TEST})


@pytest.fixture
def fake_captioner(tmp_path: Path) -> Callable[..., FakeCaptioner]:
    return lambda captions, **changes: FakeCaptioner(tmp_path / "artifacts", captions, **changes)


def test_a_model_is_not_scored_on_another_dataset(kaggle_folder: Path, tmp_path: Path) -> None:
    files = tiny.required_files(tiny.config()) | {"dataset.json": json.dumps(tiny.DATASET | {"name": "COCO"})}
    coco = storage.write(tmp_path / "artifacts", files)
    with pytest.raises(DatasetError, match=r"trained on COCO, and .* holds Flickr8k\. Name .* --data"):
        evaluate.load_dataset(coco, kaggle_folder)


def test_scores_are_those_of_the_captions(
    dataset: Dataset, fake_captioner: Callable[..., FakeCaptioner]
) -> None:
    captions = {"1.png": "a dog runs", "2.png": "a man in red", "3.png": "two people"}
    result, rows = evaluate.evaluate(fake_captioner(captions), dataset)

    references = [[words(caption) for caption in captions if words(caption)] for captions in TEST.values()]
    candidates = [words(caption) for caption in captions.values()]
    assert result.scores == pytest.approx(metrics.score(candidates, references), abs=1e-6)
    constant = metrics.score([words(evaluate.CONSTANT_CAPTION)] * 3, references)
    assert result.constant_baseline == pytest.approx(constant, abs=1e-6)
    assert [row.caption for row in rows] == list(captions.values())
    assert np.mean([row.cider for row in rows]) == pytest.approx(result.scores["cider"], abs=1e-4)
    assert result.cider_interval[0] <= result.scores["cider"] <= result.cider_interval[1]
    assert (result.split_name, result.split, result.images, result.tokenizer) == (
        "official",
        "test",
        3,
        "captioner",
    )


def test_a_caption_that_a_person_wrote_scores_in_full(
    dataset: Dataset, fake_captioner: Callable[..., FakeCaptioner]
) -> None:
    result, _ = evaluate.evaluate(
        fake_captioner({name: captions[0].lower() for name, captions in TEST.items()}), dataset
    )

    assert result.scores["bleu4"] == pytest.approx(1, abs=1e-6)
    assert result.scores["cider"] > result.constant_baseline["cider"]


def test_people_are_scored_against_each_other() -> None:
    references = [[words(caption) for caption in captions] for captions in (TEST["1.png"], TEST["3.png"])]
    rounds = [
        metrics.score([c[i] for c in references], [[*c[:i], *c[i + 1 :]] for c in references])
        for i in range(3)
    ]
    result = evaluate.human_baseline(references)

    assert result is not None
    assert result == pytest.approx({key: np.mean([one[key] for one in rounds]) for key in metrics.METRICS})


def test_people_agree_when_they_say_the_same() -> None:
    result = evaluate.human_baseline(
        [[words("a dog runs on grass")] * 5, [words("two women play with a ball")] * 5]
    )

    assert result is not None
    assert (result["bleu4"], result["rouge_l"], result["cider"]) == pytest.approx((1, 1, 10), abs=1e-5)


def test_people_have_no_score_where_each_picture_has_one_caption() -> None:
    assert evaluate.human_baseline([[["a", "dog"]], [["a", "cat"]]]) is None


def test_diversity_and_fluency_are_measured(
    dataset: Dataset, fake_captioner: Callable[..., FakeCaptioner]
) -> None:
    captions = {"1.png": "a dog runs", "2.png": "a dog runs", "3.png": "a man on the"}
    result, _ = evaluate.evaluate(fake_captioner(captions), dataset)

    assert (result.distinct_captions, result.words_used) == (2, 6)
    assert result.verbatim_share == pytest.approx(2 / 3)
    assert result.incomplete_share == pytest.approx(1 / 3)
    assert (result.repeated_ngrams_share, result.redundant_share) == (0, 0)


def test_the_scores_stand_below_the_names_of_their_metrics(
    dataset: Dataset, fake_captioner: Callable[..., FakeCaptioner]
) -> None:
    result, _ = evaluate.evaluate(fake_captioner(captioner_texts()), dataset)
    names, *rows = evaluate.table(result).splitlines()[1:5]
    ends = [match.end() for match in re.finditer(r"\S(?=  |$)", names)]
    assert len(ends) == len(metrics.METRICS)
    for row in rows:
        assert [match.end() for match in re.finditer(r"\.\d{3}", row)] == ends


def test_redundant_captions_are_counted_for_model_and_people(
    dataset: Dataset, fake_captioner: Callable[..., FakeCaptioner]
) -> None:
    captions = {"1.png": "a hat and a hat", "2.png": "a man", "3.png": "a man on the"}
    result, _ = evaluate.evaluate(fake_captioner(captions), dataset)

    assert result.redundant_share == pytest.approx(1 / 3)
    assert result.human_redundant_share == 0
    assert "33.3% name a thing twice for no reason or contradict themselves (people: 0.0%)" in evaluate.table(
        result
    )


def test_a_copy_is_found_under_the_rules_the_model_was_trained_with(
    dataset: Dataset, fake_captioner: Callable[..., FakeCaptioner]
) -> None:
    kaggle = replace(dataset, split_name="kaggle", splits={"train": TRAIN, "dev": TEST})
    captions = dict.fromkeys(TEST, "dog in the grass")
    result, _ = evaluate.evaluate(
        fake_captioner(captions, tokenizer="kaggle", split_name="kaggle"), kaggle, "dev"
    )

    assert result.verbatim_share == 1


def test_the_options_are_passed_on_and_reported(
    dataset: Dataset, fake_captioner: Callable[..., FakeCaptioner]
) -> None:
    captioner = fake_captioner(dict.fromkeys(TEST, "a dog"))
    result, rows = evaluate.evaluate(
        captioner, dataset, options=DecodingOptions(beams=2, length_penalty=0.5), limit=2
    )

    assert (result.beams, result.length_penalty, result.images, len(rows)) == (2, 0.5, 2, 2)
    assert {options.beams for options in captioner.options_used if options} == {2}
    assert evaluate.evaluate(captioner, dataset)[0].beams == captioner.options.beams


def test_samples_are_reported_written_and_part_of_the_command(
    dataset: Dataset, fake_captioner: Callable[..., FakeCaptioner]
) -> None:
    captioner = fake_captioner(dict.fromkeys(TEST, "a dog"))
    options = DecodingOptions(beams=2, length_penalty=0.5, samples=40)
    result, rows = evaluate.evaluate(captioner, dataset, options=options)

    assert result.samples == 40
    assert result.command.endswith("--beams 2 --length-penalty 0.5 --samples 40")
    assert "chosen by agreement with 40 samples" in evaluate.table(result)
    sealed = evaluate.write(captioner.bundle, result, rows)
    assert default_options(sealed.config).samples == 40
    assert "most like 40 others" in " ".join(sealed.card().split())

    captioner.options = options
    plain, _ = evaluate.evaluate(captioner, dataset, options=replace(options, samples=0))
    assert plain.command.endswith("--samples 0"), "or the bundle's own would be used"
    assert "samples" not in evaluate.evaluate(fake_captioner(captioner_texts()), dataset)[0].command


def captioner_texts() -> dict[str, str]:
    return dict.fromkeys(TEST, "a dog")


def test_a_model_of_another_split_name_is_refused(
    dataset: Dataset, fake_captioner: Callable[..., FakeCaptioner]
) -> None:
    with pytest.raises(DatasetError, match="shares pictures"):
        evaluate.evaluate(fake_captioner({}, split_name="kaggle"), dataset)


def test_an_absent_split_is_named(dataset: Dataset, fake_captioner: Callable[..., FakeCaptioner]) -> None:
    with pytest.raises(DatasetError, match="no 'dev'; it has train, test"):
        evaluate.evaluate(fake_captioner({}), dataset, "dev")


def test_a_split_without_a_reference_is_refused(
    dataset: Dataset, fake_captioner: Callable[..., FakeCaptioner]
) -> None:
    wordless = replace(dataset, splits={"train": TRAIN, "test": {"1.png": ("???", "собака")}})
    with pytest.raises(DatasetError, match="no picture of the test split has a caption with a word"):
        evaluate.evaluate(fake_captioner({}), wordless)


def test_an_unreadable_picture_stops_it(
    dataset: Dataset, fake_captioner: Callable[..., FakeCaptioner]
) -> None:
    dataset.path("2.png").write_bytes(b"no picture")

    with pytest.raises(ImageError, match=r"2\.png"):
        evaluate.evaluate(fake_captioner(dict.fromkeys(TEST, "a dog")), dataset)


@given(st.lists(st.floats(0, 10), min_size=1, max_size=50))
def test_the_interval_lies_within_the_values_and_repeats(values: list[float]) -> None:
    low, high = evaluate.bootstrap_interval(np.array(values))

    assert min(values) - 1e-9 <= low <= high <= max(values) + 1e-9
    assert evaluate.bootstrap_interval(np.array(values)) == (low, high)


def test_writing_reseals_figures_captions_card_and_options(
    dataset: Dataset, fake_captioner: Callable[..., FakeCaptioner]
) -> None:
    captioner = fake_captioner(dict.fromkeys(TEST, 'a dog, "red"'))
    result, rows = evaluate.evaluate(captioner, dataset, options=DecodingOptions(beams=2, length_penalty=0.5))
    sealed = evaluate.write(captioner.bundle, result, rows)

    assert sealed == storage.load(sealed.folder)
    written = sealed.metrics()
    assert written
    assert written == result
    assert sealed.predictions() == rows
    assert (sealed.config.beams, sealed.config.length_penalty) == (2, 0.5)
    assert [row.image for row in rows] == list(TEST)
    assert sealed.predictions()[0].caption == 'a dog, "red"'
    assert f"{result.scores['cider']:.3f}" in sealed.card()
    assert result.command in sealed.card()


@pytest.mark.slow
def test_people_on_the_official_test_split(real_flickr8k: Path) -> None:
    dataset = datasets.load(real_flickr8k)
    result = evaluate.human_baseline(
        [[words(caption) for caption in c] for c in dataset.splits["test"].values()]
    )

    assert result is not None
    assert (result["bleu1"], result["bleu4"], result["rouge_l"]) == pytest.approx(
        (0.647, 0.214, 0.495), abs=0.002
    )
