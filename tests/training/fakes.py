"""Fakes of training: a simulated run, and one that is killed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import keras
import pytest

from captioner.data.datasets import Dataset
from captioner.training import runner
from captioner.training.loop.checkpoint import Epoch, Progress, Run
from captioner.training.models.decoders import Decoder
from captioner.training.recipes import Recipe


class Weights:
    """A fake of a decoder's and an optimizer's weights."""

    variables: tuple[()] = ()

    def save_weights(self, path: Path) -> None:
        path.touch()


def simulate_training(recipe: Recipe, dataset: Dataset, run: Run, cache: Path, seed: int) -> None:
    """Simulated training: CIDEr grows with the epochs; best are a learning rate of 0.03 and no smoothing."""
    phase, progress = recipe.phases[0], Progress()
    for epoch in range(1, phase.epochs + 1):
        cider = 0.5 - abs(math.log10(phase.learning_rate / 0.03)) - phase.label_smoothing / 10 + epoch / 100
        progress.history.append(
            Epoch(epoch, phase.name, 4 - cider, 3 - cider, phase.learning_rate, 1.0, cider)
        )
        progress.epochs_done, progress.best = epoch, epoch
        run.save(progress, None, cast("Decoder", Weights()), Weights())


@contextmanager
def simulated_training() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner, "train", simulate_training)
        patch.setattr(keras.utils, "clear_session", lambda: None)
        yield


class Killed(BaseException):
    """Simulates SIGKILL: no handler catches it."""


def kill_after(original: Any, allowed: int) -> Any:
    """The same function, which raises Killed after so many calls."""
    calls = 0

    def call(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls > allowed:
            raise Killed
        return original(*arguments, **options)

    return call
