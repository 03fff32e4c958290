"""Many visitors at once, each with a request at a time, of ``python -m captioner serve``."""

from __future__ import annotations

import http.client
import itertools
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import mean

from benchmarks import data
from benchmarks.result import Result

VISITORS = (1, 4, 16)
ADDRESS = "/api/v1/captions"


def measure(rounds: int, tiny: bool) -> list[Result]:
    """Captions a second, and the longest wait, with 4 and 16 visitors against one alone."""
    pictures = [path.read_bytes() for path in data.pictures(4 if tiny else 48)]
    with _server() as port:
        for picture in pictures[:2]:
            _post(port, picture)
        waits = [{count: _visit(port, pictures, count) for count in VISITORS} for _ in range(rounds)]
    alone = tuple(_rate(each[1]) for each in waits)
    results = []
    for count in VISITORS[1:]:
        rates = tuple(_rate(each[count]) for each in waits)
        longest, average = (tuple(what(each[count][0]) for each in waits) for what in (max, mean))
        name = f"{count} visitors at once"
        results += [
            Result(name, "captions a second", rates, alone, "one visitor", "{} times", bar="≥ 0.9 times"),
            Result(f"Longest wait of {name}", "seconds", longest, average, "the mean wait",
                   "{} times the mean", bar="≤ 2 times"),
        ]  # fmt: skip
    return results


Waits = tuple[list[float], float]  # seconds each picture waited, and all of them took


def _rate(waits: Waits) -> float:
    return len(waits[0]) / waits[1]


def _visit(port: int, pictures: list[bytes], count: int) -> Waits:
    """So many threads, each of which sends the next picture when it has an answer."""
    rest, guard, waits = iter(pictures), threading.Lock(), []

    def visitor() -> None:
        while True:
            with guard:
                picture = next(rest, None)
            if picture is None:
                return
            started = time.perf_counter()
            _post(port, picture)
            waits.append(time.perf_counter() - started)

    started = time.perf_counter()
    threads = [threading.Thread(target=visitor) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(waits) < len(pictures):
        raise RuntimeError(f"{len(pictures) - len(waits)} of {len(pictures)} pictures got no answer")
    return waits, time.perf_counter() - started


def _post(port: int, picture: bytes) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    connection.request("POST", ADDRESS, picture)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    if answer.status != 200:
        raise RuntimeError(f"{answer.status}: {body[:200]!r}")


@contextmanager
def _server() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    command = [sys.executable, "-m", "captioner", "serve", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            _wait(port)
            yield port
        finally:
            process.terminate()


def _wait(port: int) -> None:
    for _ in itertools.repeat(None, 300):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("the server did not start within 30 seconds")
