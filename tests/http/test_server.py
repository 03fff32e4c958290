"""``python -m captioner serve``: where it listens, and how it ends connections that ask for nothing."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from captioner import __main__ as command_line
from captioner.bundle.storage import Bundle
from captioner.child_process import ROOT
from captioner.http import server
from captioner.http.api import Api
from captioner.inference.captioner import Captioner
from tests.http import http_server
from tests.http.http_server import begin, get, head, send, serving
from tests.image_files import FILES


def test_a_connection_without_a_request_is_closed(
    tiny_bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "IDLE_TIMEOUT", 0.3)
    captioner = Captioner(tiny_bundle)
    with serving(Api(lambda: captioner)) as port:
        clients = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(2)]
        clients[1].sendall(b"POST /api")  # and no more
        refused = begin(port, 10**9)
        assert http_server.read(refused).problem == "too-large"
        assert send(port, FILES["png"]).status == 200
        for client in (*clients, refused):
            with client:
                assert client.recv(1) == b""


def test_a_request_that_came_with_another_may_take_its_time(
    tiny_bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "IDLE_TIMEOUT", 0.3)
    captioner, seconds = Captioner(tiny_bundle), iter([0, 0.6])

    def slow_at_last() -> Captioner:
        time.sleep(next(seconds))
        return captioner

    with serving(Api(slow_at_last)) as port:
        picture = FILES["png"]
        with begin(port, len(picture), picture + head(len(picture)) + picture) as client:
            assert [http_server.read(client).status for _ in range(2)] == [200, 200]


def test_an_address_that_is_taken_is_said(tiny_bundle: Bundle, capsys: pytest.CaptureFixture[str]) -> None:
    with server.listen("127.0.0.1", 0) as taken:
        port = str(taken.getsockname()[1])
        assert command_line.main(["serve", "--bundle", str(tiny_bundle.folder), "--port", port]) == 2
    assert f"port {port} (Address already in use). Choose another --port." in capsys.readouterr().err


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_the_command_serves_until_it_is_stopped(tiny_bundle: Bundle) -> None:
    command = [sys.executable, "-m", "captioner", "serve", "--port", "0", "--bundle", str(tiny_bundle.folder)]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        # A shell that starts the tests in the background has them ignore it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        assert process.stdout
        said = process.stdout.readline()
        port = int(said.split("/")[2].partition(":")[2])
        assert get(port, "/health").body["bundle_checksum"] == tiny_bundle.checksum
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == command_line.STOPPED
    assert Path(said.split()[0]).name == "captions"
