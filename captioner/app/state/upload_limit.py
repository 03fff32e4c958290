"""Limits the size of uploads as they arrive, in the web server, before a page sees them.

Streamlit has no setting for that: its ``maxUploadSize`` limits one file, and a file counts as a page's only
once all of it is here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Container, Mapping

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit.runtime import Runtime
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

from captioner.app.state import session_cleanup, uploads

UPLOAD_PATH = "/_stcore/upload_file/"  # Streamlit's, before the session and the file
MIN_BYTES = 10_000  # that each file counts at least: even an empty one takes memory
QUEUE_TIMEOUT = 30.0  # seconds that a file waits for room
POLL_INTERVAL = 0.1  # seconds between two checks for room
UPLOAD_TIMEOUT = 180.0  # seconds that a file may take to arrive; room is kept for it meanwhile

_arriving: dict[str, int] = {}  # file that is let in → its bytes


class UploadLimit:
    """ASGI middleware: takes a file only if its bytes fit into those of its session and of all sessions.

    What is too much for the session is refused at once (413). What finds no room among all sessions waits in
    a queue, unread, until others are done, and is refused if that takes long (503).

    Args:
        app: what takes the files.
        others: bytes that others hold, which count among those of all sessions.
    """

    def __init__(self, app: ASGIApp, others: Callable[[], int] = lambda: 0) -> None:
        self._app = app
        self._others = others
        self._queue = asyncio.Lock()  # first come, first served
        self._pending: dict[str, tuple[str, int]] = {}  # file → its session and bytes; the queue, too

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        session_id, file = _session_and_file(scope)
        if not Runtime.instance().is_active_session(session_id):  # no upload, or one that Streamlit refuses
            await self._app(scope, receive, send)
            return
        session_cleanup.sessions.note(session_id)
        size = _size(scope)
        refusal: tuple[int, str] | None
        if size is None or file in self._pending:
            refusal = 400, "A file must come with its length, and once."
        elif self._session_bytes(session_id) + size > uploads.MAX_SESSION_BYTES:
            refusal = 413, uploads.SESSION_FULL
        else:
            self._pending[file] = session_id, size
            try:
                refusal = await self._admit(file, size, scope, receive, send)
            finally:
                del self._pending[file]
                _arriving.pop(file, None)
        if refusal:
            await _refuse(session_id, *refusal, scope, receive, send)

    async def _admit(
        self, file: str, size: int, scope: Scope, receive: Receive, send: Send
    ) -> tuple[int, str] | None:
        """Wait for room and let the file in; else the status and the reason of a refusal."""
        try:
            async with asyncio.timeout(QUEUE_TIMEOUT), self._queue:
                while self._others() + held_bytes() + size > uploads.MAX_TOTAL_BYTES:
                    await asyncio.sleep(POLL_INTERVAL)
                _arriving[file] = size
        except TimeoutError:
            return 503, uploads.SERVER_BUSY
        try:
            async with asyncio.timeout(UPLOAD_TIMEOUT):
                await self._app(scope, receive, send)
        except TimeoutError:
            return 408, uploads.TOO_SLOW
        return None

    def _session_bytes(self, session_id: str) -> int:
        stored = _stored_files().get(session_id, {})
        pending = sum(size for owner, size in self._pending.values() if owner == session_id)
        return pending + _bytes(stored, self._pending)


def held_bytes() -> int:
    """Bytes of all files that have arrived, and of those that are let in: they may be here at any moment."""
    arriving = dict(_arriving)
    arrived = sum(_bytes(stored, arriving) for stored in list(_stored_files().values()))
    return arrived + sum(arriving.values())


def _session_and_file(scope: Scope) -> tuple[str, str]:
    """Session and file of a request that uploads one; else two empty names."""
    if scope["type"] != "http" or scope["method"] != "PUT" or UPLOAD_PATH not in scope["path"]:
        return "", ""
    _, session_id, file = scope["path"].rsplit("/", 2)
    return session_id, file


def _stored_files() -> dict[str, dict[str, UploadedFileRec]]:
    """Session → file → what has arrived. Streamlit changes it in other threads: look at copies."""
    manager = Runtime.instance().uploaded_file_mgr
    assert isinstance(manager, MemoryUploadedFileManager), "Streamlit keeps uploads elsewhere now"
    return manager.file_storage


def _bytes(stored: Mapping[str, UploadedFileRec], pending: Container[str]) -> int:
    """Bytes of the stored files without those that are counted as pending."""
    return sum(max(len(file.data), MIN_BYTES) for name, file in list(stored.items()) if name not in pending)


def _size(scope: Scope) -> int | None:
    """Bytes that the request announces; None if it does not."""
    length = dict(scope["headers"]).get(b"content-length", b"")
    return max(int(length), MIN_BYTES) if length.isdigit() else None


async def _refuse(
    session_id: str, status: int, reason: str, scope: Scope, receive: Receive, send: Send
) -> None:
    """Answer, and have the page show the reason: the uploader only shows that a file was refused."""
    session = Runtime.instance().get_app_session(session_id)
    if session and uploads.note_refusal(session_id, reason):
        session.request_rerun(session._client_state)  # as its file watcher does: None is the first page
    try:  # discard the rest of the request: a browser that is cut short does not read the answer
        async with asyncio.timeout(UPLOAD_TIMEOUT):
            while (await receive()).get("more_body"):
                pass
    except TimeoutError:
        return
    await PlainTextResponse(reason, status)(scope, receive, send)
