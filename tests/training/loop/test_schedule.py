"""Learning rates follow the schedule; a run resumes only a schedule that its epochs so far have followed."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captioner.errors import CaptionerError
from captioner.training.loop.checkpoint import Epoch, Progress, Run
from captioner.training.loop.schedule import Phase, changes_on_resume

PICTURES = 320  # ten batches of 32
STEADY = Phase("decoder", epochs=4, learning_rate=1e-3, warmup_steps=4)
FALLING = Phase("fine-tune", epochs=8, learning_rate=1e-4, encoder_learning_rate=1e-5, cosine_decay=True)
LAST = Phase("self_critical", epochs=2, learning_rate=1e-5, samples=2)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    model = Run(tmp_path / "run")
    model.record_settings({})
    model.record_phases([asdict(phase) for phase in (STEADY, FALLING, LAST)])
    return model


def after(phase: int, done: int) -> Progress:
    """A run that has had ``done`` epochs of a phase."""
    name = (STEADY, FALLING, LAST)[phase].name
    return Progress([Epoch(i + 1, name, 1, 1, 1, 1, 1) for i in range(done)], phase=phase, epochs_done=done)


def changes(run: Run, progress: Progress, *phases: Phase) -> str | None:
    return changes_on_resume(run, phases, progress, PICTURES)


@given(st.integers(0, 999), st.integers(0, 5))
def test_learning_rates_warm_up_decay_and_halve(step: int, reductions: int) -> None:
    plain = Phase("a", 1, learning_rate=1.0, warmup_steps=0)
    decaying = Phase("a", 1, learning_rate=1.0, warmup_steps=0, cosine_decay=True)
    warming = Phase("a", 1, learning_rate=1.0, warmup_steps=100)

    assert plain.learning_rate_at(step, 1000, reductions) == 0.5**reductions
    assert decaying.learning_rate_at(step, 1000, 0) > decaying.learning_rate_at(step + 1, 1000, 0)
    assert warming.learning_rate_at(step, 1000, 0) == pytest.approx(min(1, (step + 1) / 100))
    assert warming.learning_rate_at(step, 40, 0) == pytest.approx(
        min(1, (step + 1) / 10)
    )  # a quarter at most


def test_cosine_decay_ends_at_a_twentieth() -> None:
    phase = Phase("a", 1, learning_rate=1.0, warmup_steps=0, cosine_decay=True)
    assert phase.learning_rate_at(0, 1000, 0) == 1
    assert phase.learning_rate_at(1000, 1000, 0) == pytest.approx(0.05)


@pytest.mark.parametrize("phase", range(3))
def test_the_same_schedule_has_no_changes(run: Run, phase: int) -> None:
    assert changes(run, after(phase, 2), STEADY, FALLING, LAST) is None


@pytest.mark.parametrize(
    "change", [{"learning_rate": 2e-3}, {"batch_size": 16}, {"label_smoothing": 0.1}, {"patience": 3}]
)
@pytest.mark.parametrize("phase", range(2))
def test_the_schedule_of_the_epochs_so_far_may_not_change(
    run: Run, phase: int, change: dict[str, Any]
) -> None:
    """Neither in the phase that the run is in, nor in those before; in later ones it may, and is printed."""
    (field, value), now = next(iter(change.items())), replace(STEADY, **change)
    with pytest.raises(CaptionerError, match=rf"the decoder phase .* with {field} .*, not {value}\. Repeat"):
        changes(run, after(phase, 2), now, FALLING, LAST)

    sentence = changes(run, after(phase, 2), STEADY, FALLING, replace(LAST, **change))
    assert sentence is not None
    assert f"self_critical has {field} {value} instead of {getattr(LAST, field)}" in sentence


def test_a_constant_learning_rate_lets_the_number_of_epochs_change(run: Run) -> None:
    for epochs in (2, 3, 9):
        now = replace(STEADY, epochs=epochs)
        sentence = changes(run, after(0, 2), now, FALLING, LAST)
        assert sentence is not None
        assert sentence.endswith(f"decoder has epochs {epochs} instead of 4")
        assert [now.learning_rate_at(i, 10 * epochs, 0) for i in range(20)] == [
            STEADY.learning_rate_at(i, 40, 0) for i in range(20)
        ]
    with pytest.raises(CaptionerError, match=r"has had 3 epochs of its decoder phase already, more than 2"):
        changes(run, after(0, 3), replace(STEADY, epochs=2), FALLING, LAST)
    with pytest.raises(CaptionerError, match="was trained with epochs 4, not 9"):
        changes(run, after(1, 1), replace(STEADY, epochs=9), FALLING, LAST)


def test_a_decaying_learning_rate_fixes_the_number_of_epochs(run: Run) -> None:
    longer = replace(FALLING, epochs=12)
    with pytest.raises(CaptionerError, match=r"fine-tune phase .* planned for 8 epochs, not 12"):
        changes(run, after(1, 1), STEADY, longer, LAST)
    assert changes(run, after(0, 4), STEADY, longer, LAST) is not None, "it has not begun"


def test_a_warm_up_shortened_to_fit_its_phase_fixes_it_too(run: Run) -> None:
    """A warm-up takes a quarter of the phase at most: here 10 of 40 updates, or 20 of 80."""
    slow = replace(STEADY, warmup_steps=20)
    run.record_phases([asdict(slow)])
    with pytest.raises(CaptionerError, match="planned for 4 epochs, not 8"):
        changes(run, after(0, 1), replace(slow, epochs=8))


def test_later_phases_may_change(run: Run) -> None:
    other = replace(LAST, name="other")
    assert changes(run, after(1, 1), STEADY, FALLING) == (
        "from here on this run differs from how it was begun: self_critical is left out"
    )
    sentence = changes(run, after(1, 1), STEADY, FALLING, other)
    assert sentence is not None
    assert sentence.endswith("other is added; self_critical is left out")


def test_a_run_that_recorded_no_schedule_is_trusted(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.record_settings({"seed": 1})
    assert changes(run, after(1, 1), STEADY, replace(FALLING, epochs=3)) is None
    run.record_phases([asdict(STEADY)])
    run.record_settings({"seed": 1})
