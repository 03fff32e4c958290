"""What training needs to go on: weights, optimizer, and how far it came.

One folder an epoch, written aside and renamed into place.
"""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import keras
import numpy as np

from captioner.bundle.manifest import sync
from captioner.errors import CaptionerError
from captioner.training.models.decoders import Decoder

_EPOCH = re.compile(r"epoch-(\d{4})")


@dataclass(frozen=True)
class Epoch:
    """One row of ``history.csv``.

    ``val_loss`` is in nats a word. So is ``loss``, with the phase's label smoothing; while polishing it is
    the mean reward of the samples, negative.
    """

    epoch: int
    phase: str
    loss: float
    val_loss: float
    rate: float
    seconds: float
    val_cider: float  # of greedy captions, like the next two
    words_used: int | None = None
    dangling: float | None = None  # share that ends in an article or preposition


@dataclass
class Progress:
    """How far a run came. ``best`` is the epoch that would be restored: at first that of the phase before."""

    history: list[Epoch] = field(default_factory=list)
    phase: int = 0  # index of the phase in the recipe
    done: int = 0  # epochs of that phase
    best: int | None = None
    best_value: float = float("inf")
    waited: int = 0  # epochs since the best
    drops: int = 0  # reductions of the rate

    @property
    def epoch(self) -> int:
        return len(self.history)


class Run:
    """The folder of one training run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def begin(self, settings: dict[str, Any]) -> None:
        """Keep what the run was begun with.

        Raises:
            CaptionerError: the run has epochs that were trained with something else.
        """
        if not self._epochs() or not self._settings.is_file():
            self._write_settings(settings)
        self.refuse_unlike(settings, "Repeat its options, or name another --run.")

    @property
    def phases(self) -> list[dict[str, Any]] | None:
        """The schedule that is recorded, a phase's fields each; None in a run that has not recorded any."""
        return self._read_settings().get("phases")

    def record_phases(self, phases: Sequence[dict[str, Any]]) -> None:
        """Keep the schedule by which the run goes on."""
        self._write_settings({**self._read_settings(), "phases": [*phases]})

    def _read_settings(self) -> dict[str, Any]:
        return json.loads(self._settings.read_text()) if self._settings.is_file() else {}

    def _write_settings(self, settings: dict[str, Any]) -> None:
        unfinished = self._settings.with_name(f"{self._settings.name}.tmp")
        unfinished.write_text(json.dumps(settings))
        sync(unfinished)
        unfinished.replace(self._settings)

    def refuse_unlike(self, settings: dict[str, Any], advice: str) -> None:
        """Raise ``CaptionerError`` unless the run was begun with these settings."""
        now = json.loads(json.dumps(settings))
        before = self._read_settings()
        if other := [name for name in now if now[name] != before.get(name)]:
            raise CaptionerError(
                f"the run in {self.folder} was begun with another {' and '.join(other)} "
                f"({before.get(other[0])}, not {now[other[0]]}). {advice}"
            )

    def save(self, progress: Progress, encoder: keras.Model | None, decoder: Decoder, optimizer: Any) -> None:
        """Write an epoch aside, rename it into place, then drop those no longer needed."""
        target = self._path(progress.epoch)
        unfinished = target.with_name(f"{target.name}.tmp")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir()
        decoder.save_weights(unfinished / "decoder.weights.h5")
        if encoder is not None:
            encoder.save_weights(unfinished / "encoder.weights.h5")
        np.savez(unfinished / "optimizer.npz", *[np.asarray(v) for v in optimizer.variables])
        (unfinished / "progress.json").write_text(json.dumps(asdict(progress)))
        for file in unfinished.iterdir():
            sync(file)
        shutil.rmtree(target, ignore_errors=True)
        unfinished.rename(target)
        sync(self.folder)
        self.write_history(progress)
        for number, path in self._epochs():
            if number not in (progress.epoch, progress.best):
                shutil.rmtree(path)

    def write_history(self, progress: Progress) -> None:
        """``history.csv`` beside the checkpoints, replaced as a whole."""
        unfinished = self.folder / "history.csv.tmp"
        with unfinished.open("w", newline="") as file:
            writer = csv.DictWriter(file, [f.name for f in fields(Epoch)])
            writer.writeheader()
            writer.writerows(asdict(row) for row in progress.history)
        unfinished.replace(self.folder / "history.csv")

    def progress(self) -> Progress | None:
        """The last epoch that was written whole; None in a new run."""
        epochs = self._epochs()
        if not epochs:
            return None
        found = json.loads((epochs[-1][1] / "progress.json").read_text())
        found["history"] = [Epoch(**row) for row in found["history"]]
        return Progress(**found)

    def restore(self, epoch: int, encoder: keras.Model | None, decoder: Decoder) -> bool:
        """Load the weights of an epoch, the encoder's too if they were kept; returns whether they were."""
        path = self._path(epoch)
        if not path.is_dir():
            raise CaptionerError(
                f"{self.folder} has no checkpoint of epoch {epoch}. Delete the folder and begin again."
            )
        decoder.load_weights(path / "decoder.weights.h5")
        kept = (path / "encoder.weights.h5").is_file()
        if encoder is not None and kept:
            encoder.load_weights(path / "encoder.weights.h5")
        return kept

    def restore_optimizer(self, epoch: int, optimizer: Any) -> None:
        """Load the moments and step count that belong to an epoch."""
        with np.load(self._path(epoch) / "optimizer.npz", allow_pickle=False) as saved:
            for variable, name in zip(optimizer.variables, saved.files, strict=True):
                variable.assign(saved[name])

    @property
    def _settings(self) -> Path:
        return self.folder / "settings.json"

    def _path(self, epoch: int) -> Path:
        return self.folder / f"epoch-{epoch:04d}"

    def _epochs(self) -> list[tuple[int, Path]]:
        found = [(_EPOCH.fullmatch(path.name), path) for path in self.folder.iterdir()]
        return sorted((int(match[1]), path) for match, path in found if match)
