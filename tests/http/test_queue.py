"""Who sends slowly, lies, or comes when it is full, is told so, and holds nothing."""

from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from captioner import images
from captioner.bundle.storage import Bundle
from captioner.http import api
from captioner.http.api import Api
from captioner.http.queue import MAX_BODY, Limits, Queue
from captioner.inference.captioner import Captioner
from tests.http.http_server import begin, finish, get, read, send, serving, wait_until
from tests.image_files import FILES

PNG = FILES["png"]


class BusyCaptioner:
    """A captioner that does nothing until it may."""

    def __init__(self, captioner: Captioner) -> None:
        self.bundle, self.options = captioner.bundle, captioner.options
        self.may_go = threading.Event()
        self.calls = self.running = self.most = 0
        self._captioner = captioner

    def caption(self, *arguments: Any) -> Any:
        self.calls += 1
        self.running += 1
        self.most = max(self.most, self.running)
        assert self.may_go.wait(30)
        self.running -= 1
        return self._captioner.caption(*arguments)


@pytest.fixture
def busy(tiny_bundle: Bundle) -> BusyCaptioner:
    return BusyCaptioner(Captioner(tiny_bundle))


@contextmanager
def limited(captioner: Any, others: int = 0, **limits: Any) -> Iterator[SimpleNamespace]:
    """A server with these limits; at the end nothing is held."""
    queue = Queue(Limits(**limits), others=lambda: others)
    with serving(Api(lambda: captioner, queue)) as port:
        yield SimpleNamespace(port=port, queue=queue)
        wait_until(lambda: (queue._requests, queue.held_bytes()) == (0, 0))


def test_a_body_that_does_not_come_gives_its_place_up(busy: BusyCaptioner) -> None:
    with limited(busy, first_seconds=0.1) as server:
        liar = begin(server.port, len(PNG) + 10**6, PNG)  # more is announced than comes
        gone = begin(server.port, len(PNG), PNG[:10])
        wait_until(lambda: server.queue.held_bytes() == len(PNG) + 10)
        gone.close()
        wait_until(lambda: server.queue.held_bytes() == len(PNG))  # at once
        answer = finish(liar)
        assert answer.problem == "too-slow"
        assert answer.headers["connection"] == "close"
        assert busy.calls == 0


def test_a_body_that_never_says_how_long_it_is_ends_at_the_limit(busy: BusyCaptioner) -> None:
    with limited(busy, held_bytes=MAX_BODY) as server:
        assert send(server.port, itertools.repeat(bytes(1_000_000), 40)).problem == "too-large"


def test_a_body_in_drops_ends_however_many_come(busy: BusyCaptioner) -> None:
    with limited(busy, first_seconds=0.1) as server, begin(server.port, 10_000) as client:
        client.settimeout(0.01)
        for byte in PNG:
            client.sendall(bytes([byte]))
            try:
                assert client.recv(1, socket.MSG_PEEK)
                break
            except TimeoutError:
                continue
        client.settimeout(30)
        assert read(client).problem == "too-slow"


def test_a_body_that_comes_steadily_may_take_longer(busy: BusyCaptioner) -> None:
    busy.may_go.set()
    with limited(busy, first_seconds=0.1, bytes_per_second=1) as server:
        steady = begin(server.port, len(PNG), PNG[:100])
        assert finish(begin(server.port, len(PNG))).problem == "too-slow"  # later than that
        steady.sendall(PNG[100:])
        assert finish(steady).status == 200


def test_a_full_queue_says_when_to_come_again(busy: BusyCaptioner) -> None:
    with limited(busy, workers=1, requests=2) as server, ThreadPoolExecutor(2) as threads:
        served = [threads.submit(send, server.port, PNG) for _ in range(2)]
        wait_until(lambda: server.queue._requests == 2 and busy.calls == 1)
        answer = send(server.port, PNG * 10_000)  # 5 MB that are not looked at
        assert answer.problem == "busy"
        assert answer.headers["retry-after"] == "2"
        assert get(server.port, "/openapi.json").status == 200  # the event loop is free
        busy.may_go.set()
        assert [each.result().status for each in served] == [200, 200]
        assert send(server.port, PNG).status == 200


def test_pictures_are_captioned_one_at_a_time_while_others_are_decoded(
    busy: BusyCaptioner, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded, read = [], images.read

    def noted(data: bytes) -> images.Pixels:
        decoded.append(data)
        return read(data)

    monkeypatch.setattr(images, "read", noted)
    with limited(busy, workers=3) as server, ThreadPoolExecutor(3) as threads:
        answers = [threads.submit(send, server.port, PNG) for _ in range(3)]
        wait_until(lambda: len(decoded) == 3)
        busy.may_go.set()
        assert [each.result().status for each in answers] == [200, 200, 200]
    assert busy.most == 1


def test_a_model_that_hangs_is_not_healthy(busy: BusyCaptioner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "HEALTH_SECONDS", 0.05)
    with limited(busy) as server, ThreadPoolExecutor(1) as threads:
        hanging = threads.submit(send, server.port, PNG)
        wait_until(lambda: busy.calls == 1)
        assert get(server.port, "/health").problem == "no-model"
        busy.may_go.set()
        assert hanging.result().status == 200
        wait_until(lambda: get(server.port, "/health").status == 200)


def test_a_client_that_has_left_is_not_served(busy: BusyCaptioner) -> None:
    with limited(busy, workers=1) as server, ThreadPoolExecutor(1) as threads:
        first = threads.submit(send, server.port, PNG)
        wait_until(lambda: busy.calls == 1)
        begin(server.port, len(PNG), PNG).close()
        waiting = begin(server.port, len(PNG), PNG)
        wait_until(lambda: server.queue.held_bytes() == 2 * len(PNG))
        waiting.close()
        wait_until(lambda: server.queue.held_bytes() == len(PNG))
        busy.may_go.set()
        assert first.result().status == 200
        assert busy.calls == 1


def test_an_answer_that_takes_too_long_holds_its_place_until_the_work_ends(busy: BusyCaptioner) -> None:
    with limited(busy, answer_seconds=0.05) as server:
        assert send(server.port, PNG).problem == "busy"
        assert (server.queue._requests, server.queue.held_bytes()) == (1, len(PNG))
        busy.may_go.set()


@pytest.mark.parametrize("others", [0, 100])
def test_bodies_share_the_memory_with_what_others_hold(busy: BusyCaptioner, others: int) -> None:
    busy.may_go.set()
    with limited(busy, others, held_bytes=others + len(PNG) + 10) as server:
        with begin(server.port, len(PNG), PNG[:11]):
            wait_until(lambda: server.queue.held_bytes() == 11)
            assert send(server.port, PNG).problem == "busy"
        wait_until(lambda: server.queue.held_bytes() == 0)
        assert send(server.port, PNG).status == 200
