"""A bounded queue before a few worker threads: how many requests there are at once, and how much they hold.

A request has a slot of the queue from its first byte to its answer. What a client announces costs nothing,
only what has arrived: a slow one, or one that announces more than it sends, holds a slot until its time is
over. The event loop, which an app shares with its pages, only moves bytes.
"""

from __future__ import annotations

import asyncio
import io
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar

from starlette.requests import ClientDisconnect, Request

from captioner import images
from captioner.http.problems import RETRY_AFTER, Problem

MAX_BODY = images.MAX_BYTES + 20_000  # bytes: a picture, and the other parts of a form

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Limits:
    """What all requests together may take, and how long one may."""

    workers: int = 2  # threads that decode pictures; one of them captions at a time
    requests: int = 32  # that arrive, wait or are captioned
    held_bytes: int = 100_000_000  # of their bodies
    first_seconds: float = 10.0  # for a body to arrive …
    bytes_per_second: int = 50_000  # … and more while it comes at least that fast
    answer_seconds: float = 60.0  # from the last byte to the answer


class Queue:
    """Gives places to requests, first come, first served.

    Args:
        limits: how much and how long.
        others: bytes that others hold in this process, which count as well.
    """

    def __init__(self, limits: Limits | None = None, others: Callable[[], int] = lambda: 0) -> None:
        self.limits = limits or Limits()
        self._others = others
        self._guard = threading.Lock()  # of the two numbers; never held for long
        self._requests = 0
        self._held = 0
        self._threads = ThreadPoolExecutor(self.limits.workers, "captions")

    def held_bytes(self) -> int:
        """Bytes of bodies that are in memory now."""
        return self._held

    def slot(self) -> Slot:
        """A slot for a request.

        Raises:
            Problem: there is none.
        """
        with self._guard:
            if self._requests >= self.limits.requests:
                raise _busy(f"at most {self.limits.requests} requests are served at once")
            self._requests += 1
        return Slot(self)

    def hold(self, count: int) -> None:
        """Count bytes that have arrived; raises a ``Problem`` where there is no room for them."""
        with self._guard:
            if self._held + count + self._others() > self.limits.held_bytes:
                raise _busy("the pictures of other requests take all the memory that there is for them")
            self._held += count

    def release(self, count: int) -> None:
        """A slot is free again, and so many bytes."""
        with self._guard:
            self._requests -= 1
            self._held -= count

    def submit(self, work: Callable[[], Answer]) -> Future[Answer]:
        """Have a worker thread do it, when one is free."""
        return self._threads.submit(work)


class Slot:
    """One request's slot, and its body. Both are freed at its end, but not before a worker is done."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._body = io.BytesIO()
        self._job: Future[Any] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, _: object, trace: TracebackType | None) -> None:
        if self._job is None:
            self._free()

    async def receive(self, request: Request) -> None:
        """Read the body, within its limits of size and time.

        Raises:
            Problem: it is too large, comes too slowly, or there is no room for it.
            ClientDisconnect: the client has left.
        """
        announced = request.headers.get("content-length", "")
        if announced.isdigit() and int(announced[:20]) > MAX_BODY:
            raise _too_large()
        limits, loop = self._queue.limits, asyncio.get_running_loop()
        end = loop.time() + limits.first_seconds
        try:
            async with asyncio.timeout_at(end) as timeout:
                async for chunk in request.stream():
                    if self._body.tell() + len(chunk) > MAX_BODY:
                        raise _too_large()
                    self._queue.hold(len(chunk))
                    self._body.write(chunk)
                    timeout.reschedule(end + self._body.tell() / limits.bytes_per_second)
        except TimeoutError as error:
            raise Problem(
                "too-slow",
                f"only {self._body.tell():,} bytes had come. A picture has {limits.first_seconds:g} seconds, "
                f"and more while {limits.bytes_per_second / 1000:g} kB come in a second. Send a smaller one.",
            ) from error

    async def run(self, work: Callable[[bytes], Answer], request: Request) -> Answer:
        """What ``work`` makes of the body, in a worker thread, when it is this request's turn.

        Raises:
            Problem: that took too long.
            ClientDisconnect: the client has left; work that has not begun is not done.
        """
        job = self._queue.submit(lambda: work(self._body.getvalue()))
        self._job = job
        job.add_done_callback(lambda _: self._free())
        answer, left = asyncio.wrap_future(job), asyncio.ensure_future(_disconnect(request))
        try:
            seconds = self._queue.limits.answer_seconds
            either: set[asyncio.Future[Any]] = {answer, left}
            await asyncio.wait(either, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if answer.done():
                return answer.result()
            if left.done():
                raise ClientDisconnect
            raise _busy(f"no answer was there after {seconds:g} seconds")
        finally:
            left.cancel()
            answer.cancel()

    def _free(self) -> None:
        count = self._body.tell()
        self._body = io.BytesIO()
        self._queue.release(count)


async def _disconnect(request: Request) -> None:
    """Wait until the client has left."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _busy(reason: str) -> Problem:
    return Problem("busy", f"{reason}. Try again in {RETRY_AFTER} seconds.")


def _too_large() -> Problem:
    return Problem(
        "too-large", f"a picture has at most {images.MAX_BYTES // 10**6} MB. Make it smaller and try again."
    )
