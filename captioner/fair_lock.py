"""A lock that threads get in the order of their requests."""

from __future__ import annotations

import threading
from collections import deque


class FairLock:
    """First come, first served: no thread gets it twice while another one waits.

    ``threading.Lock`` promises no order: a thread that releases it may acquire it again before one that waits
    has woken up. As each visitor has one request at a time, visitors take turns.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()  # of the fields below; never held for long
        self._taken = False
        self._waiting: deque[threading.Lock] = deque()

    def __enter__(self) -> None:
        with self._guard:
            if not self._taken:
                self._taken = True
                return
            turn = threading.Lock()
            turn.acquire()
            self._waiting.append(turn)
        turn.acquire()  # until the thread before releases it

    def __exit__(self, *_: object) -> None:
        with self._guard:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._taken = False
