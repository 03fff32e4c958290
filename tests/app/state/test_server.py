"""Uploads are bounded as they arrive, and a visit that was left is cleared up."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import itertools
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.types import Message
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.web.server.app_discovery import discover_asgi_app
from streamlit.web.server.starlette import starlette_routes

from captioner.app.state import server, uploads
from captioner.app.state.server import LEAST, PATH, UploadLimit, Visits

ROOT = Path(__file__).resolve().parents[3]
BOUNDARY = b"--x"
HEAD = BOUNDARY + b'\r\nContent-Disposition: form-data; name="f"; filename="a.jpg"\r\n\r\n'
TAIL = b"\r\n" + BOUNDARY + b"--\r\n"
FRAME = len(HEAD + TAIL)  # bytes of a request that are not the file's


class Server:
    """Streamlit's own handler of uploads behind the limit, with visits that need no browser."""

    def __init__(self) -> None:
        self.uploaded_file_mgr = MemoryUploadedFileManager(PATH.rstrip("/"))
        self.active = {"me", "you", "them"}
        self.reruns: list[str] = []
        self.closed: list[str] = []
        runtime: Any = self
        routes = starlette_routes.create_upload_routes(runtime, self.uploaded_file_mgr, None)
        self.app = UploadLimit(Starlette(routes=routes))
        self._names = itertools.count()

    def is_active_session(self, visit: str) -> bool:
        return visit in self.active

    def get_app_session(self, visit: str) -> Any:
        return SimpleNamespace(request_rerun=self.reruns.append, _client_state=visit)

    def close_session(self, visit: str) -> None:
        self.closed.append(visit)
        self.uploaded_file_mgr.remove_session_files(visit)

    async def put(
        self, visit: str, size: int, file: str = "", length: bytes | None = None, begun: Any = None
    ) -> int:
        """Upload so many bytes, and give the status of the answer."""
        body = HEAD + b"0" * size + TAIL
        headers = [(b"content-type", b"multipart/form-data; boundary=x")]
        length = str(len(body)).encode() if length is None else length
        headers += [(b"content-length", length)] if length else []
        path = f"{PATH}{visit}/{file or next(self._names)}"
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
            for visit in self.uploaded_file_mgr.file_storage.values()
            for file in visit.values()
        )


