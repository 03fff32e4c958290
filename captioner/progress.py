"""How far a long loop has come, and how long it will still take, on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")

QUIET = 1.0  # seconds; nothing is printed for a loop that takes less
ON_TERMINAL, IN_LOG = 0.2, 10.0  # seconds between two prints


def track(items: Iterable[T], label: str, total: int) -> Iterator[T]:
    """Yield the items and print "label 40/100, 12 s left" meanwhile.

    On a terminal that is one line that changes, from the beginning on; in a log, a line every ten seconds.
    """
    terminal = sys.stderr.isatty()
    start = last = time.monotonic()
    done, shown = 0, False
    if terminal:
        _print(f"{label} 0/{total}", terminal)
    try:
        for item in items:
            now = time.monotonic()
            if now - start >= QUIET and now - last >= (ON_TERMINAL if terminal else IN_LOG):
                left = duration((now - start) / max(done, 1) * (total - done))
                _print(f"{label} {done}/{total}, {left} left", terminal)
                last, shown = now, True
            yield item
            done += 1
    finally:
        if shown:
            _print(f"{label} {done}/{total} in {duration(time.monotonic() - start)}", terminal)
            print(end="\n" if terminal else "", file=sys.stderr, flush=True)
        elif terminal:
            _print("", terminal)


def duration(seconds: float) -> str:
    """A length of time as people say it: 8 s, 2 min 5 s, 3 h 20 min."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def _print(line: str, terminal: bool) -> None:
    # On a terminal: back to the start of the line, and clear what a longer line left behind.
    print(f"\r{line}\x1b[K" if terminal else line, end="" if terminal else "\n", file=sys.stderr, flush=True)
