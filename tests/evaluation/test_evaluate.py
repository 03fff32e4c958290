"""Evaluation scores captions between the constant and the human baseline."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from numpy.typing import NDArray
from PIL import Image

from captioner import metrics
from captioner.bundle import storage
from captioner.data import flickr8k
from captioner.data.flickr8k import Dataset
from captioner.errors import DatasetError, ImageError
from captioner.evaluation import evaluate as evaluation
from captioner.inference.captioner import Caption
from captioner.inference.decoding import Candidate, DecodingOptions
from captioner.text import words
from tests import tiny

TRAIN = {"0.png": ("A dog runs.", "a dog in the grass")}
TEST = {
    "1.png": ("A dog runs on grass!", "the dog runs", "one brown dog is running"),
    "2.png": ("A man in red.", "a man wears a red shirt", "???"),
    "3.png": ("Two women play ball", "women playing", "two people with a ball"),
}


class Parrot:
    """A captioner that knows a picture by its colour, and says what it was told to."""

    def __init__(self, folder: Path, said: dict[str, str], **changes: Any) -> None:
        self.bundle = storage.write(folder, tiny.files(tiny.config(**changes)))
        self.options = DecodingOptions(beams=3, length_penalty=0.7, max_words=8)
        self.said = {int(Path(name).stem): caption for name, caption in said.items()}
        self.asked: list[DecodingOptions | None] = []

    def caption(self, image: NDArray[np.uint8], options: DecodingOptions | None = None) -> Caption:
        self.asked.append(options)
        best = Candidate(self.said[int(image[0, 0, 0])], (), -1.5, -0.5, True)
        return Caption((best, replace(best, text="not this one")), (), ())


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    (tmp_path / "images").mkdir()
    for name in (*TRAIN, *TEST):
        Image.new("RGB", (16, 16), (int(Path(name).stem), 0, 0)).save(tmp_path / "images" / name)
    return Dataset(tmp_path / "images", "official", {"train": TRAIN, "test": TEST})


@pytest.fixture
def parrot(tmp_path: Path) -> Callable[..., Parrot]:
    return lambda said, **changes: Parrot(tmp_path / "artifacts", said, **changes)


def test_scores_are_those_of_the_captions(dataset: Dataset, parrot: Callable[..., Parrot]) -> None:
    said = {"1.png": "a dog runs", "2.png": "a man in red", "3.png": "two people"}
    found, rows = evaluation.evaluate(parrot(said), dataset)

    references = [[words(caption) for caption in captions if words(caption)] for captions in TEST.values()]
    candidates = [words(caption) for caption in said.values()]
    assert found.scores == pytest.approx(metrics.score(candidates, references), abs=1e-6)
    constant = metrics.score([words(evaluation.CONSTANT)] * 3, references)
    assert found.constant_baseline == pytest.approx(constant, abs=1e-6)
    assert [row.caption for row in rows] == list(said.values())
    assert np.mean([row.cider for row in rows]) == pytest.approx(found.scores["cider"], abs=1e-4)
    assert found.cider_interval[0] <= found.scores["cider"] <= found.cider_interval[1]
    assert (found.split_name, found.split, found.images, found.tokenizer) == (
        "official",
        "test",
        3,
        "captioner",
    )


def test_a_caption_that_a_person_wrote_scores_in_full(
    dataset: Dataset, parrot: Callable[..., Parrot]
) -> None:
    found, _ = evaluation.evaluate(
        parrot({name: captions[0].lower() for name, captions in TEST.items()}), dataset
    )

    assert found.scores["bleu4"] == pytest.approx(1, abs=1e-6)
    assert found.scores["cider"] > found.constant_baseline["cider"]


def test_people_are_scored_against_each_other() -> None:
    references = [[words(caption) for caption in captions] for captions in (TEST["1.png"], TEST["3.png"])]
    rounds = [
        metrics.score([c[i] for c in references], [[*c[:i], *c[i + 1 :]] for c in references])
        for i in range(3)
    ]
    found = evaluation.human_baseline(references)

    assert found is not None
    assert found == pytest.approx({key: np.mean([one[key] for one in rounds]) for key in metrics.METRICS})


def test_people_agree_when_they_say_the_same() -> None:
    found = evaluation.human_baseline(
        [[words("a dog runs on grass")] * 5, [words("two women play with a ball")] * 5]
    )

    assert found is not None
    assert (found["bleu4"], found["rouge_l"], found["cider"]) == pytest.approx((1, 1, 10), abs=1e-5)


def test_people_have_no_score_where_each_picture_has_one_caption() -> None:
    assert evaluation.human_baseline([[["a", "dog"]], [["a", "cat"]]]) is None


def test_what_the_sentences_are_like(dataset: Dataset, parrot: Callable[..., Parrot]) -> None:
    said = {"1.png": "a dog runs", "2.png": "a dog runs", "3.png": "a man on the"}
    found, _ = evaluation.evaluate(parrot(said), dataset)

    assert (found.distinct_captions, found.words_used) == (2, 6)
    assert found.verbatim_share == pytest.approx(2 / 3)
    assert found.incomplete_share == pytest.approx(1 / 3)
    assert (found.repeated_ngrams_share, found.repeated_words_share) == (0, 0)


def test_repeated_words_are_counted_for_model_and_people(
    dataset: Dataset, parrot: Callable[..., Parrot]
) -> None:
    said = {"1.png": "a hat and a hat", "2.png": "a man", "3.png": "a man on the"}
    found, _ = evaluation.evaluate(parrot(said), dataset)

    assert found.repeated_words_share == pytest.approx(1 / 3)
    assert found.human_repeated_words_share == 0
    assert "33.3% say a content word twice (people: 0.0%)" in evaluation.table(found)


def test_a_copy_is_found_under_the_rules_the_model_was_trained_with(
    dataset: Dataset, parrot: Callable[..., Parrot]
) -> None:
    kaggle = replace(dataset, name="kaggle", splits={"train": TRAIN, "dev": TEST})
    said = dict.fromkeys(TEST, "dog in the grass")
    found, _ = evaluation.evaluate(parrot(said, tokenizer="kaggle", split_name="kaggle"), kaggle, "dev")

    assert found.verbatim_share == 1


def test_the_options_are_passed_on_and_reported(dataset: Dataset, parrot: Callable[..., Parrot]) -> None:
    captioner = parrot(dict.fromkeys(TEST, "a dog"))
    found, rows = evaluation.evaluate(
        captioner, dataset, options=DecodingOptions(beams=2, length_penalty=0.5), limit=2
    )

    assert (found.beams, found.length_penalty, found.images, len(rows)) == (2, 0.5, 2, 2)
    assert {options.beams for options in captioner.asked if options} == {2}
    assert evaluation.evaluate(captioner, dataset)[0].beams == captioner.options.beams


def test_a_split_of_another_cut_is_refused(dataset: Dataset, parrot: Callable[..., Parrot]) -> None:
    with pytest.raises(DatasetError, match="shares pictures"):
        evaluation.evaluate(parrot({}, split_name="kaggle"), dataset)


def test_an_absent_split_is_named(dataset: Dataset, parrot: Callable[..., Parrot]) -> None:
    with pytest.raises(DatasetError, match="no 'dev'; it has train, test"):
        evaluation.evaluate(parrot({}), dataset, "dev")


def test_a_split_without_a_reference_is_refused(dataset: Dataset, parrot: Callable[..., Parrot]) -> None:
    wordless = replace(dataset, splits={"train": TRAIN, "test": {"1.png": ("???", "собака")}})
    with pytest.raises(DatasetError, match="no picture of the test split has a caption with a word"):
        evaluation.evaluate(parrot({}), wordless)


def test_an_unreadable_picture_stops_it(dataset: Dataset, parrot: Callable[..., Parrot]) -> None:
    dataset.path("2.png").write_bytes(b"no picture")

    with pytest.raises(ImageError, match=r"2\.png"):
        evaluation.evaluate(parrot(dict.fromkeys(TEST, "a dog")), dataset)


@given(st.lists(st.floats(0, 10), min_size=1, max_size=50))
def test_the_interval_lies_within_the_values_and_repeats(values: list[float]) -> None:
    low, high = evaluation.interval(np.array(values))

    assert min(values) - 1e-9 <= low <= high <= max(values) + 1e-9
    assert evaluation.interval(np.array(values)) == (low, high)


def test_writing_reseals_figures_captions_card_and_options(
    dataset: Dataset, parrot: Callable[..., Parrot]
) -> None:
    captioner = parrot(dict.fromkeys(TEST, 'a dog, "red"'))
    found, rows = evaluation.evaluate(
        captioner, dataset, options=DecodingOptions(beams=2, length_penalty=0.5)
    )
    sealed = evaluation.write(captioner.bundle, found, rows, "the command")

    assert sealed == storage.load(sealed.folder)
    written = sealed.metrics()
    assert written
    assert written == structs.replace(found, command="the command")
    assert sealed.predictions() == rows
    assert (sealed.config.beams, sealed.config.length_penalty) == (2, 0.5)
    assert [row.image for row in rows] == list(TEST)
    assert sealed.predictions()[0].caption == 'a dog, "red"'
    assert f"{found.scores['cider']:.3f}" in sealed.card()
    assert "the command" in sealed.card()


def test_people_on_the_official_test_split(real_flickr8k: Path) -> None:
    dataset = flickr8k.load(real_flickr8k)
    found = evaluation.human_baseline(
        [[words(caption) for caption in c] for c in dataset.splits["test"].values()]
    )

    assert found is not None
    assert (found["bleu1"], found["bleu4"], found["rouge_l"]) == pytest.approx(
        (0.647, 0.214, 0.495), abs=0.002
    )