@pytest.fixture
def streamlit(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server with bounds that are quickly reached: of a visit ten small files, of all fifteen."""
    running = Server()
    monkeypatch.setattr("captioner.app.state.server.Runtime.instance", lambda: running)
    monkeypatch.setattr(starlette_routes, "is_xsrf_enabled", lambda: False)
    monkeypatch.setattr(uploads, "MAX_SESSION_BYTES", 10 * LEAST)
    monkeypatch.setattr(uploads, "MAX_TOTAL_BYTES", 15 * LEAST)
    monkeypatch.setattr(server, "LOOK", 0)
    monkeypatch.setattr(server, "visits", Visits())
    yield running
    for visit in running.active:
        uploads.forget_refusal(visit)


def test_what_fits_is_taken(streamlit: Server) -> None:
    assert asyncio.run(streamlit.put("me", 5 * LEAST)) == 204
    assert streamlit.stored() == 5 * LEAST
    assert streamlit.reruns == []


def test_uploads_above_the_limit_of_a_visit_are_refused_with_a_message(streamlit: Server) -> None:
    statuses = [asyncio.run(streamlit.put("me", 4 * LEAST - FRAME)) for _ in range(4)]
    assert statuses == [204, 204, 413, 413]
    assert streamlit.stored() == 2 * (4 * LEAST - FRAME)
    assert streamlit.reruns == ["me"]  # once, for both
    assert asyncio.run(streamlit.put("you", 4 * LEAST)) == 204


def test_small_files_count_too(streamlit: Server) -> None:
    assert [asyncio.run(streamlit.put("me", 1)) for _ in range(11)] == [204] * 10 + [413]


def test_files_that_arrive_together_count_together(streamlit: Server) -> None:
    async def together() -> list[int]:
        return await asyncio.gather(*(streamlit.put("me", 4 * LEAST - FRAME) for _ in range(5)))

    assert sorted(asyncio.run(together())) == [204, 204, 413, 413, 413]


def test_freed_bytes_may_be_used_again(streamlit: Server) -> None:
    for number in range(5):
        assert asyncio.run(streamlit.put("me", 9 * LEAST, str(number))) == 204
        streamlit.uploaded_file_mgr.remove_file("me", str(number))


def test_a_full_server_refuses_in_the_end_and_says_that_it_is_busy(
    streamlit: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "IN_LINE", 0.05)
    assert asyncio.run(streamlit.put("me", 9 * LEAST)) == 204
    assert asyncio.run(streamlit.put("you", 9 * LEAST)) == 503
    assert streamlit.reruns == ["you"]
    assert uploads._refused == {"you": uploads.SERVER_BUSY}


def test_a_full_server_lets_visitors_wait_in_line(streamlit: Server) -> None:
    arrived: list[str] = []

    async def one(visit: str) -> None:
        assert await streamlit.put(visit, 9 * LEAST, visit) == 204
        arrived.append(visit)

    async def line() -> None:
        others = [asyncio.create_task(one(visit)) for visit in ("me", "you", "them")]
        for visit in ("me", "you", "them"):
            while visit not in arrived:
                await asyncio.sleep(0)
            assert arrived[-1] == visit  # those behind wait
            streamlit.uploaded_file_mgr.remove_file(visit, visit)
        await asyncio.gather(*others)

    asyncio.run(asyncio.wait_for(line(), 60))
    assert arrived == ["me", "you", "them"]


def test_a_file_that_never_arrives_gives_up_its_room(
    streamlit: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "ON_THE_WAY", 0.05)

    async def stalled() -> None:
        never: asyncio.Event = asyncio.Event()
        with pytest.raises(IndexError):  # the connection ends without an answer
            await streamlit.put("me", 9 * LEAST, begun=never)

    asyncio.run(stalled())
    assert asyncio.run(streamlit.put("me", 9 * LEAST)) == 204


@pytest.mark.parametrize("length", [b"", b"-1", b"many"])
def test_a_file_must_tell_its_length(streamlit: Server, length: bytes) -> None:
    assert asyncio.run(streamlit.put("me", 1, length=length)) == 400
    assert streamlit.stored() == 0


def test_who_is_no_visitor_takes_no_place_in_line(streamlit: Server) -> None:
    assert asyncio.run(streamlit.put("me", 9 * LEAST)) == 204
    assert asyncio.run(streamlit.put("nobody", 9 * LEAST)) == 400


def test_a_visit_that_was_left_is_closed_and_its_bytes_are_freed(streamlit: Server) -> None:
    assert asyncio.run(streamlit.put("me", 9 * LEAST)) == 204
    assert asyncio.run(streamlit.put("you", 5 * LEAST)) == 204
    assert server.visits.close_left(0) == 0
    streamlit.active.remove("me")
    assert server.visits.close_left(3600) == 0  # the connection may only be lost for a moment
    assert server.visits.close_left(0) == 1
    assert streamlit.closed == ["me"]
    assert streamlit.stored() == 5 * LEAST
    assert server.visits.close_left(0) == 0


def test_streamlit_still_reruns_a_page_from_its_last_state() -> None:
    assert "self.request_rerun(self._client_state)" in inspect.getsource(AppSession)


def test_streamlit_finds_the_server_and_it_has_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    found = discover_asgi_app(ROOT / "streamlit_app.py")
    assert found.import_string == "streamlit_app:app"
    monkeypatch.syspath_prepend(str(ROOT))
    monkeypatch.setattr("streamlit.config._main_script_path", None)  # the import sets it
    app: Any = importlib.import_module("streamlit_app").app
    assert [each.cls for each in app._user_middleware] == [UploadLimit]
    assert app._user_lifespan is server.clearing_up
