"""Held-out pictures are scored as such, and never if the model may have seen them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from captioner.__main__ import main
from captioner.bundle import storage
from captioner.bundle.storage import Bundle
from captioner.data.datasets import HELD_OUT, Dataset
from captioner.errors import DatasetError
from captioner.evaluation import evaluate
from captioner.inference.captioner import Caption
from captioner.inference.decoding import Candidate, DecodingOptions
from captioner.text import words
from tests import tiny

SEED = 5


class ConstantCaptioner:
    """A captioner that says the same of every picture."""

    options = DecodingOptions(beams=1)

    def __init__(self, bundle: Bundle, caption_text: str = "a red box on the grass") -> None:
        self.bundle, self.caption_text = bundle, caption_text

    def caption(self, image: NDArray[np.uint8], options: DecodingOptions | None = None) -> Caption:
        return Caption((Candidate(self.caption_text, (), -1.0, -0.5, True),), (), ())


def trained(folder: Path, dataset: Dataset, model: bytes = b"not a model", seed: int = SEED) -> Bundle:
    """What training on a dataset says of it."""
    config = tiny.config(data_fingerprint=dataset.fingerprint, seed=seed)
    counts = {split: len(images) for split, images in dataset.splits.items()}
    return storage.write(
        folder,
        {**tiny.required_files(config, model), "dataset.json": json.dumps(tiny.DATASET | {"images": counts})},
    )


@given(st.integers(1, 7), st.integers(0, 99))
def test_pictures_held_out_are_neither_trained_on_nor_lost(
    tiny_dataset: Dataset, count: int, seed: int
) -> None:
    result = tiny_dataset.held_out(count, seed)
    train, held_out = result.splits["train"], result.splits[HELD_OUT]

    assert len(held_out) == count
    assert not train.keys() & held_out.keys()
    assert {**train, **held_out} == tiny_dataset.splits["train"]
    assert all(result.splits[split] == tiny_dataset.splits[split] for split in ("dev", "test"))
    assert result.fingerprint == tiny_dataset.held_out(count, seed).fingerprint != tiny_dataset.fingerprint


@given(st.integers(1, 6), st.integers(0, 99))
def test_more_held_out_are_the_same_and_others(tiny_dataset: Dataset, count: int, seed: int) -> None:
    fewer, more = (tiny_dataset.held_out(n, seed).splits[HELD_OUT].keys() for n in (count, count + 1))
    assert fewer < more


@given(st.integers(3, 8), st.integers(1, 2), st.integers(0, 99))
def test_what_a_part_was_trained_on_is_never_held_out_of_the_whole(
    tiny_dataset: Dataset, limit: int, count: int, seed: int
) -> None:
    part = tiny_dataset.limited(limit).held_out(count, seed).splits["train"]
    assert not part.keys() & tiny_dataset.held_out(count, seed).splits[HELD_OUT].keys()


def test_the_seed_chooses(tiny_dataset: Dataset) -> None:
    assert len({tuple(tiny_dataset.held_out(3, seed).splits[HELD_OUT]) for seed in range(9)}) > 3


@pytest.mark.parametrize("count", [8, 9])
def test_something_is_left_to_train_on(tiny_dataset: Dataset, count: int) -> None:
    with pytest.raises(DatasetError, match=f"{count} of 8 training pictures cannot be held out"):
        tiny_dataset.held_out(count, 0)


def test_exactly_the_pictures_held_out_are_scored(tiny_dataset: Dataset, tmp_path: Path) -> None:
    without = tiny_dataset.held_out(3, SEED)
    captioner = ConstantCaptioner(trained(tmp_path / "artifacts", without))
    result, rows = evaluate.evaluate(
        captioner, evaluate.with_held_out(captioner.bundle, tiny_dataset), HELD_OUT
    )

    assert [row.image for row in rows] == list(without.splits[HELD_OUT])
    assert (result.split, result.images) == (HELD_OUT, 3)


def test_pictures_that_a_model_may_have_seen_are_not_scored_as_held_out(
    tiny_dataset: Dataset, tmp_path: Path
) -> None:
    """Trained on all, on a part, with another seed, or on captions that are not here."""
    without = tiny_dataset.held_out(3, SEED)
    other = replace(without, splits={**without.splits, "dev": _reworded(without.splits["dev"])})
    models = [
        trained(tmp_path / "all", tiny_dataset),
        trained(tmp_path / "part", tiny_dataset.limited(6).held_out(3, SEED)),
        trained(tmp_path / "seed", without, seed=SEED + 1),
        trained(tmp_path / "captions", other),
    ]
    for model in models:
        for dataset in (tiny_dataset, evaluate.with_held_out(model, tiny_dataset)):
            with pytest.raises(DatasetError, match="held-out pictures of this model cannot be determined"):
                evaluate.evaluate(ConstantCaptioner(model), dataset, HELD_OUT)
    with pytest.raises(DatasetError, match="held-out pictures of this model cannot be determined"):
        evaluate.evaluate(ConstantCaptioner(models[0]), without, HELD_OUT)


def _reworded(captions: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    return {name: ("another sentence", *references[1:]) for name, references in captions.items()}


def test_a_copy_of_a_held_out_caption_is_no_copy_from_training(tiny_dataset: Dataset, tmp_path: Path) -> None:
    without = tiny_dataset.held_out(3, SEED)
    caption_text = " ".join(words(next(iter(without.splits[HELD_OUT].values()))[2]))
    captioner = ConstantCaptioner(trained(tmp_path / "artifacts", without), caption_text)
    shares = [
        evaluate.evaluate(captioner, dataset)[0].verbatim_share
        for dataset in (tiny_dataset, evaluate.with_held_out(captioner.bundle, tiny_dataset))
    ]

    assert shares == [1, 0]


def test_a_part_of_a_split_is_weighed_by_its_own_words(tiny_dataset: Dataset, tmp_path: Path) -> None:
    """Document frequencies are of the pictures that are scored, so that as many compare with as many."""
    captioner = ConstantCaptioner(trained(tmp_path / "artifacts", tiny_dataset))
    test = dict(list(tiny_dataset.splits["test"].items())[:2])
    alone = replace(tiny_dataset, splits={**tiny_dataset.splits, "test": test})
    part, rows = evaluate.evaluate(captioner, tiny_dataset, limit=2)
    expected, others = evaluate.evaluate(captioner, alone)
    whole, _ = evaluate.evaluate(captioner, tiny_dataset)

    assert part.scores == expected.scores
    assert rows == others
    assert part.images == 2
    assert part.scores["cider"] != whole.scores["cider"]


def test_the_command_line_knows_which_they_are(
    tiny_dataset: Dataset, kaggle_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tiny.litert_model("attention")
    held_out, whole = tmp_path / "held", tmp_path / "whole"
    trained(held_out, tiny_dataset.held_out(3, SEED), model)
    trained(whole, tiny_dataset, model)
    command = ["evaluate", "--data", str(kaggle_folder), "--split", HELD_OUT, "--bundle"]

    assert main([*command, str(held_out)]) == 0
    assert "official held-out split, 3 pictures" in capsys.readouterr().out
    assert main([*command, str(whole)]) == 2
    assert "with --hold-out N" in capsys.readouterr().err
    assert main([*command, str(held_out), "--write"]) == 2
    assert "Leave out --write" in capsys.readouterr().err
