"""Progress is silent for what is short, and never changes what it counts."""

from __future__ import annotations

import io

import pytest

from captioner.progress import duration, track


class Clock:
    """A clock that a test advances."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        monkeypatch.setattr("captioner.progress.time.monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def run(clock: Clock, seconds: float, count: int = 100) -> None:
    for _ in track(range(count), "looking", count):
        clock.now += seconds / count


def test_items_pass_through_in_order() -> None:
    assert list(track("abc", "reading", 3)) == ["a", "b", "c"]
    assert list(track([], "reading", 0)) == []


def test_short_tasks_print_nothing(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    run(clock, 0.9)

    assert capsys.readouterr().err == ""


def test_a_log_gets_a_line_every_ten_seconds(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    run(clock, 50)
    captured = capsys.readouterr()

    assert captured.out == ""
    assert captured.err.splitlines()[0] == "looking 20/100, 40 s left"
    assert captured.err.splitlines()[-1] == "looking 100/100 in 50 s"
    assert len(captured.err.splitlines()) == 5


def test_a_terminal_gets_one_line_that_changes(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr("sys.stderr", terminal)
    run(clock, 10)

    assert terminal.getvalue().count("\n") == 1
    assert terminal.getvalue().endswith("looking 100/100 in 10 s\x1b[K\n")
    assert terminal.getvalue().count("\r") > 20


def test_a_terminal_is_updated_at_once_and_a_short_task_leaves_no_line(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr("sys.stderr", terminal)
    for item in track(range(5), "looking", 5):
        if not item:
            assert terminal.getvalue() == "\rlooking 0/5\x1b[K"

    assert terminal.getvalue() == "\rlooking 0/5\x1b[K\r\x1b[K"


def test_an_error_in_the_loop_is_not_swallowed(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    def stop() -> None:
        for item in track(range(100), "looking", 100):
            clock.now += 1
            if item == 50:
                raise KeyError(item)

    with pytest.raises(KeyError):
        stop()
    assert "looking 40/100" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "0 s"),
        (-1, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (125, "2 min 5 s"),
        (12_000, "3 h 20 min"),
    ],
)
def test_durations(seconds: float, expected: str) -> None:
    assert duration(seconds) == expected
