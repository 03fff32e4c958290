"""The table of n-grams: what is in it, what is never in it, and the weights that are read from it."""

from __future__ import annotations

import json
import math
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from captioner.__main__ import main
from captioner.bundle import ratings, storage
from captioner.bundle.manifest import DOCUMENT_FREQUENCIES, RATINGS_FILE
from captioner.bundle.storage import Bundle
from captioner.cider import EQUAL_WEIGHTS, Cider, NGramWeights, document_frequencies, ngrams
from captioner.data.datasets import Dataset
from captioner.errors import BundleError, DatasetError
from captioner.evaluation import document_frequencies as frequencies
from captioner.inference.captioner import Captioner
from captioner.inference.reranking import DocumentFrequencies, read_weights
from captioner.text import SPECIALS, Vocabulary, words
from tests import tiny

IMAGES = [
    ("A dog runs on grass.", "a dog runs"),
    ("A dog runs to the ball", "a dog"),
    ("A cat sleeps on grass", "a cat"),
    ("A dog sleeps on the ball", "a dog named rex"),
]
VOCABULARY = Vocabulary((*SPECIALS, "a", "dog", "runs", "on", "grass", "to", "the", "ball", "cat", "sleeps"))
TOKENS = [[words(caption) for caption in captions] for captions in IMAGES]


def table(min_images: int = frequencies.MIN_IMAGES) -> DocumentFrequencies:
    return frequencies.table(IMAGES, words, VOCABULARY, min_images)


@pytest.mark.parametrize("min_images", [1, 2, 3])
def test_no_rare_n_gram_is_stored(min_images: int) -> None:
    counts = Counter(gram for captions in TOKENS for gram in {g for c in captions for g in ngrams(c)})
    expected = {
        " ".join(gram): count
        for gram, count in counts.items()
        if count >= min_images and not {"named", "rex"} & set(gram)
    }
    assert table(min_images).ngrams == expected
    assert table(min_images).images == 4


def test_of_too_many_n_grams_the_rarest_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frequencies, "MAX_NGRAMS", 5)
    most = table(1)
    assert 0 < len(most.ngrams) <= 5
    assert most == table(most.min_images)


def test_by_default_it_takes_five_images() -> None:
    assert table().min_images == 5
    assert table().ngrams == {}


@pytest.mark.slow
def test_of_the_real_captions_no_rare_n_gram_is_stored(real_flickr8k: Path, committed: Bundle) -> None:
    from captioner.evaluation import evaluate

    counted = frequencies.count(committed, evaluate.load_dataset(committed, real_flickr8k))
    assert min(counted.ngrams.values()) >= 5
    assert counted.images == 6000
    assert len(frequencies.to_json(counted)) < 500_000


def test_a_table_of_all_n_grams_weighs_as_the_references_do(tmp_path: Path) -> None:
    bundle = with_table(tmp_path, table(1))
    weights, references = read_weights(bundle), document_frequencies(TOKENS)
    known = {gram for gram in references if not {"named", "rex"} & set(gram)}
    expected = NGramWeights.of_frequencies(4, references)
    assert {gram: weights.weights[gram] for gram in known} == {gram: expected.weights[gram] for gram in known}
    assert weights.unseen == expected.unseen
    vectors = [weights.vector(words(caption)) for caption in ("a dog on grass", IMAGES[0][0])]
    score = Cider(TOKENS).score(words("a dog on grass"), [words(IMAGES[0][0])])
    assert 10 * vectors[0].similarity(vectors[1]) == pytest.approx(score)


def test_what_is_left_out_counts_as_one_image_fewer_than_what_is_stored(tmp_path: Path) -> None:
    weights = read_weights(with_table(tmp_path, table(3)))
    assert weights.unseen == pytest.approx(math.log(4 / 2))


def test_without_a_table_all_n_grams_weigh_the_same(tiny_bundle: Bundle) -> None:
    assert read_weights(tiny_bundle) is EQUAL_WEIGHTS


def test_writing_adds_the_file_and_keeps_the_rest(tmp_path: Path, tiny_dataset: Dataset) -> None:
    bundle = tiny.rated(tiny.runnable_bundle(tmp_path / "artifacts"))
    counted = frequencies.count_and_write(bundle, tiny_dataset)
    written = storage.load(bundle.folder)
    changed = {DOCUMENT_FREQUENCIES, RATINGS_FILE}
    assert {name for name, entry in written.files.items() if bundle.files.get(name) != entry} == changed
    assert bundle.checksum in ratings.checksums(written), "what people said before counts on"
    assert written.record(DOCUMENT_FREQUENCIES, DocumentFrequencies) == counted
    assert Captioner(written)._weights != EQUAL_WEIGHTS


def test_the_command_counts_and_writes_only_on_demand(
    tiny_bundle: Bundle, kaggle_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = shutil.copytree(tiny_bundle.folder, tmp_path / "own")
    command = ["frequencies", "--bundle", str(own), "--data", str(kaggle_folder)]

    assert main(command) == 0
    assert "occur with 5 or more of 8 training pictures" in capsys.readouterr().out
    assert storage.load(own).checksum == tiny_bundle.checksum
    assert main([*command, "--write"]) == 0
    assert DOCUMENT_FREQUENCIES in storage.load(own).files


def test_captions_of_another_split_are_refused(tiny_bundle: Bundle, kaggle_dataset: Dataset) -> None:
    with pytest.raises(DatasetError, match="trained on the official split"):
        frequencies.count(tiny_bundle, kaggle_dataset)


def test_only_training_captions_are_counted(tiny_bundle: Bundle, tiny_dataset: Dataset) -> None:
    others = {**tiny_dataset.splits, "test": {"new.jpg": ("a ball " * 9,)}}
    assert frequencies.count(tiny_bundle, tiny_dataset) == frequencies.count(
        tiny_bundle, replace(tiny_dataset, splits=others)
    )


@pytest.mark.parametrize(
    ("ngrams", "message"),
    [
        ({"a dog": 4}, "5 to 6 images"),
        ({"a dog": 7}, "5 to 6 images"),
        ({"one two three four five": 5}, "ngrams"),
        ({"": 5}, "ngrams"),
        ({"a  dog": 5}, "ngrams"),
    ],
)
def test_a_table_that_cannot_be_is_refused(tmp_path: Path, ngrams: dict[str, int], message: str) -> None:
    content = json.dumps({"images": 6, "min_images": 5, "ngrams": ngrams})
    bundle = with_table(tmp_path, content)
    with pytest.raises(BundleError, match=message):
        read_weights(bundle)


def with_table(folder: Path, content: DocumentFrequencies | str) -> Bundle:
    """A bundle with a table, or with any text in its place."""
    data = content if isinstance(content, str) else frequencies.to_json(content)
    bundle = tiny.runnable_bundle(folder / "artifacts")
    return storage.replace(bundle.folder, {DOCUMENT_FREQUENCIES: data})
