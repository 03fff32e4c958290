"""train.py from the command line to a bundle that captions."""

from __future__ import annotations

import functools
import re
import runpy
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from captioner import __main__, images
from captioner.bundle import hub, storage
from captioner.bundle.storage import Bundle
from captioner.data.datasets import Dataset
from captioner.errors import CaptionerError, DatasetError, ImageError
from captioner.evaluation import evaluate
from captioner.inference.captioner import Captioner
from captioner.training import cli, export, runner
from captioner.training.loop import fit
from captioner.training.loop.checkpoint import Run
from captioner.training.loop.rollout import Rollout
from captioner.training.recipes import RECIPES, Recipe
from captioner.training.tuning import EPOCHS, Tuner
from tests.tiny_flickr8k import names

TRAIN = Path(__file__).parents[2] / "train.py"
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


def chosen(*flags: str) -> Recipe:
    return cli.choose_recipe(cli.parse_arguments(list(flags)))


@pytest.fixture(scope="module", autouse=True)
def short_captions() -> Iterator[None]:
    """Short captions during training, as every word is compiled."""
    short = functools.partial(Rollout, max_caption_length=5)
    with pytest.MonkeyPatch.context() as patch:
        for module in (fit, runner):
            patch.setattr(module, "Rollout", short)
        yield


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
        "--heads",
        "2",
        "--members",
        "2",
        "--hold-out",
        "2",
        "--epochs",
        "1",
        "--self-critical",
        "1",
        "--seed",
        "4",
    ]


@pytest.fixture(scope="module")
def trained(command: list[str], folder: Path) -> Bundle:
    cli.main(command)
    return storage.load(folder / "artifacts")


def test_a_dataset_becomes_a_bundle_that_captions(trained: Bundle, tiny_dataset: Dataset) -> None:
    captions = Captioner(trained).caption(images.read(tiny_dataset.path(names("test")[0])))
    used_words = {word.text for word in captions.best.words if word.text}

    assert used_words <= set(trained.vocabulary.words)
    assert trained.config.recipe == "attention"
    assert (trained.config.encoder, trained.config.image_size) == ("mobilenet_v2", 32)
    assert (trained.config.decoder, trained.config.members) == ("attention", 2)
    assert (trained.config.grid, trained.config.attention, trained.config.seed) == ((16, 16), True, 4)


def test_the_bundle_records_how_it_was_trained(trained: Bundle) -> None:
    history, rows = trained.history(), trained.predictions()

    assert [row.phase for row in history] == ["decoder", "fine-tune", "self_critical"]
    assert [row.epoch for row in history] == [1, 2, 3]
    assert all(row.val_loss is not None for row in history)
    assert [row.image for row in rows] == names("test")
    metrics, dataset = trained.metrics(), trained.dataset()
    assert metrics
    assert dataset
    assert (metrics.images, metrics.split) == (4, "test")
    assert dataset.images == {"train": 6, "dev": 4, "test": 4, "held-out": 2}
    assert trained.card().startswith("---\n")


