"""The time that is left is that of the epochs to come, as long as epochs of their kind took."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from captioner.progress import duration
from captioner.training.loop import time_left
from captioner.training.loop.checkpoint import Epoch


def history(*epochs: tuple[str, float]) -> list[Epoch]:
    return [Epoch(i, phase, 3.0, 3.0, 1e-3, seconds, 0.5) for i, (phase, seconds) in enumerate(epochs, 1)]


@given(st.integers(0, 20), st.integers(0, 20), st.floats(1, 1e4), st.floats(1, 1e4))
def test_each_phase_takes_its_own_time(some: int, others: int, quick: float, slow: float) -> None:
    found = time_left.left(history(("a", quick), ("b", slow)), [("a", some), ("b", others)])
    assert found == f"at most about {duration(some * quick + others * slow)} left in this run"


def test_a_phase_that_was_not_timed_is_named() -> None:
    ahead = [("decoder", 5), ("fine-tune", 8), ("polish", 3)]
    assert time_left.left(history(("decoder", 60)), ahead) == (
        "at most about 5 min 0 s left in this phase, then "
        "8 epochs of fine-tune and 3 epochs of polish, told after the first of each"
    )
    assert time_left.left(history(("decoder", 60)), [("decoder", 0), ("fine-tune", 8)]) == (
        "left in this run: 8 epochs of fine-tune, told after the first of each"
    )


def test_a_run_that_was_moved_is_as_fast_as_it_is_now() -> None:
    moved = history(*[("decoder", 600.0)] * 9, *[("decoder", 10.0)] * time_left.RECENT)
    assert time_left.left(moved, [("decoder", 2)]) == "at most about 20 s left in this run"


def test_one_slow_epoch_is_not_taken_for_all() -> None:
    found = time_left.left(history(("decoder", 900), ("decoder", 10), ("decoder", 11)), [("decoder", 10)])
    assert found == "at most about 1 min 50 s left in this run"
