"""The page that a browser opens has a name and a sentence before scripts run; nothing else is changed."""

from __future__ import annotations

import asyncio
import gzip
from pathlib import Path

import pytest
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.types import Message, Receive, Scope, Send
from streamlit import file_util

from captioner.app.state import index_page
from captioner.app.state.index_page import BODY, HEAD, IndexPage

STREAMLITS = Path(file_util.get_static_dir()) / "index.html"


def get(response: Response, accept: str = "text/html,*/*", **headers: str) -> tuple[dict[str, str], str]:
    """What a browser gets for a page that the server answers with this response: headers and body."""
    sent: list[Message] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        response.headers["x-got"] = " ".join(name.decode() for name, _ in scope["headers"])
        await response(scope, receive, send)

    async def receive() -> Message:
        await asyncio.Event().wait()  # the browser says nothing more
        raise AssertionError

    async def send(message: Message) -> None:
        sent.append(message)

    asked = [(name.encode(), value.encode()) for name, value in {"accept": accept, **headers}.items()]
    scope = {"type": "http", "method": "GET", "path": "/", "headers": asked}
    asyncio.run(IndexPage(app)(scope, receive, send))
    body = b"".join(message.get("body", b"") for message in sent[1:])
    return {name.decode(): value.decode() for name, value in sent[0]["headers"]}, body.decode("latin-1")


def test_streamlits_page_gets_a_name_and_a_sentence() -> None:
    headers, body = get(FileResponse(STREAMLITS))
    assert "<title>Captioner</title>" in body
    assert index_page.DESCRIPTION in body.partition("<body>")[2]
    assert "<title>Streamlit" not in body
    assert int(headers["content-length"]) == len(body)
    assert "etag" not in headers


def test_all_else_in_it_stays() -> None:
    ours, theirs = index_page.with_opening(STREAMLITS.read_text("utf-8")), STREAMLITS.read_text("utf-8")
    assert ours.replace(HEAD, index_page.TITLE).replace(BODY, index_page.ROOT) == theirs != ours


def test_the_server_is_asked_for_the_whole_page_as_it_is() -> None:
    headers, _ = get(HTMLResponse("<p>"), **{"accept-encoding": "gzip", "if-none-match": "1", "cookie": "2"})
    assert headers["x-got"] == "accept cookie"


@pytest.mark.parametrize(
    ("response", "accept"),
    [
        (HTMLResponse(index_page.TITLE), "image/png"),
        (HTMLResponse(index_page.TITLE, status_code=404), "text/html"),
        (HTMLResponse(gzip.compress(b"<p>"), headers={"content-encoding": "gzip"}), "text/html"),
        (JSONResponse(index_page.TITLE), "text/html"),
    ],
)
def test_other_answers_pass_as_they_are(response: Response, accept: str) -> None:
    _, body = get(response, accept)
    assert body.encode("latin-1") == response.body
