"""A run's phases, when it goes on: what shaped the epochs it has had stays, what is to come may change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from captioner.errors import CaptionerError
from captioner.training.loop import batches
from captioner.training.loop.checkpoint import Progress, Run
from captioner.training.loop.fit import Phase

_ADVICE = "Repeat its options, or name another --run."
Fields = Mapping[str, Any]  # of a phase


def compared(run: Run, phases: Sequence[Phase], progress: Progress, pictures: int) -> str | None:
    """A sentence about what is different in what is still to come, when a run goes on with these phases.

    A phase that is finished must be as it was. So must the current one, but for the number of its epochs:
    that may change where the epochs so far would have had the same learning rates.

    Args:
        pictures: of the training split.

    Raises:
        CaptionerError: the epochs so far were trained by another schedule.
    """
    name = progress.history[-1].phase
    if [phase.name for phase in phases][progress.phase : progress.phase + 1] != [name]:
        raise CaptionerError(
            f"the run in {run.folder} has come to its {name} phase, which these options lack or have "
            "elsewhere. Repeat its options, --polish and --frozen among them."
        )
    now, before = [asdict(phase) for phase in phases], run.phases
    if before is None:
        return None
    for index, (new, old) in enumerate(zip(now[: progress.phase + 1], before, strict=False)):
        other = _different(new, old)
        if index == progress.phase and other == ["epochs"]:
            _refuse_replanned(run, phases[index], old["epochs"], progress, pictures)
        elif other:
            raise CaptionerError(
                f"the {old['name']} phase of the run in {run.folder} was trained with {other[0]} "
                f"{old.get(other[0])}, not {new[other[0]]}. {_ADVICE}"
            )
    changes = "; ".join(_changes(now, before))
    return f"from here on this run differs from how it was begun: {changes}" if changes else None


def _refuse_replanned(run: Run, phase: Phase, epochs: int, progress: Progress, pictures: int) -> None:
    """Refuse another number of epochs than those that the current phase's rates were planned for."""
    if progress.done > phase.epochs:
        raise CaptionerError(
            f"the run in {run.folder} has had {progress.done} epochs of its {phase.name} phase already, more "
            f"than {phase.epochs}. {_ADVICE}"
        )
    if _rates(phase, progress.done, pictures) != _rates(
        replace(phase, epochs=epochs), progress.done, pictures
    ):
        raise CaptionerError(
            f"the {phase.name} phase of the run in {run.folder} was planned for {epochs} epochs, not "
            f"{phase.epochs}, and its learning rate has followed that plan. {_ADVICE}"
        )


def _rates(phase: Phase, epochs: int, pictures: int) -> list[float]:
    """Learning rate of each update in the first epochs of a phase."""
    steps = batches.count(pictures, phase.batch)
    return [phase.rate_at(step, phase.epochs * steps, 0) for step in range(epochs * steps)]


def _changes(now: Sequence[Fields], before: Sequence[Fields]) -> list[str]:
    """How two schedules differ."""
    new, old = ({phase["name"]: phase for phase in phases} for phases in (now, before))
    return [
        *(
            f"{name} has {field} {new[name][field]} instead of {old[name].get(field)}"
            for name in new
            if name in old
            for field in _different(new[name], old[name])
        ),
        *(f"{name} is added" for name in new if name not in old),
        *(f"{name} is left out" for name in old if name not in new),
    ]


def _different(one: Fields, other: Fields) -> list[str]:
    return [field for field in one if one[field] != other.get(field)]
