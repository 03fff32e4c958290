"""Closes sessions whose browser has left, and returns their memory to the system.

Streamlit keeps such a session, images and all, until another one leaves later, if ever. A container counts
memory that a process has freed but not returned.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import logging
import platform
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from streamlit.runtime import Runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from captioner.app.state import uploads

SESSION_TIMEOUT = 30.0  # seconds that a session outlives its browser's connection: a lost one is back by then
CLEANUP_INTERVAL = 5.0  # seconds

# mallopt(3) of glibc. With another allocator nothing is called.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
MAX_ARENAS = 2  # by default one a thread, up to eight a core, and none returns its memory
MMAP_BYTES = 1 << 18  # what is larger is mapped alone and unmapped when freed, as images are

log = logging.getLogger(__name__)


class Sessions:
    """When the browser of each session was last seen, in seconds of the monotonic clock."""

    def __init__(self) -> None:
        self._last_seen: dict[str, float] = {}

    def note_current(self) -> None:
        """Note the session whose page is being drawn."""
        if context := get_script_run_ctx():
            self.note(context.session_id)

    def note(self, session_id: str) -> None:
        """Note that the browser of a session is there."""
        self._last_seen[session_id] = time.monotonic()

    def close_abandoned(self, timeout: float = SESSION_TIMEOUT) -> int:
        """Close the sessions whose browser left at least ``timeout`` seconds ago, and count them.

        Only in the thread of the server's event loop.
        """
        runtime, now, before = Runtime.instance(), time.monotonic(), len(self._last_seen)
        for session_id, seen in list(self._last_seen.items()):
            if runtime.is_active_session(session_id):
                self._last_seen[session_id] = now
            elif now - seen >= timeout:
                del self._last_seen[session_id]
                uploads.forget_refusal(session_id)
                runtime.close_session(session_id)
        return before - len(self._last_seen)


sessions = Sessions()


@asynccontextmanager
async def lifespan(_: object) -> AsyncIterator[None]:
    """Lifespan of the server, as ``st.App`` takes it: cleans up from time to time."""
    task = asyncio.create_task(_clean_up())
    yield
    task.cancel()


async def _clean_up() -> None:
    while True:
        await asyncio.sleep(CLEANUP_INTERVAL)
        try:
            if sessions.close_abandoned():
                gc.collect()  # a closed session refers to itself
            await asyncio.to_thread(trim_memory)
        except Exception:
            log.exception("cleaning up failed")


def configure_allocator() -> bool:
    """Make glibc return freed memory to the system; call it before threads start. False without glibc."""
    libc = _glibc()
    if libc is None:
        return False
    # A threshold that is set stays: left alone, it would grow to 32 MB with the first large image.
    options = ((M_ARENA_MAX, MAX_ARENAS), (M_MMAP_THRESHOLD, MMAP_BYTES), (M_TRIM_THRESHOLD, MMAP_BYTES))
    return all(libc.mallopt(option, value) == 1 for option, value in options)


def trim_memory() -> None:
    """Return all free memory to the system."""
    libc = _glibc()
    if libc is not None:
        libc.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    return ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None
