"""How long a run still takes, by the epochs that it has had."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from captioner.progress import duration
from captioner.training.loop.checkpoint import Epoch

RECENT = 3  # epochs of a phase that count: the run may have moved to another machine


def left(history: Sequence[Epoch], ahead: Sequence[tuple[str, int]]) -> str:
    """A sentence about the phases ``ahead``: the name of each, with the epochs that it has left.

    A phase without an epoch so far is named and not guessed: to train the encoder takes several times as long
    as to leave it alone. A phase that stops improving ends sooner.
    """
    timed = {row.phase: [one.seconds for one in history if one.phase == row.phase] for row in history}
    known = [epochs * median(timed[name][-RECENT:]) for name, epochs in ahead if epochs and name in timed]
    unknown = [f"{epochs} epochs of {name}" for name, epochs in ahead if epochs and name not in timed]
    if not unknown:
        return f"at most about {duration(sum(known))} left in this run"
    before = (
        f"at most about {duration(sum(known))} left in this phase, then " if known else "left in this run: "
    )
    return f"{before}{' and '.join(unknown)}, told after the first of each"
