"""The facts about training that a bundle records are true, and are read as written."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from captioner.bundle import storage
from captioner.bundle.config import Config
from captioner.data.flickr8k import Dataset
from captioner.inference.decoding import DecodingOptions
from captioner.text import SPECIALS, Vocabulary, kaggle_words, words
from captioner.training import bundle_facts, runner
from captioner.training.recipes import RECIPES
from captioner.training.runner import TrainingResult
from tests import tiny_flickr8k
from tests.tiny_flickr8k import captions
from tests.training import small


def trained(name: str, vocabulary: Vocabulary) -> TrainingResult:
    decoder = small.decoder(len(vocabulary), name)
    return TrainingResult(small.encoder(), decoder, vocabulary, (2, 2) if name == "attention" else (1, 1), [])


@pytest.mark.parametrize("name", ["attention", "inject", "merge"])
def test_the_record_is_a_configuration_that_a_bundle_takes(
    name: str, tiny_dataset: Dataset, kaggle_dataset: Dataset, tmp_path: Path
) -> None:
    recipe = RECIPES[name]
    dataset = kaggle_dataset if recipe.split == "kaggle" else tiny_dataset
    vocabulary = runner.build_vocabulary(recipe, dataset)
    files = bundle_facts.files(recipe, trained(name, vocabulary), dataset, seed=3)
    sealed = storage.write(tmp_path / "artifacts", {**files, "captioner.tflite": b"a model"})
    config, options = sealed.config, DecodingOptions()

    assert (config.recipe, config.decoder, config.encoder) == (name, recipe.decoder.name, recipe.encoder.name)
    assert (config.split_name, config.tokenizer, config.seed) == (recipe.split, recipe.tokenizer, 3)
    assert (config.attention, config.grid) == ((True, (2, 2)) if name == "attention" else (False, (1, 1)))
    assert config.image_size == recipe.encoder.size
    assert config.data_fingerprint == dataset.fingerprint
    assert (config.beams, config.length_penalty, config.max_words) == (
        options.beams,
        options.length_penalty,
        options.max_words,
    )
    assert {"keras", "tensorflow"} <= set(config.versions)
    assert abs((datetime.now().astimezone() - datetime.fromisoformat(config.created)).total_seconds()) < 3600
    assert sealed.vocabulary == vocabulary
    assert Config.from_json(json.loads(files["config.json"])) == config


def test_the_facts_are_those_of_the_training_split(tiny_dataset: Dataset, vocabulary: Vocabulary) -> None:
    recipe = replace(RECIPES["attention"], min_count=1)
    found = bundle_facts.facts(recipe, trained("attention", vocabulary), tiny_dataset)
    said = [words(caption) for number in range(8) for caption in captions(number)]

    assert found["images"] == {"train": 8, "dev": 4, "test": 4}
    assert found["captions"] == {"train": 40, "dev": 20, "test": 20}
    assert sum(found["caption_lengths"].values()) == 40
    assert sum(int(length) * count for length, count in found["caption_lengths"].items()) == sum(
        map(len, said)
    )
    assert found["words"]["tokens"] == sum(map(len, said))
    assert found["words"]["distinct"] == found["words"]["vocabulary_size"] == len(vocabulary) - len(SPECIALS)
    assert dict(found["words"]["most_common"])["ball"] == sum(line.count("ball") for line in said)
    assert found["words"]["most_common"][0][0] == vocabulary.words[len(SPECIALS)]


def test_words_are_counted_as_the_recipe_cuts_them(kaggle_dataset: Dataset, vocabulary: Vocabulary) -> None:
    found = bundle_facts.facts(RECIPES["inject"], trained("inject", vocabulary), kaggle_dataset)
    said = [kaggle_words(c) for number in range(14) for c in tiny_flickr8k.captions(number)]

    assert found["words"]["tokens"] == sum(map(len, said))
    assert "a" not in dict(found["words"]["most_common"])
