"""train.py from the command line to a bundle that captions; and what each flag changes in a recipe."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import train
from captioner import bundle, images
from captioner.bundle import Bundle
from captioner.errors import CaptionerError, DatasetError
from captioner.flickr8k import Dataset
from captioner.model import Captioner
from captioner.training.recipes import RECIPES, Recipe
from tests.tiny_flickr8k import names

SMALL = (
    "--encoder",
    "mobilenet_v2",
    "--layer",
    "expanded_conv_project_BN",
    "--image-size",
    "32",
    "--weights",
    "none",
)


def chosen(*given: str) -> Recipe:
    return train.choose(train.arguments(list(given)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("train")


@pytest.fixture(scope="module")
def command(folder: Path, kaggle_folder: Path) -> list[str]:
    """Trains the smallest model that has an encoder of keras.applications and a decoder with attention."""
    paths = {
        "data": kaggle_folder,
        "run": folder / "run",
        "cache": folder / "cache",
        "out": folder / "artifacts",
    }
    flags = [part for name, path in paths.items() for part in (f"--{name}", str(path))]
    return [
        *flags,
        *SMALL,
        "--recipe",
        "attention",
        "--units",
        "8",
        "--epochs",
        "1",
        "--polish",
        "1",
        "--seed",
        "4",
    ]


@pytest.fixture(scope="module")
def trained(command: list[str], folder: Path) -> Bundle:
    train.main(command)
    return bundle.load(folder / "artifacts")


def test_a_dataset_becomes_a_bundle_that_captions(trained: Bundle, tiny_dataset: Dataset) -> None:
    captions = Captioner(trained).caption(images.read(tiny_dataset.path(names("test")[0])))
    said = {word.text for word in captions.best.words if word.text}

    assert said <= set(trained.vocabulary.words)
    assert trained.config.recipe == "attention"
    assert (trained.config.encoder, trained.config.image_size) == ("mobilenet_v2", 32)
    assert (trained.config.grid, trained.config.attention, trained.config.seed) == ((16, 16), True, 4)


def test_the_bundle_tells_how_it_came_to_be(trained: Bundle) -> None:
    history, rows = trained.history(), trained.predictions()

    assert [row["phase"] for row in history] == ["decoder", "fine-tune", "polish"]
    assert [row["epoch"] for row in history] == [1, 2, 3]
    assert all(np.isfinite(float(row["val_loss"] or "nan")) for row in history)
    assert [row["image"] for row in rows] == names("test")
    assert trained.metrics()["images"] == 4
    assert trained.metrics()["split"] == "test"
    assert trained.dataset()["pictures"] == {"train": 8, "dev": 4, "test": 4}
    assert trained.card().startswith("---\n")


def test_the_captions_told_are_those_it_gives(trained: Bundle, tiny_dataset: Dataset) -> None:
    captioner = Captioner(trained)
    for row in trained.predictions():
        best = captioner.caption(images.read(tiny_dataset.path(str(row["image"])))).best
        assert best.text == row["caption"]
        assert best.log_prob == pytest.approx(row["log_prob"], abs=1e-3)


def test_a_run_is_not_overwritten(trained: Bundle, command: list[str]) -> None:
    with pytest.raises(CaptionerError, match=r"holds a run already\. Go on with --resume"):
        train.main(command)


def test_a_finished_run_is_exported_again(trained: Bundle, command: list[str], tmp_path: Path) -> None:
    train.main([*command, "--resume", "--out", str(tmp_path / "again")])
    again = bundle.load(tmp_path / "again")

    assert again.history() == trained.history()
    assert [row["caption"] for row in again.predictions()] == [
        row["caption"] for row in trained.predictions()
    ]


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_is_what_it_says_unless_changed(recipe: str) -> None:
    assert chosen("--recipe", recipe) == RECIPES[recipe]


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize(
    ("flags", "where", "value"),
    [
        (("--encoder", "vgg16"), lambda r: r.encoder.name, "vgg16"),
        (("--weights", "none"), lambda r: r.encoder.weights, "none"),
        (("--layer", "mixed8"), lambda r: r.encoder.layer, "mixed8"),
        (("--image-size", "64"), lambda r: (r.encoder.image_size, r.encoder.size), (64, 64)),
        (("--units", "320"), lambda r: r.decoder.units, 320),
        (("--glove", "g.txt"), lambda r: (r.decoder.glove, r.decoder.freeze_glove), ("g.txt", False)),
        (("--glove", "g.txt", "--freeze-glove"), lambda r: r.decoder.freeze_glove, True),
        (("--epochs", "3"), lambda r: {phase.epochs for phase in r.phases}, {3}),
        (("--split", "kaggle"), lambda r: r.split, "kaggle"),
        (("--precision", "mixed_bfloat16"), lambda r: r.precision, "mixed_bfloat16"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) and str(value[0]).startswith("--") else "",
)
def test_a_flag_changes_one_thing(
    recipe: str, flags: tuple[str, ...], where: Callable[[Recipe], Any], value: object
) -> None:
    found = chosen("--recipe", recipe, *flags)

    assert where(found) == value
    assert found.name == recipe
    assert [phase.name for phase in found.phases] == [phase.name for phase in RECIPES[recipe].phases]


def test_an_unknown_recipe_names_the_known_ones() -> None:
    with pytest.raises(CaptionerError, match=r"'stew'\. Choose one of attention, edgetpu, inject, merge"):
        chosen("--recipe", "stew")


@pytest.mark.parametrize(
    "flags",
    [
        ("--epochs", "0"),
        ("--limit", "-1"),
        ("--units", "x"),
        ("--image-size", "0"),
        ("--seed", "-1"),
        ("--split", "x"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(
    flags: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        train.arguments([*flags])
    assert flags[0] in capsys.readouterr().err


def test_pictures_left_out_are_said(
    kaggle_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = train.arguments(["--data", str(kaggle_folder), "--limit", "5"])
    dataset = train.read(options, chosen())

    assert [len(found) for found in dataset.splits.values()] == [5, 2, 2]
    assert capsys.readouterr().out == "pictures: 5 train, 2 dev, 2 test\n"
    with pytest.raises(DatasetError, match="no dataset folder"):
        train.read(train.arguments(["--data", str(tmp_path / "nowhere")]), chosen())


def test_a_download_that_fails_names_the_other_way(monkeypatch: pytest.MonkeyPatch) -> None:
    class Unreachable:
        def dataset_download(self, handle: str) -> str:
            raise ConnectionError(f"{handle} cannot be reached")

    monkeypatch.setitem(sys.modules, "kagglehub", Unreachable())
    with pytest.raises(CaptionerError, match=r"could not be downloaded from Kaggle \(.+\).*use --data"):
        train.download()


def test_mistakes_are_one_sentence(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, Path(train.__file__), "--recipe", "merge", "--data", tmp_path / "nowhere"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert re.fullmatch(
        r"train\.py: there is no dataset folder .*\n", done.stderr.splitlines(keepends=True)[-1]
    )
    assert "Traceback" not in done.stderr


def test_real_pictures_and_weights_become_a_bundle(
    real_flickr8k: Path, real_encoders: Path, tmp_path: Path
) -> None:
    weights = real_encoders / "mobilenet_edgetpu.keras"
    paths = {
        "data": real_flickr8k,
        "run": tmp_path / "run",
        "cache": tmp_path / "cache",
        "out": tmp_path / "out",
    }
    flags = [part for name, path in paths.items() for part in (f"--{name}", str(path))]
    once = ["--limit", "12", "--epochs", "1", "--polish", "1"]
    train.main([*flags, "--recipe", "edgetpu", "--weights", str(weights), *once])
    found = bundle.load(tmp_path / "out")

    assert found.model_path.stat().st_size < 30e6
    assert [row["phase"] for row in found.history()] == ["decoder", "fine-tune", "polish"]
    assert len(found.predictions()) == 2
