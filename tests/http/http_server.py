"""The HTTP API on a real server, in a thread, and clients of it."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from captioner.http import server
from captioner.http.api import Api
from captioner.http.problems import KINDS, MEDIA_TYPE, ROOT

CAPTIONS = f"{ROOT}/captions"
TIMEOUT = 30  # seconds


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: Any

    @property
    def problem(self) -> str:
        """The kind of a problem document, which is checked; empty for another answer."""
        if self.headers["content-type"] != MEDIA_TYPE:
            return ""
        kind = str(self.body["type"]).removeprefix(f"{ROOT}/problems/")
        assert self.body == {
            "type": f"{ROOT}/problems/{kind}",
            "title": KINDS[kind].title,
            "status": self.status,
            "detail": self.body["detail"],
        }
        assert self.status == KINDS[kind].status
        assert self.body["detail"][0].isupper()
        assert self.body["detail"].endswith(".")
        assert ("retry-after" in self.headers) == (self.status == 503)
        return kind


@contextmanager
def serving(api: Api) -> Iterator[int]:
    """Serves an API, and gives the port."""
    with server.listen("127.0.0.1", 0) as listening:
        running = server.server(api)
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            running.should_exit = True
            thread.join()


def send(
    port: int, body: Any = None, content_type: str = "image/png", query: str = "", method: str = "POST",
    path: str = CAPTIONS,
) -> Answer:  # fmt: skip
    """One request on a connection of its own; a body that is no bytes is sent in chunks."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
    headers = {"content-type": content_type} if content_type else {}
    connection.request(method, f"{path}?{query}" if query else path, body, headers)
    response = connection.getresponse()
    text = response.read()
    connection.close()
    return Answer(response.status, response.headers, json.loads(text))


def get(port: int, path: str) -> Answer:
    return send(port, method="GET", path=ROOT + path, content_type="")


def head(announced: int) -> bytes:
    """What stands before the bytes of a request."""
    lines = (
        f"POST {CAPTIONS} HTTP/1.1",
        "host: x",
        "content-type: image/png",
        f"content-length: {announced}",
    )
    return "\r\n".join([*lines, "", ""]).encode()


def begin(port: int, announced: int, sent: bytes = b"") -> socket.socket:
    """A request that announces so many bytes, and has sent these."""
    client = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT)
    client.sendall(head(announced) + sent)
    return client


def read(client: socket.socket) -> Answer:
    """The answer to a request that was begun."""
    with http.client.HTTPResponse(client) as response:
        response.begin()
        return Answer(response.status, response.headers, json.loads(response.read()))


def finish(client: socket.socket) -> Answer:
    """The answer to the last request of a connection."""
    with client:
        return read(client)


def form(*fields: tuple[str, bytes], end: bytes = b"--b--\r\n") -> bytes:
    """A form with the boundary ``b``; the last bytes may be others."""
    parts = (
        b'--b\r\nContent-Disposition: form-data; name="%s"; filename="x"\r\n\r\n%s\r\n'
        % (name.encode(), value)
        for name, value in fields
    )
    return b"".join(parts) + end


FORM = "multipart/form-data; boundary=b"


def wait_until(condition: Any) -> None:
    end = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.005)