def test_a_failed_evaluation_leaves_the_old_bundle(
    trained: Bundle, command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ImageError("a.jpg is damaged.")

    monkeypatch.setattr(
        export, "write_litert", lambda _, __, path, *___: shutil.copy(trained.model_path, path)
    )
    monkeypatch.setattr(evaluate, "evaluate", broken)
    with pytest.raises(ImageError):
        cli.main([*command, "--resume"])
    assert storage.load(trained.folder) == trained


def test_a_finished_run_is_exported_again_and_pushed(
    trained: Bundle, command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sent = []

    def push(folder: Path, repo: str) -> hub.Pushed:
        sent.append((storage.load(folder).checksum, repo))
        return hub.Pushed("the address", "", ())

    monkeypatch.setattr(hub, "push", push)
    out = trained.folder.with_name("again")
    cli.main([*command, "--resume", "--out", str(out), "--push", "someone/captioner"])
    again = storage.load(out)

    assert sent == [(again.checksum, "someone/captioner")]
    assert "pushed: the address" in capsys.readouterr().out
    assert again.history() == trained.history()
    assert [row.caption for row in again.predictions()] == [row.caption for row in trained.predictions()]


def test_held_out_pictures_are_not_trained_on_and_can_be_scored(
    trained: Bundle, tiny_dataset: Dataset, kaggle_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    without = tiny_dataset.held_out(2, seed=4)
    command = ["evaluate", "--bundle", str(trained.folder), "--data", str(kaggle_folder)]

    assert trained.config.data_fingerprint == without.fingerprint
    assert trained.vocabulary == runner.build_vocabulary(RECIPES["attention"], without)
    assert __main__.main([*command, "--split", "held-out"]) == 0
    assert "official held-out split, 2 pictures" in capsys.readouterr().out


def test_the_recorded_captions_are_those_it_generates(trained: Bundle, tiny_dataset: Dataset) -> None:
    captioner = Captioner(trained)
    for row in trained.predictions():
        best = captioner.caption(images.read(tiny_dataset.path(row.image))).best
        assert best.text == row.caption
        assert best.log_prob == pytest.approx(row.log_prob, abs=1e-3)


def test_a_run_is_not_overwritten(trained: Bundle, command: list[str]) -> None:
    with pytest.raises(CaptionerError, match=r"holds a run already\. Go on with --resume"):
        cli.main(command)


def test_a_run_stopped_before_its_first_epoch_is_resumed_with_the_weights_it_was_to_begin_with(
    tiny_dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun_with: list[Path | None] = []
    monkeypatch.setattr(runner, "train", lambda *args: begun_with.append(args[5]))
    Run(tmp_path / "run").record_settings({"from": "runs/frozen"})
    for flags in (["--resume"], [], ["--resume", "--from", "elsewhere"]):
        options = cli.parse_arguments(flags)
        cli.train(options, chosen("--frozen"), tiny_dataset, tmp_path / "run")
    assert begun_with == [Path("runs/frozen"), None, Path("elsewhere")]


def test_a_folder_that_is_no_bundle_is_refused_before_training(
    kaggle_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "holiday").mkdir()
    (tmp_path / "holiday" / "beach.jpg").write_bytes(b"a picture")
    with pytest.raises(CaptionerError, match=r"holiday is there and is no bundle\. Name a new folder"):
        cli.main(["--data", str(kaggle_folder), "--out", "holiday"])

    assert [path.name for path in tmp_path.iterdir()] == ["holiday"]
    storage.refuse_foreign(tmp_path / "new")
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / ".gitkeep").touch()
    storage.refuse_foreign(tmp_path / "new")


def test_tuning_takes_the_place_of_training(
    kaggle_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[Tuner, int, bool]] = []
    monkeypatch.setattr(Tuner, "run", lambda *arguments: calls.append(arguments))
    monkeypatch.chdir(tmp_path)
    command = ["--data", str(kaggle_folder), "--recipe", "merge", "--hold-out", "3", "--seed", "7"]
    cli.main([*command, "--tune", "20"])
    cli.main([*command, "--tune", "2", "--epochs", "1", "--run", "elsewhere", "--resume"])
    (first, *rest), (second, *other) = calls

    assert (first.recipe, first.folder, first.seed) == (RECIPES["merge"], Path("runs/merge-tuning"), 7)
    assert len(first.dataset.splits["train"]) == 5
    assert (rest, other) == ([20, False], [2, True])
    assert (first.epochs, second.epochs, second.folder) == (EPOCHS, 1, Path("elsewhere"))
    assert list(tmp_path.iterdir()) == []


def test_the_number_of_pictures_is_printed(
    kaggle_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = cli.parse_arguments(["--data", str(kaggle_folder), "--limit", "5"])
    dataset = cli.read_dataset(options, chosen())

    assert [len(images) for images in dataset.splits.values()] == [5, 2, 2]
    assert capsys.readouterr().out == "pictures: 5 train, 2 dev, 2 test\n"
    with pytest.raises(DatasetError, match="no dataset folder"):
        cli.read_dataset(cli.parse_arguments(["--data", str(tmp_path / "nowhere")]), chosen())


def test_a_failed_download_names_the_alternative(monkeypatch: pytest.MonkeyPatch) -> None:
    class Unreachable:
        def dataset_download(self, handle: str) -> str:
            raise ConnectionError(f"{handle} cannot be reached")

    monkeypatch.setitem(sys.modules, "kagglehub", Unreachable())
    with pytest.raises(CaptionerError, match=r"could not be downloaded from Kaggle \(.+\).*use --data"):
        cli.download_dataset()


def test_a_download_prints_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(
        sys.modules, "kagglehub", SimpleNamespace(dataset_download=lambda handle: str(tmp_path))
    )

    assert cli.download_dataset() == tmp_path
    assert f"Flickr8k is in {tmp_path}." in capsys.readouterr().out


def test_errors_of_the_user_are_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python writes what it exits with to stderr, and exits with 1."""
    command = [str(TRAIN), "--recipe", "merge", "--data", str(tmp_path / "nowhere")]
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(SystemExit) as exits:
        runpy.run_path(command[0], run_name="__main__")
    assert re.fullmatch(r"train\.py: there is no dataset folder .*", str(exits.value.code))


@pytest.mark.usefixtures("eager")
def test_real_pictures_and_weights_become_a_bundle(
    real_flickr8k: Path, real_encoders: Path, tmp_path: Path
) -> None:
    weights = [
        str(real_encoders / name) for name in ("mobilenet_edgetpu.keras", "inception_v3_mixed8.weights.h5")
    ]
    paths = {
        "data": real_flickr8k,
        "run": tmp_path / "run",
        "cache": tmp_path / "cache",
        "out": tmp_path / "out",
    }
    flags = [part for name, path in paths.items() for part in (f"--{name}", str(path))]
    once = ["--limit", "12", "--epochs", "1", "--self-critical", "1", "--members", "1", "--units", "32"]
    cli.main([*flags, "--recipe", "pair", "--weights", *weights, *once])
    result = storage.load(tmp_path / "out")

    assert result.model_path.stat().st_size < 20e6, (
        "which takes 8 bits: the weights of the encoders alone have 27 MB with 16"
    )
    assert [row.phase for row in result.history()] == ["decoder", "fine-tune", "self_critical"]
    assert len(result.predictions()) == 2
    metrics = result.metrics()
    assert metrics
    assert metrics.command.endswith("--limit 2"), "the command gives the figures of these two"
