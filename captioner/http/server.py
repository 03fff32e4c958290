"""``python -m captioner serve``: the HTTP API alone, in a process without pages."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from captioner.bundle import storage
from captioner.errors import CaptionerError
from captioner.http import allocator
from captioner.http.api import Api
from captioner.http.problems import ROOT
from captioner.inference.captioner import Captioner

IDLE_TIMEOUT = 10.0  # seconds that a connection may be open without a whole request header
STOP_TIMEOUT = 10  # seconds in which requests may end when the server is stopped


class Protocol(H11Protocol):
    """HTTP/1.1 that ends a connection which sends no request, or goes on sending one that was refused.

    uvicorn has a time limit only until the first byte of the next request. What comes after an answer is the
    rest of a refused body, which uvicorn discards.
    """

    _idle: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._stop_waiting()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop_waiting()

    def on_response_complete(self) -> None:
        super().on_response_complete()  # which begins to answer the next request if that is here
        if self.cycle is None or self.cycle.response_complete:
            self._wait()

    def _wait(self) -> None:
        self._stop_waiting()
        self._idle = self.loop.call_later(IDLE_TIMEOUT, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._idle is not None:
            self._idle.cancel()


def run(folder: Path, host: str, port: int) -> None:
    """Serve a bundle until the process is stopped.

    Raises:
        BundleError: the folder is not a complete bundle, or its model does not run.
        CaptionerError: nothing can listen at this address.
    """
    allocator.configure()
    captioner = Captioner(storage.load(folder))
    with listen(host, port) as listening:
        shown = f"[{host}]" if ":" in host else host
        print(
            f"http://{shown}:{listening.getsockname()[1]}{ROOT}/captions takes pictures; Ctrl+C ends it",
            flush=True,
        )
        server(Api(lambda: captioner)).run(sockets=[listening])


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; raises a ``CaptionerError`` if there can be none."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=128)
    except OSError as error:
        reason = str(error.strerror or error).partition(" (")[0]  # without the address again
        raise CaptionerError(
            f"nothing can listen at {host}, port {port} ({reason}). Choose another --port."
        ) from error


def server(api: Api, **settings: Any) -> uvicorn.Server:
    """A server of the API alone. It logs errors, not requests."""
    return uvicorn.Server(
        uvicorn.Config(
            api.application(),
            http=Protocol,
            ws="none",
            lifespan="off",
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=STOP_TIMEOUT,
            **settings,
        )
    )
