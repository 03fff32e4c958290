"""The page of the benchmarks says what was measured, and how well two runs agree."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import report
from benchmarks.result import Result, alternate


def result(ours: float, name: str = "Training", inverse: bool = False) -> Result:
    return Result(name, "captions a second", (ours, ours, 9 * ours), (10.0, 20.0, 90.0), "the notebook's",
                  "{} times as fast", inverse, "≥ 8 times")  # fmt: skip


def test_a_ratio_is_the_median_of_the_rounds() -> None:
    assert result(160).ratio == 16  # of 16, 8 and 16
    assert result(160, inverse=True).ratio == 1 / 16


def test_both_are_measured_in_turn() -> None:
    turns = iter(range(4))
    measured = alternate(2, lambda: next(turns), lambda: next(turns))
    assert (measured.ours, measured.other) == ((0, 2), (1, 3))


@pytest.mark.parametrize(("second", "said"), [(170, "all 1 ratios agree"), (200, "not: Training.")])
def test_the_page_compares_the_last_two_runs(tmp_path: Path, second: float, said: str) -> None:
    runs = report.Runs({"cores": "2"}, "Flickr8k")
    for ours in (3, 160, second):
        runs.add("training", report.Run("2026-11-26", (result(ours),)))
    report.write(runs, tmp_path, ("training",))
    page = (tmp_path / "benchmarks.md").read_text(encoding="utf-8")

    assert report.read(tmp_path) == runs
    assert len(runs.measures["training"]) == 2
    assert f"| {second} ({second}–{9 * second:,}) | the notebook's | 20 (10–90) " in page
    assert f"{second / 10:.3g} times as fast" in page
    assert said in page
    assert "- cores: 2" in page
    assert (tmp_path / "benchmarks.svg").read_text(encoding="utf-8").startswith("<svg")


def test_no_run_is_no_error(tmp_path: Path) -> None:
    assert report.read(tmp_path) == report.Runs()
