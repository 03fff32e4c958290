"""A lock for threads that is handed on in the order of their requests."""

from __future__ import annotations

import threading
from collections import deque


class FairLock:
    """First come, first served: no thread gets it twice while another one waits.

    ``threading.Lock`` promises no order: a thread that releases it may acquire it again before one that waits
    has woken up. With one request at a time from each visitor, this order serves visitors by turns.
    """

    def __init__(self) -> None:
        self._own = threading.Lock()  # guards what follows, and is never held for long
        self._taken = False
        self._waiting: deque[threading.Lock] = deque()

    def __enter__(self) -> None:
        with self._own:
            if not self._taken:
                self._taken = True
                return
            turn = threading.Lock()
            turn.acquire()
            self._waiting.append(turn)
        turn.acquire()  # until the one before hands over

    def __exit__(self, *_: object) -> None:
        with self._own:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._taken = False
