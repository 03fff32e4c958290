"""What a run takes is told before it begins, and measuring it changes nothing."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from captioner.data.datasets import Dataset
from captioner.text import Vocabulary
from captioner.training import cost, runner
from captioner.training.cost import Disk, Speed
from captioner.training.loop.batches import EncodedCaptions
from captioner.training.loop.checkpoint import Run
from captioner.training.loop.fit import EncoderDecoder
from captioner.training.loop.schedule import Phase
from tests.training import small
from tests.training.test_runner import FROZEN as FROZEN_ONLY
from tests.training.test_runner import metrics, quick

__all__ = ["quick"]  # a fixture: a small encoder

FROZEN = Phase("decoder", 6, learning_rate=1e-3)
PHASES = (FROZEN, Phase("fine-tune", 8, learning_rate=1e-3, encoder_learning_rate=1e-4))
SIZES = {"train": 9000, "dev": 1000, "test": 1000}
SPEED = Speed(0.018, {"decoder": 0.006, "fine-tune": 0.09})


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Disk:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=2e9))
    return Disk(tmp_path, 10_000, 630_000_000, True)


def test_hours_and_gigabytes_are_told(disk: Disk) -> None:
    told = cost.sentence(PHASES, SIZES, SPEED, disk, encoder_passes=1)
    assert "decoder 6 min 0 s, fine-tune 2 h 0 min, scores 7 min 1 s" in told
    assert "at most 2 h 16 min (encoding 3 min 0 s," in told
    assert told.endswith(f"regions of 10,000 pictures take 0.63 GB in {disk.folder}, where 2.00 GB are free")


def test_a_small_disk_costs_time_in_every_epoch(disk: Disk) -> None:
    told = cost.sentence(PHASES, SIZES, SPEED, replace(disk, fits=False), encoder_passes=1)
    assert "encoding" not in told
    assert "at most 2 h 31 min" in told
    assert told.endswith("too little, so they are computed anew in every epoch, which adds 18 min 0 s")


def test_what_was_not_measured_is_named_or_left_out(disk: Disk) -> None:
    phases = (FROZEN, replace(FROZEN, name="self_critical", samples=5))
    assert "7 min 1 s, without self_critical)" in cost.sentence(phases, SIZES, SPEED, disk, 1)
    assert cost.sentence(phases, SIZES, None, disk, 1) == str(disk)
    assert cost.sentence(PHASES[1:], SIZES, None, None, 1) == ""
    cached = replace(disk, pictures=0, needed=0)
    assert cost.sentence(PHASES, SIZES, SPEED, cached, 1).endswith(f"; all regions are in {disk.folder}")
    assert cost.sentence(PHASES, SIZES, None, cached, 1) == ""


def test_measuring_leaves_the_model_as_it_was(targets: EncodedCaptions, vocabulary: Vocabulary) -> None:
    decoder = small.decoder(len(vocabulary))
    before = [np.array(variable) for variable in decoder.variables]
    batch = targets.batch(np.arange(4), lambda rows: small.regions(len(rows)))
    assert cost.training_seconds(EncoderDecoder(None, decoder), FROZEN, batch) > 0
    assert all(np.array_equal(a, b) for a, b in zip(before, decoder.variables, strict=True))


def test_a_run_on_a_full_disk_with_its_cost_told_learns_the_same(
    tiny_dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    once = replace(FROZEN_ONLY, phases=(replace(FROZEN_ONLY.phases[0], epochs=1),))
    expected = runner.train(once, tiny_dataset, Run(tmp_path / "a"), tmp_path / "cache")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=100))
    monkeypatch.setattr(cost, "MIN_PICTURES", 1)
    capsys.readouterr()
    result = runner.train(once, tiny_dataset, Run(tmp_path / "b"), tmp_path / "new", measure_cost=True)
    told = capsys.readouterr().out.splitlines()[0]

    assert re.match(r"estimated from a few updates on this machine: at most \d+ s \(decoder ", told)
    assert "where 0.00 GB are free: too little, so they are computed anew in every epoch" in told
    assert not [*(tmp_path / "new").iterdir()]
    np.testing.assert_allclose(metrics(result.history), metrics(expected.history), rtol=1e-4, atol=1e-4)
