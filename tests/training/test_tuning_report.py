"""The table and the plot of a search hold every trial, the best first."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import pytest

from captioner.training import tuning_report
from captioner.training.tuning_report import FAILED, FINISHED, STOPPED, Tried

SETTINGS = {"rate": 1e-3, "heads": 2}
TRIALS = [
    Tried(0, FINISHED, 0.4, 3.2, 4, 61, SETTINGS),
    Tried(1, FAILED, math.nan, None, 0, 5, {"rate": 2e-3, "heads": 1}),
    Tried(2, STOPPED, 0.6, 3.4, 2, 30, {"rate": 1e-4, "heads": 4}),
    Tried(3, FINISHED, 0.5, 3.1, 4, 60, {"rate": 5e-4, "heads": 1}),
]


def test_the_best_that_was_finished_comes_first() -> None:
    assert [one.trial for one in tuning_report.order(TRIALS)] == [3, 0, 2, 1]


def test_the_table_is_written_and_printed_alike(tmp_path: Path) -> None:
    tuning_report.write(TRIALS, {"rate": 1.0, "heads": 0.0}, ["rate"], tmp_path)
    with (tmp_path / tuning_report.TABLE).open(newline="") as file:
        rows = list(csv.DictReader(file))
    printed = tuning_report.lines(TRIALS)

    assert [row["trial"] for row in rows] == ["3", "0", "2", "1"] == [line.split()[0] for line in printed[1:]]
    assert list(rows[0]) == printed[0].split()
    assert rows[1] == {
        "trial": "0", "outcome": FINISHED, "val_cider": "0.4", "val_loss": "3.2",
        "epochs": "4", "seconds": "61", "rate": "0.001", "heads": "2",
    }  # fmt: skip
    assert len({len(line) for line in printed}) == 1


def test_the_plot_shows_shares_and_every_trial_that_came_to_an_epoch() -> None:
    drawn = tuning_report.plot(TRIALS, {"rate": 0.75, "heads": 0.25}, ["rate"]).to_dict()
    bars, dots = drawn["vconcat"]
    rate, heads = dots["concat"]

    assert drawn["datasets"][bars["data"]["name"]] == [
        {"setting": "rate", "share": 0.75},
        {"setting": "heads", "share": 0.25},
    ]
    assert {row["trial"] for row in drawn["datasets"][rate["data"]["name"]]} == {0, 2, 3}
    assert (rate["encoding"]["x"]["type"], rate["encoding"]["x"]["scale"]["type"]) == ("quantitative", "log")
    assert heads["encoding"]["x"]["type"] == "ordinal"  # drawn from a list


@pytest.mark.parametrize("some", [TRIALS[:1], TRIALS[1:2]], ids=["one", "failed"])
def test_a_plot_is_drawn_of_whatever_is_there(some: list[Tried]) -> None:
    drawn = tuning_report.plot(some, {}, []).to_dict()

    assert drawn["vconcat"][0]["title"] == "What mattered: too few trials to tell"
    json.dumps(drawn, allow_nan=False)


def test_values_are_told_as_people_read_them() -> None:
    assert tuning_report.told({"rate": 0.00123456, "heads": 2}) == "rate 0.001235, heads 2"
    assert tuning_report.short(None) == "–"
