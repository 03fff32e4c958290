"""Closes sessions whose browser has left, and returns their memory to the system.

Streamlit keeps such a session, images and all, until another one leaves later, if ever.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from streamlit.runtime import Runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from captioner.app.state import uploads
from captioner.http import allocator

SESSION_TIMEOUT = 30.0  # seconds that a session outlives its browser's connection: a lost one is back by then
CLEANUP_INTERVAL = 5.0  # seconds

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
            await asyncio.to_thread(allocator.trim)
        except Exception:
            log.exception("cleaning up failed")
