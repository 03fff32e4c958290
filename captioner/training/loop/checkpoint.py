"""Checkpoints: the weights, the optimizer's state and the progress that a run is resumed from.

One folder an epoch, written to a temporary folder and renamed into place. Keras' ``BackupAndRestore`` needs
``Model.fit`` and keeps neither the history nor the best epoch.
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
# Names of these fields in the runs of earlier versions, and today's.
_OLD_NAMES = {
    "rate": "learning_rate", "encoder_rate": "encoder_learning_rate", "batch": "batch_size",
    "warmup": "warmup_steps", "decay": "cosine_decay", "average": "ema_momentum",
    "smoothing": "label_smoothing", "dangling": "incomplete_share", "done": "epochs_done",
    "waited": "epochs_without_improvement", "drops": "learning_rate_reductions",
    "mirror": "horizontal_flip", "bits": "weight_bits", "beside": "second",
    "max_words": "max_caption_length",
}  # fmt: skip


@dataclass(frozen=True)
class Epoch:
    """One row of ``history.csv``.

    ``val_loss`` is in nats a word. So is ``loss``, with the phase's label smoothing; in self-critical
    training it is the mean reward of the samples, negative.
    """

    epoch: int
    phase: str
    loss: float
    val_loss: float
    learning_rate: float
    seconds: float
    val_cider: float  # of greedy captions, like the next two
    words_used: int | None = None
    incomplete_share: float | None = None  # share that ends in an article or preposition


@dataclass
class Progress:
    """How far a run has come. ``best`` is the epoch to restore: at first that of the phase before."""

    history: list[Epoch] = field(default_factory=list)
    phase: int = 0  # index of the phase in the recipe
    epochs_done: int = 0  # of that phase
    best: int | None = None
    best_value: float = float("inf")  # what the phase monitors, the lower the better
    epochs_without_improvement: int = 0
    learning_rate_reductions: int = 0

    @property
    def epoch(self) -> int:
        return len(self.history)


class Run:
    """The folder of one training run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def record_settings(self, settings: dict[str, Any]) -> None:
        """Record the settings that the run begins with, to compare them when it is resumed.

        Raises:
            CaptionerError: the run has epochs that were trained with something else.
        """
        if not self._epochs() or not self._settings.is_file():
            self._write_settings(settings)
        self.require_same_settings(settings, "Repeat its options, or name another --run.")

    @property
    def recorded_initial_run(self) -> Path | None:
        """The run with whose weights this one began or, stopped before its first epoch, was to begin."""
        begun_from = self._read_settings().get("from")
        return Path(begun_from) if begun_from else None

    @property
    def recorded_phases(self) -> list[dict[str, Any]] | None:
        """The fields of each phase as recorded; None in a run that has recorded none."""
        return self._read_settings().get("phases")

    def record_phases(self, phases: Sequence[dict[str, Any]]) -> None:
        """Record the phases that the run goes on with."""
        self._write_settings({**self._read_settings(), "phases": [*phases]})

    def _read_settings(self) -> dict[str, Any]:
        return _read_json(self._settings) if self._settings.is_file() else {}

    def _write_settings(self, settings: dict[str, Any]) -> None:
        temporary = self._settings.with_name(f"{self._settings.name}.tmp")
        temporary.write_text(json.dumps(settings))
        sync(temporary)
        temporary.replace(self._settings)

    def require_same_settings(self, settings: dict[str, Any], advice: str) -> None:
        """Compare settings with those that the run was begun with.

        Raises:
            CaptionerError: they differ.
        """
        now = json.loads(json.dumps(settings))
        before = self._read_settings()
        if changed := [name for name in now if now[name] != before.get(name)]:
            raise CaptionerError(
                f"the run in {self.folder} was begun with another {' and '.join(changed)} "
                f"({before.get(changed[0])}, not {now[changed[0]]}). {advice}"
            )

    def save(self, progress: Progress, encoder: keras.Model | None, decoder: Decoder, optimizer: Any) -> None:
        """Write an epoch to a temporary folder, rename it, then delete those no longer needed."""
        target = self._path(progress.epoch)
        temporary = target.with_name(f"{target.name}.tmp")
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir()
        decoder.save_weights(temporary / "decoder.weights.h5")
        if encoder is not None:
            encoder.save_weights(temporary / "encoder.weights.h5")
        np.savez(temporary / "optimizer.npz", *[np.asarray(v) for v in optimizer.variables])
        (temporary / "progress.json").write_text(json.dumps(asdict(progress)))
        for file in temporary.iterdir():
            sync(file)
        shutil.rmtree(target, ignore_errors=True)
        temporary.rename(target)
        sync(self.folder)
        self.write_history(progress)
        for number, path in self._epochs():
            if number not in (progress.epoch, progress.best):
                shutil.rmtree(path)

    def write_history(self, progress: Progress) -> None:
        """Write ``history.csv`` beside the checkpoints."""
        temporary = self.folder / "history.csv.tmp"
        with temporary.open("w", newline="") as file:
            writer = csv.DictWriter(file, [f.name for f in fields(Epoch)])
            writer.writeheader()
            writer.writerows(asdict(row) for row in progress.history)
        temporary.replace(self.folder / "history.csv")

    def progress(self) -> Progress | None:
        """The progress after the last complete epoch; None in a new run."""
        epochs = self._epochs()
        if not epochs:
            return None
        saved = _read_json(epochs[-1][1] / "progress.json")
        saved["history"] = [Epoch(**row) for row in saved["history"]]
        return Progress(**saved)

    def restore(self, epoch: int, encoder: keras.Model | None, decoder: Decoder) -> bool:
        """Load the weights of an epoch, the encoder's too if they were saved; returns whether they were.

        Raises:
            CaptionerError: the epoch is not there.
        """
        path = self._path(epoch)
        if not path.is_dir():
            raise CaptionerError(
                f"{self.folder} has no checkpoint of epoch {epoch}. Delete the folder and begin again."
            )
        decoder.load_weights(path / "decoder.weights.h5")
        saved = (path / "encoder.weights.h5").is_file()
        if encoder is not None and saved:
            encoder.load_weights(path / "encoder.weights.h5")
        return saved

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
        matches = [(_EPOCH.fullmatch(path.name), path) for path in self.folder.iterdir()]
        return sorted((int(match[1]), path) for match, path in matches if match)


def _read_json(path: Path) -> Any:
    """The content of a run's JSON file, with today's field names."""

    def renamed(fields: dict[str, Any]) -> dict[str, Any]:
        return {
            _OLD_NAMES.get(name, name): "self_critical" if value == "polish" else value
            for name, value in fields.items()
        }

    return json.loads(path.read_text(), object_hook=renamed)
