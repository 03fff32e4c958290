"""What a browser shows before Streamlit's scripts have loaded, and what a link to the app shows in a chat.

Streamlit's own page is empty until then, for a second or more, and is called "Streamlit".
"""

from __future__ import annotations

from html import escape

import streamlit as st
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

NAME = "Captioner"
DESCRIPTION = "Describes a picture in one sentence and shows why."
OPENING = "The page is opening …"
NO_SCRIPT = "This page needs JavaScript. Please turn it on in your browser."


def themed(name: str, default: str) -> str:
    """A colour of .streamlit/config.toml in CSS, as the browser prefers light or dark."""
    light, dark = (st.get_option(f"theme.{base}.{name}") for base in ("light", "dark"))
    return f"light-dark({light}, {dark})" if light and dark else default


# What Streamlit's index.html has, and what stands there instead. React removes all of the root element.
TITLE = "<title>Streamlit</title>"
ROOT = '<div id="root"></div>'
HEAD = f"""<title>{NAME}</title>
    <meta name="description" content="{escape(DESCRIPTION)}" />
    <meta property="og:title" content="{NAME}" />
    <meta property="og:description" content="{escape(DESCRIPTION)}" />"""
BODY = f"""<div id="root"><main class="opening">
      <style>
        :root {{ color-scheme: light dark; }}
        html {{ background: {themed("backgroundColor", "Canvas")}; }}
        .opening {{ color: {themed("textColor", "CanvasText")}; font: 1.1rem/1.6 "Source Sans", sans-serif; }}
        .opening {{ margin: 18vh auto; max-width: 32rem; padding: 1rem; }}
        .opening h1 {{ font-size: 2.25rem; }}
      </style>
      <h1>{NAME}</h1>
      <p>{DESCRIPTION}</p>
      <p role="status">{OPENING}</p>
      <noscript><p>{NO_SCRIPT}</p></noscript>
    </main></div>"""
# Headers of a request after which Streamlit would send less than the whole page, or send it compressed.
NOT_PASSED_ON = {b"accept-encoding", b"if-none-match", b"if-modified-since", b"range"}


def with_opening(html: str) -> str:
    """Streamlit's page with a name and something to read; as it is where it has changed."""
    return html.replace(TITLE, HEAD, 1).replace(ROOT, BODY, 1)


class IndexPage:
    """ASGI middleware: puts the name of the app and a sentence into the page that a browser opens."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        opens_page = (
            scope["type"] == "http"
            and scope["method"] == "GET"
            and "text/html" in Headers(scope=scope).get("accept", "")
        )
        if not opens_page:
            await self._app(scope, receive, send)
            return
        headers = [(name, value) for name, value in scope["headers"] if name not in NOT_PASSED_ON]
        response = _Response(send)
        await self._app({**scope, "headers": headers}, receive, response.send)


class _Response:
    """Collects an HTML response, changes it and sends it on; sends any other on as it comes."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: Message | None = None
        self._body = b""

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _is_html(message):
            self._start = message
        elif self._start is None:
            await self._send(message)
        elif message["type"] == "http.response.body":
            self._body += message.get("body", b"")
            if not message.get("more_body"):
                await self._finish(self._start)

    async def _finish(self, start: Message) -> None:
        body = with_opening(self._body.decode()).encode()
        headers = MutableHeaders(raw=list(start["headers"]))
        headers["content-length"] = str(len(body))
        for name in ("etag", "last-modified"):
            del headers[name]
        await self._send({**start, "headers": headers.raw})
        await self._send({"type": "http.response.body", "body": body})


def _is_html(start: Message) -> bool:
    headers = Headers(raw=start["headers"])
    whole = start["status"] == 200 and "content-encoding" not in headers
    return whole and headers.get("content-type", "").startswith("text/html")
