"""What the web server does beside the pages: it bounds uploads as they arrive, and clears up after visits.

``st.App`` takes both, the limit as middleware and the clearing up as its lifespan; Streamlit has no setting
for either. Its ``maxUploadSize`` bounds one file, and a file counts as a page's only once all of it is here.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import time
from collections.abc import AsyncIterator, Container, Mapping
from contextlib import asynccontextmanager

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit.runtime import Runtime
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

from captioner.app.state import memory, uploads

PATH = "/_stcore/upload_file/"  # Streamlit's, before the visit and the file
LEAST = 10_000  # bytes that a file counts at least: the smallest takes memory, too
IN_LINE = 30.0  # seconds that a file waits for room
LOOK = 0.1  # seconds between two looks for room
ON_THE_WAY = 180.0  # seconds that a file may take to arrive; room is kept for it meanwhile
LINGER = 30.0  # seconds that a visit is kept whose browser has left; a lost connection is back by then
ROUND = 5.0  # seconds between two rounds of clearing up

log = logging.getLogger(__name__)


class UploadLimit:
    """ASGI middleware: takes a file only if its bytes fit into those of its visit and of all visits.

    What is too much for the visit is refused at once (413). What finds no room among all visits waits in
    line, unread, until pictures are done, and is refused if that takes long (503).
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._line = asyncio.Lock()  # first come, first served
        self._coming: dict[str, tuple[str, int]] = {}  # file → its visit and bytes; those in line, too
        self._admitted: set[str] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        visit, file = _named(scope)
        if not Runtime.instance().is_active_session(visit):  # no upload, or one that Streamlit refuses
            await self._app(scope, receive, send)
            return
        visits.note(visit)
        size = _length(scope)
        refusal: tuple[int, str] | None
        if size is None or file in self._coming:
            refusal = 400, "A file must come with its length, and once."
        elif self._of_visit(visit) + size > uploads.MAX_SESSION_BYTES:
            refusal = 413, uploads.SESSION_FULL
        else:
            self._coming[file] = visit, size
            try:
                refusal = await self._take(file, size, scope, receive, send)
            finally:
                del self._coming[file]
                self._admitted.discard(file)
        if refusal:
            await _refuse(visit, *refusal, scope, receive, send)

    async def _take(
        self, file: str, size: int, scope: Scope, receive: Receive, send: Send
    ) -> tuple[int, str] | None:
        """Wait for room and let the file in; else why not."""
        try:
            async with asyncio.timeout(IN_LINE), self._line:
                while self._of_all() + size > uploads.MAX_TOTAL_BYTES:
                    await asyncio.sleep(LOOK)
                self._admitted.add(file)
        except TimeoutError:
            return 503, uploads.SERVER_BUSY
        try:
            async with asyncio.timeout(ON_THE_WAY):
                await self._app(scope, receive, send)
        except TimeoutError:
            return 408, uploads.TOO_SLOW
        return None

    def _of_visit(self, visit: str) -> int:
        stored = _stored().get(visit, {})
        coming = sum(size for file, (whose, size) in self._coming.items() if whose == visit)
        return coming + _weight(stored, self._coming)

    def _of_all(self) -> int:
        coming = sum(self._coming[file][1] for file in self._admitted)
        return coming + sum(_weight(stored, self._admitted) for stored in list(_stored().values()))


def _named(scope: Scope) -> tuple[str, str]:
    """Visit and file of a request that brings one; else nothing."""
    if scope["type"] != "http" or scope["method"] != "PUT" or PATH not in scope["path"]:
        return "", ""
    _, visit, file = scope["path"].rsplit("/", 2)
    return visit, file


def _stored() -> dict[str, dict[str, UploadedFileRec]]:
    """Visit → file → what has arrived. Streamlit changes it in other threads: look at copies."""
    manager = Runtime.instance().uploaded_file_mgr
    assert isinstance(manager, MemoryUploadedFileManager), "Streamlit keeps uploads elsewhere now"
    return manager.file_storage


def _weight(stored: Mapping[str, UploadedFileRec], but: Container[str]) -> int:
    """Bytes of the files, but of those that are counted as coming."""
    return sum(max(len(file.data), LEAST) for name, file in list(stored.items()) if name not in but)


def _length(scope: Scope) -> int | None:
    found = dict(scope["headers"]).get(b"content-length", b"")
    return max(int(found), LEAST) if found.isdigit() else None


async def _refuse(visit: str, status: int, why: str, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer, and let the page say why: the uploader only shows that a file was not taken."""
    session = Runtime.instance().get_app_session(visit)
    if session and uploads.note_refusal(visit, why):
        session.request_rerun(session._client_state)  # as its file watcher does: None is the first page
    try:  # hear the sender out and keep nothing: a browser that is cut short does not read the answer
        async with asyncio.timeout(ON_THE_WAY):
            while (await receive()).get("more_body"):
                pass
    except TimeoutError:
        return
    await PlainTextResponse(why, status)(scope, receive, send)


class Visits:
    """Which visits there are, so that those are closed whose browser has left.

    Streamlit keeps such a visit, pictures and all, until another one leaves later than ``LINGER``, if ever.
    """

    def __init__(self) -> None:
        self._there: dict[str, float] = {}  # visit → when its browser was last seen there

    def here(self) -> None:
        """Note the visit whose page is being drawn."""
        if context := get_script_run_ctx():
            self.note(context.session_id)

    def note(self, visit: str) -> None:
        self._there[visit] = time.monotonic()

    def close_left(self, linger: float = LINGER) -> int:
        """Close the visits that were left so many seconds ago, and count them.

        Only in the thread of the server's event loop.
        """
        runtime, now, before = Runtime.instance(), time.monotonic(), len(self._there)
        for visit, seen in list(self._there.items()):
            if runtime.is_active_session(visit):
                self._there[visit] = now
            elif now - seen >= linger:
                del self._there[visit]
                uploads.forget_refusal(visit)
                runtime.close_session(visit)
        return before - len(self._there)


visits = Visits()


@asynccontextmanager
async def clearing_up(_: object) -> AsyncIterator[None]:
    """Lifespan of the server: closes visits whose browser has left, and gives back what they took."""
    rounds = asyncio.create_task(_rounds())
    yield
    rounds.cancel()


async def _rounds() -> None:
    while True:
        await asyncio.sleep(ROUND)
        try:
            if visits.close_left():
                gc.collect()  # a closed visit refers to itself
            await asyncio.to_thread(memory.give_back)
        except Exception:
            log.exception("clearing up failed")
