"""Streamlit's upload handler behind the limit, without a browser."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.types import Message
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.web.server.starlette import starlette_routes

from captioner.app.state import session_cleanup, upload_limit, uploads
from captioner.app.state.session_cleanup import Sessions
from captioner.app.state.upload_limit import MIN_BYTES, UPLOAD_PATH, UploadLimit

BOUNDARY = b"--x"
HEAD = BOUNDARY + b'\r\nContent-Disposition: form-data; name="f"; filename="a.jpg"\r\n\r\n'
TAIL = b"\r\n" + BOUNDARY + b"--\r\n"
FRAME = len(HEAD + TAIL)  # bytes of a request that are not the file's


class UploadServer:
    """Streamlit's own handler of uploads behind the limit, with sessions that need no browser."""

    def __init__(self) -> None:
        self.uploaded_file_mgr = MemoryUploadedFileManager(UPLOAD_PATH.rstrip("/"))
        self.active = {"me", "you", "them"}
        self.reruns: list[str] = []
        self.closed: list[str] = []
        runtime: Any = self
        routes = starlette_routes.create_upload_routes(runtime, self.uploaded_file_mgr, None)
        self.app = UploadLimit(Starlette(routes=routes))
        self._names = itertools.count()

    def is_active_session(self, session: str) -> bool:
        return session in self.active

    def get_app_session(self, session: str) -> Any:
        return SimpleNamespace(request_rerun=self.reruns.append, _client_state=session)

    def close_session(self, session: str) -> None:
        self.closed.append(session)
        self.uploaded_file_mgr.remove_session_files(session)

    async def put(
        self, session: str, size: int, file: str = "", length: bytes | None = None, begun: Any = None
    ) -> int:
        """Upload so many bytes, and give the status of the answer."""
        body = HEAD + b"0" * size + TAIL
        headers = [(b"content-type", b"multipart/form-data; boundary=x")]
        length = str(len(body)).encode() if length is None else length
        headers += [(b"content-length", length)] if length else []
        path = f"{UPLOAD_PATH}{session}/{file or next(self._names)}"
        scope = {"type": "http", "method": "PUT", "path": path, "headers": headers, "query_string": b""}
        answers: list[Message] = []

        async def receive() -> Message:
            if begun:
                await begun.wait()
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            answers.append(message)

        await self.app(scope, receive, send)
        return int(answers[0]["status"])

    def stored(self) -> int:
        return sum(
            len(file.data)
            for session in self.uploaded_file_mgr.file_storage.values()
            for file in session.values()
        )


@pytest.fixture
def streamlit(monkeypatch: pytest.MonkeyPatch) -> Iterator[UploadServer]:
    """A server with bounds that are quickly reached: of a session ten small files, of all fifteen."""
    running = UploadServer()
    monkeypatch.setattr("streamlit.runtime.Runtime.instance", lambda: running)
    monkeypatch.setattr(starlette_routes, "is_xsrf_enabled", lambda: False)
    monkeypatch.setattr(uploads, "MAX_SESSION_BYTES", 10 * MIN_BYTES)
    monkeypatch.setattr(uploads, "MAX_TOTAL_BYTES", 15 * MIN_BYTES)
    monkeypatch.setattr(upload_limit, "POLL_INTERVAL", 0)
    monkeypatch.setattr(session_cleanup, "sessions", Sessions())
    yield running
    for session in running.active:
        uploads.forget_refusal(session)
