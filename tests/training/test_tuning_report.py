"""The table and the plot of tuning hold every trial, the best first."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution

from captioner.training import tuning_report
from captioner.training.tuning_report import FAILED, FINISHED, STOPPED, TrialResult

SETTINGS = {"learning_rate": 1e-3, "heads": 2}
TRIALS = [
    TrialResult(0, FINISHED, 0.4, 3.2, 4, 61, SETTINGS),
    TrialResult(1, FAILED, math.nan, None, 0, 5, {"learning_rate": 2e-3, "heads": 1}),
    TrialResult(2, STOPPED, 0.6, 3.4, 2, 30, {"learning_rate": 1e-4, "heads": 4}),
    TrialResult(3, FINISHED, 0.5, 3.1, 4, 60, {"learning_rate": 5e-4, "heads": 1}),
]


def test_the_best_finished_trial_comes_first() -> None:
    assert list(tuning_report.table(TRIALS)["trial"]) == [3, 0, 2, 1]


def test_the_table_is_written_and_printed_alike(tmp_path: Path) -> None:
    tuning_report.write(TRIALS, {"learning_rate": 1.0, "heads": 0.0}, ["learning_rate"], tmp_path)
    with (tmp_path / tuning_report.TABLE).open(newline="") as file:
        rows = list(csv.DictReader(file))
    printed = tuning_report.as_text(TRIALS).splitlines()

    assert [row["trial"] for row in rows] == ["3", "0", "2", "1"] == [line.split()[0] for line in printed[1:]]
    assert list(rows[0]) == printed[0].split()
    assert rows[1] == {
        "trial": "0", "outcome": FINISHED, "val_cider": "0.4", "val_loss": "3.2",
        "epochs": "4", "seconds": "61", "learning_rate": "0.001", "heads": "2",
    }  # fmt: skip
    assert len({len(line) for line in printed}) == 1


def test_the_plot_shows_importances_and_every_trial_with_an_epoch() -> None:
    drawn = tuning_report.plot(TRIALS, {"learning_rate": 0.75, "heads": 0.25}, ["learning_rate"]).to_dict()
    bars, dots = drawn["vconcat"]
    learning_rate, heads = dots["concat"]

    assert drawn["datasets"][bars["data"]["name"]] == [
        {"setting": "learning_rate", "share": 0.75},
        {"setting": "heads", "share": 0.25},
    ]
    assert {row["trial"] for row in drawn["datasets"][learning_rate["data"]["name"]]} == {0, 2, 3}
    assert (learning_rate["encoding"]["x"]["type"], learning_rate["encoding"]["x"]["scale"]["type"]) == (
        "quantitative",
        "log",
    )
    assert heads["encoding"]["x"]["type"] == "ordinal"  # drawn from a list


@pytest.mark.parametrize("some", [TRIALS[:1], TRIALS[1:2]], ids=["one", "failed"])
def test_few_or_failed_trials_can_be_plotted(some: list[TrialResult]) -> None:
    drawn = tuning_report.plot(some, {}, []).to_dict()

    assert drawn["vconcat"][0]["title"] == "What mattered: too few trials to tell"
    json.dumps(drawn, allow_nan=False)


def test_settings_are_described_with_four_digits() -> None:
    assert (
        tuning_report.describe_settings({"learning_rate": 0.00123456, "heads": 2})
        == "learning_rate 0.001235, heads 2"
    )


def test_importances_find_the_setting_that_matters() -> None:
    """On a made-up study where one setting decides, and none while too few trials are there or all agree."""
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=1))
    space: dict[str, Any] = {
        "learning_rate": FloatDistribution(0, 1),
        "heads": CategoricalDistribution((1, 2)),
    }
    for number in range(20):
        trial = study.ask(space)
        trial.report(trial.params["learning_rate"], 1)
        study.tell(trial, trial.params["learning_rate"])
        if number < tuning_report.MIN_TRIALS - 1:
            assert tuning_report.importances(study) == {}
    result = tuning_report.importances(study)

    assert sum(result.values()) == pytest.approx(1)
    assert result["learning_rate"] > 0.9


def test_equal_trials_have_no_importances() -> None:
    study = optuna.create_study(direction="maximize")
    for _ in range(10):
        trial = study.ask({"learning_rate": FloatDistribution(0, 1)})
        trial.report(0.5, 1)
        study.tell(trial, 0.5)
    assert tuning_report.importances(study) == {}
