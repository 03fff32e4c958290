"""Tuning is repeatable however often it is interrupted, and keeps only what is needed."""

from __future__ import annotations

import csv
import functools
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution

from captioner.data.datasets import Dataset
from captioner.errors import CaptionerError
from captioner.training import runner, tuning
from captioner.training.loop import fit
from captioner.training.loop.checkpoint import Run
from captioner.training.loop.rollout import Rollout
from captioner.training.loop.schedule import Phase
from captioner.training.models import encoders
from captioner.training.models.decoders import DecoderOptions
from captioner.training.models.encoders import EncoderOptions
from captioner.training.recipes import Recipe
from captioner.training.tuning import Tuner
from captioner.training.tuning_report import FAILED, FINISHED, STOPPED, TrialResult
from tests.training import small
from tests.training.fakes import Killed, kill_after, simulate_training, simulated_training

RECIPE = Recipe(
    "tiny",
    EncoderOptions("small", "none", image_size=small.SIZE),
    DecoderOptions(units=8),
    (
        Phase("fine-tune", 2, learning_rate=0.05, encoder_learning_rate=1e-3, batch_size=4),
        Phase("decoder", 5, learning_rate=0.05, batch_size=4),
        Phase("self_critical", 2, learning_rate=1e-3, batch_size=4, samples=2),
    ),
    min_count=1,
)
Tuned = tuple[Path, list[TrialResult]]
SIZES = {name: CategoricalDistribution(two) for name, two in (("units", (4, 8)), ("heads", (1, 2)))}
RANGES = {
    "learning_rate": FloatDistribution(1e-2, 0.1, log=True),
    "batch_size": CategoricalDistribution((2, 4)),
}


@pytest.fixture(scope="module", autouse=True)
def small_ranges() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tuning, "SIZES", SIZES)
        patch.setattr(tuning, "RANGES", {**tuning.RANGES, **RANGES})
        patch.setattr(tuning, "STARTUP_TRIALS", 2)
        yield


@pytest.fixture
def quick() -> Iterator[None]:
    with simulated_training():
        yield


def make_tuner(dataset: Dataset, folder: Path, **changes: Any) -> Tuner:
    return replace(Tuner(RECIPE, dataset, folder, folder / "cache", seed=3, epochs=3), **changes)


