"""The phases of a run: how the learning rate of each changes, and what may change when a run is resumed.

Keras' ``ReduceLROnPlateau`` and ``CosineDecay`` do the same, but neither can be resumed in the middle of a
phase, and ``CosineDecay`` begins to fall only after its warm-up.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from captioner.errors import CaptionerError
from captioner.training.loop import batches
from captioner.training.loop.checkpoint import Progress, Run

_ADVICE = "Repeat its options, or name another --run."
Fields = Mapping[str, Any]  # of a phase


@dataclass(frozen=True)
class Phase:
    """A stretch of training with its own optimizer and learning rate.

    An ``encoder_learning_rate`` of 0 freezes the encoder, whose regions are then computed once.
    """

    name: str
    epochs: int
    learning_rate: float = 1e-3  # of the decoder
    encoder_learning_rate: float = 0.0
    batch_size: int = 32  # pictures, each with all its captions
    warmup_steps: int = 200  # updates; a quarter of the phase at most
    epsilon: float = 1e-7  # Adam's; 1e-5 keeps words that never occur from drifting ever further away
    cosine_decay: bool = False  # to a twentieth over the phase
    patience: int = 2  # epochs without a better value before the rate is halved; twice that stops the phase
    ema_momentum: float = 0.0  # of the weights' moving average, which is validated and kept; 0: no averaging
    label_smoothing: float = 0.0  # share spread evenly over the words of the vocabulary
    samples: int = 0  # captions sampled a picture; 0: cross-entropy, otherwise self-critical training
    monitor: str = "val_loss"  # or val_cider: what chooses the best epoch

    @property
    def self_critical(self) -> bool:
        return self.samples > 0

    def learning_rate_at(self, step: int, steps: int, reductions: int) -> float:
        """The decoder's learning rate after ``step`` of the phase's ``steps`` updates.

        Linear warm-up, then constant or a cosine (I. Loshchilov, F. Hutter, "SGDR", ICLR 2017, without
        restarts), halved at each of the ``reductions``.
        """
        warmup = min(1.0, (step + 1) / max(1, min(self.warmup_steps, steps // 4)))
        decay = 1.0
        if self.cosine_decay:
            decay = 0.05 + 0.475 * (1 + math.cos(math.pi * min(1.0, step / max(1, steps))))
        return self.learning_rate * (warmup * decay * 0.5**reductions)


def changes_on_resume(run: Run, phases: Sequence[Phase], progress: Progress, pictures: int) -> str | None:
    """A sentence about what differs in the epochs still to come, when a run is resumed with these phases.

    A phase that is finished must be as it was. So must the current one, but for the number of its epochs:
    that may change where the epochs so far would have had the same learning rates.

    Args:
        pictures: of the training split.

    Raises:
        CaptionerError: the epochs so far were trained by another schedule.
    """
    current = progress.history[-1].phase
    if [phase.name for phase in phases][progress.phase : progress.phase + 1] != [current]:
        raise CaptionerError(
            f"the run in {run.folder} has come to its {current} phase, which these options lack or have "
            "elsewhere. Repeat its options, --self-critical and --frozen among them."
        )
    now, before = [asdict(phase) for phase in phases], run.recorded_phases
    if before is None:
        return None
    for index, (new, old) in enumerate(zip(now[: progress.phase + 1], before, strict=False)):
        changed = _changed_fields(new, old)
        if index == progress.phase and changed == ["epochs"]:
            _refuse_other_learning_rates(run, phases[index], old["epochs"], progress, pictures)
        elif changed:
            raise CaptionerError(
                f"the {old['name']} phase of the run in {run.folder} was trained with {changed[0]} "
                f"{old.get(changed[0])}, not {new[changed[0]]}. {_ADVICE}"
            )
    changes = "; ".join(_changes(now, before))
    return f"from here on this run differs from how it was begun: {changes}" if changes else None


def _refuse_other_learning_rates(
    run: Run, phase: Phase, epochs: int, progress: Progress, pictures: int
) -> None:
    """Refuse another number of epochs than those that the current phase's rates were planned for."""
    if progress.epochs_done > phase.epochs:
        raise CaptionerError(
            f"the run in {run.folder} has had {progress.epochs_done} epochs of its {phase.name} phase "
            f"already, more than {phase.epochs}. {_ADVICE}"
        )
    planned = replace(phase, epochs=epochs)
    if _learning_rates(phase, progress.epochs_done, pictures) != _learning_rates(
        planned, progress.epochs_done, pictures
    ):
        raise CaptionerError(
            f"the {phase.name} phase of the run in {run.folder} was planned for {epochs} epochs, not "
            f"{phase.epochs}, and its learning rate has followed that plan. {_ADVICE}"
        )


def _learning_rates(phase: Phase, epochs: int, pictures: int) -> list[float]:
    """Learning rate of each update in the first epochs of a phase."""
    steps = batches.steps_per_epoch(pictures, phase.batch_size)
    return [phase.learning_rate_at(step, phase.epochs * steps, 0) for step in range(epochs * steps)]


def _changes(now: Sequence[Fields], before: Sequence[Fields]) -> list[str]:
    """How two schedules differ."""
    new, old = ({phase["name"]: phase for phase in phases} for phases in (now, before))
    return [
        *(
            f"{name} has {field} {new[name][field]} instead of {old[name].get(field)}"
            for name in new
            if name in old
            for field in _changed_fields(new[name], old[name])
        ),
        *(f"{name} is added" for name in new if name not in old),
        *(f"{name} is left out" for name in old if name not in new),
    ]


def _changed_fields(new: Fields, old: Fields) -> list[str]:
    return [field for field in new if new[field] != old.get(field)]
