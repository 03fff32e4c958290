"""Faults of a Hub: each is a function that answers one request of the fake Hub."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable

from captioner.bundle import manifest
from tests.fake_hub import _Handler

Fault = Callable[[_Handler], None]


def status(code: int, **headers: str) -> Fault:
    return lambda handler: handler.answer({"error": "no"}, code, **headers)


def error_code(code: str, number: int) -> Fault:
    return lambda handler: handler.refuse(code, number)


def hang(handler: _Handler) -> None:
    handler.hub.stopped.wait()
    handler.close_connection = True


def hang_in_body(handler: _Handler) -> None:
    _start_answer(handler, 1000)
    hang(handler)


def slow_body(handler: _Handler) -> None:
    """Send single bytes slowly, so that no read times out."""
    _start_answer(handler, 10**6)
    _send_slowly(handler, b" ")


def slow_headers(handler: _Handler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    _send_slowly(handler, b"a")


def truncated(handler: _Handler) -> None:
    _start_answer(handler, 1000)
    handler.close_connection = True


def altered(handler: _Handler) -> None:
    _answer_changed(handler, lambda data: b"0" * len(data))


def too_long(handler: _Handler) -> None:
    _answer_changed(handler, lambda data: data + b" " * 20_000_000)


def login_page(handler: _Handler) -> None:
    handler.send(b"<html>Log in</html>", 200, {"Content-Type": "text/html"})


def empty_object(handler: _Handler) -> None:
    handler.send(b"{}", 200, {"Content-Type": "application/json"})


def redirect_loop(handler: _Handler) -> None:
    handler.send(b"", 302, {"Location": handler.path})


def path_traversal(handler: _Handler) -> None:
    """A valid manifest that names a file outside the folder."""

    def more(data: bytes) -> bytes:
        value = json.loads(data)
        value["files"]["../outside.json"] = {"size": 2, "sha256": "0" * 64}
        return manifest.canonical(value)

    _answer_changed(handler, more)


def _send_slowly(handler: _Handler, byte: bytes) -> None:
    handler.close_connection = True
    with contextlib.suppress(OSError):  # the client has given up
        while not handler.hub.stopped.wait(0.05):
            handler.wfile.write(byte)
            handler.wfile.flush()


def _start_answer(handler: _Handler, length: int) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(length))
    handler.end_headers()
    handler.wfile.write(b'{"files":')
    handler.wfile.flush()


def _answer_changed(handler: _Handler, change: Callable[[bytes], bytes]) -> None:
    """Send the correct answer with its data changed."""
    send = handler.send

    def changed(data: bytes, status: int, headers: dict[str, str]) -> None:
        send(change(data), status, headers)

    handler.send = changed  # type: ignore[method-assign]
    try:
        handler.route()
    finally:
        del handler.send