@pytest.fixture(scope="module")
def whole(tiny_dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Tuned:
    """Eight trials without an interruption."""
    folder = tmp_path_factory.mktemp("tuning") / "whole"
    with simulated_training():
        return folder, make_tuner(tiny_dataset, folder).run(8)


def compared(trials: list[TrialResult]) -> list[tuple[Any, ...]]:
    """What two tunings must agree on: not the numbers used up by interrupted trials."""
    return [(t.settings, t.outcome, t.epochs, pytest.approx(t.val_cider, abs=2e-3)) for t in trials]


def test_the_recipe_itself_is_tried_first_and_then_others(whole: Tuned) -> None:
    trials = whole[1]

    assert trials[0].settings == {
        "learning_rate": 0.05, "epsilon": 1e-7, "label_smoothing": 0.0, "batch_size": 4,
        "dropout": 0.5, "embedding_dropout": 0.3, "units": 8, "heads": 1,
    }  # fmt: skip
    assert len({tuple(trial.settings.values()) for trial in trials}) == 8
    for name, values in {**tuning.RANGES, **tuning.SIZES}.items():
        assert all(tuning._contains(values, trial.settings[name]) for trial in trials)


def test_a_trial_is_the_phase_with_a_frozen_encoder(tiny_dataset: Dataset, tmp_path: Path) -> None:
    tried = make_tuner(tiny_dataset, tmp_path).with_settings(
        {
            "learning_rate": 0.02,
            "batch_size": 2,
            "units": 4,
            "heads": 2,
            "dropout": 0.6,
            "label_smoothing": 0.1,
        }
    )
    (phase,) = tried.phases

    assert (phase.name, phase.epochs, phase.encoder_learning_rate) == ("decoder", 3, 0)
    assert (phase.learning_rate, phase.batch_size, phase.label_smoothing, phase.monitor) == (
        0.02,
        2,
        0.1,
        "val_cider",
    )
    assert tried.decoder == DecoderOptions(units=4, heads=2, dropout=0.6)
    assert replace(tried, phases=RECIPE.phases, decoder=RECIPE.decoder) == RECIPE


def test_only_the_best_trial_keeps_its_checkpoints(whole: Tuned) -> None:
    folder, trials = whole
    best = max((trial for trial in trials if trial.outcome == FINISHED), key=lambda trial: trial.val_cider)

    assert [path.name for path in folder.glob("trial-*")] == [f"trial-{best.trial:02d}"]
    assert Run(folder / f"trial-{best.trial:02d}").progress() is not None
    files = {path.name for path in folder.iterdir() if path.is_file()}
    assert files == {tuning.JOURNAL, "trials.csv", "tuning.html"}


def test_the_table_has_every_trial(whole: Tuned) -> None:
    folder, trials = whole
    with (folder / "trials.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))

    assert {int(row["trial"]) for row in rows} == {trial.trial for trial in trials} == set(range(8))
    assert all(
        float(row["learning_rate"]) == trials[int(row["trial"])].settings["learning_rate"] for row in rows
    )
    assert all(float(row["val_loss"]) > 0 for row in rows)


# Where a kill strikes, and how often it does not yet.
KILLED_AT: tuple[tuple[Any, str, int], ...] = (
    (Run, "save", 1),  # in the first trial, after one epoch
    (runner, "train", 1),  # at the beginning of the second
    (Tuner, "_delete_checkpoints", 1),  # after the second was told, before the others were removed
    (optuna.Study, "tell", 1),  # when the third is trained, but before that is told
)


@pytest.mark.usefixtures("quick")
def test_interruptions_do_not_change_the_result(
    whole: Tuned, tiny_dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tuner = make_tuner(tiny_dataset, tmp_path)
    for place, call, allowed in KILLED_AT:
        with monkeypatch.context() as patch:
            patch.setattr(place, call, kill_after(getattr(place, call), allowed))
            with pytest.raises(Killed):
                tuner.run(8, resume=True)
    tuner.run(6, resume=True)
    result = tuner.run(8, resume=True)

    assert compared(result) == compared(whole[1])
    assert len(list(tmp_path.glob("trial-*"))) == 1
    assert tuner.run(8, resume=True) == result  # nothing is left to do


@pytest.mark.usefixtures("quick")
def test_a_trial_that_is_always_interrupted_fails(
    tiny_dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where memory does not suffice: tuning goes on with others."""
    tuner = make_tuner(tiny_dataset, tmp_path)
    for _ in range(2):
        with monkeypatch.context() as patch:
            patch.setattr(runner, "train", kill_after(runner.train, 0))
            with pytest.raises(Killed):
                tuner.run(2, resume=True)

    assert [trial.outcome for trial in tuner.run(2, resume=True)] == [FAILED, FINISHED]


def test_a_tuning_is_not_begun_twice(whole: Tuned, tiny_dataset: Dataset) -> None:
    with pytest.raises(CaptionerError, match=r"holds a tuning already\. Go on with --resume"):
        make_tuner(tiny_dataset, whole[0]).run(9)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"seed": 4}, "seed"),
        ({"epochs": 2}, "phases"),
        ({"recipe": replace(RECIPE, min_count=2)}, "min_count"),
    ],
)
def test_a_tuning_is_resumed_as_it_was_begun(
    whole: Tuned, tiny_dataset: Dataset, changes: dict[str, Any], named: str
) -> None:
    with pytest.raises(CaptionerError, match=f"begun with another {named}"):
        make_tuner(tiny_dataset, whole[0], **changes).run(9, resume=True)
    with pytest.raises(CaptionerError, match="begun with another data"):
        make_tuner(tiny_dataset.limited(6), whole[0]).run(9, resume=True)


def test_a_tuning_of_another_recipe_is_left_alone(whole: Tuned, tiny_dataset: Dataset) -> None:
    before = sorted(path.relative_to(whole[0]) for path in whole[0].rglob("*"))
    with pytest.raises(CaptionerError, match="holds a tuning of tiny"):
        make_tuner(tiny_dataset, whole[0], recipe=replace(RECIPE, name="other")).run(9, resume=True)

    assert sorted(path.relative_to(whole[0]) for path in whole[0].rglob("*")) == before


@pytest.mark.usefixtures("quick")
def test_a_trial_that_lags_behind_is_stopped_but_not_at_its_end(
    tiny_dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lagging = optuna.pruners.ThresholdPruner(lower=100, n_warmup_steps=2)
    monkeypatch.setattr(optuna.pruners, "MedianPruner", lambda **_: lagging)
    tuner = make_tuner(tiny_dataset, tmp_path / "3", epochs=3)

    assert [(trial.outcome, trial.epochs) for trial in tuner.run(1)] == [(STOPPED, 2)]
    assert list((tmp_path / "3").glob("trial-*")) == []
    tuner = make_tuner(tiny_dataset, tmp_path / "2", epochs=2)
    assert [(trial.outcome, trial.epochs) for trial in tuner.run(1)] == [(FINISHED, 2)]


@pytest.mark.usefixtures("quick")
def test_a_trial_that_fails_does_not_end_the_tuning_unless_nothing_works(
    tiny_dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fails = iter([False, True, False, True])

    def now_and_then(*arguments: Any) -> None:
        if next(fails):
            raise CaptionerError("the loss is nan.")
        simulate_training(*arguments)

    monkeypatch.setattr(runner, "train", now_and_then)
    result = make_tuner(tiny_dataset, tmp_path / "one").run(3)

    assert [trial.outcome for trial in result] == [FINISHED, FAILED, FINISHED]
    assert "trial 1 (2 of 3): the loss is nan.; about" in capsys.readouterr().out
    with pytest.raises(CaptionerError, match=r"the loss is nan\."):
        make_tuner(tiny_dataset, tmp_path / "all").run(3)


@pytest.mark.usefixtures("quick")
def test_each_trial_is_printed_as_it_ends(
    whole: Tuned, tiny_dataset: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = shutil.copytree(whole[0], tmp_path / "copy")
    make_tuner(tiny_dataset, folder).run(9, resume=True)
    printed = capsys.readouterr().out.splitlines()
    about = [line for line in printed if line.startswith("trial 8 (9 of 9): ")]

    assert about[0].startswith("trial 8 (9 of 9): learning_rate 0.0")
    assert re.fullmatch(r".*: (finished|stopped) after \d epochs, val CIDEr .*; about 0 s left", about[1])
    assert any(line.startswith("What mattered: learning_rate") for line in printed)
    assert printed[-1] == f"{folder} holds trials.csv and tuning.html."


@pytest.mark.usefixtures("eager")
def test_a_trial_is_training_on_regions(
    tiny_dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With nothing in the place of anything but the encoder."""
    monkeypatch.setattr(encoders, "build", lambda options: small.encoder(options.size))
    monkeypatch.setattr(fit, "Rollout", functools.partial(Rollout, max_caption_length=3))
    result = make_tuner(tiny_dataset, tmp_path, epochs=1).run(2)
    (kept,) = tmp_path.glob("trial-*")
    progress = Run(kept).progress()
    assert [trial.outcome for trial in result] == [FINISHED, FINISHED]
    assert progress is not None
    assert [row.phase for row in progress.history] == ["decoder"]
    assert progress.history[0].val_loss == result[int(kept.name[-2:])].val_loss
    assert not (kept / "epoch-0001" / "encoder.weights.h5").exists()


def test_a_recipe_without_such_a_phase_is_refused(tiny_dataset: Dataset, tmp_path: Path) -> None:
    moving = replace(RECIPE, phases=RECIPE.phases[:1] + RECIPE.phases[2:])
    with pytest.raises(CaptionerError, match="no phase with a frozen encoder"):
        make_tuner(tiny_dataset, tmp_path / "new", recipe=moving).run(1)
    assert not (tmp_path / "new").exists()
