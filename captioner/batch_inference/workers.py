"""Captions of many files on all cores: a process for each, as threads would wait for the interpreter lock."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from captioner.batch_inference import rows
from captioner.batch_inference.rows import Row
from captioner.errors import BundleError

if TYPE_CHECKING:
    from captioner.inference.captioner import Captioner
    from captioner.inference.decoding import DecodingOptions

AHEAD = 4  # pictures a process that are handed out before the first of them is done
CRASHED = (
    "the process that read the picture ended: the file makes the decoder crash, or memory is too short. Try "
    "fewer --workers."
)


@dataclass(frozen=True)
class Task:
    """What every process needs to know."""

    folder: Path
    bundle: Path
    checksum: str
    options: DecodingOptions


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def caption_files(task: Task, images: Iterable[str], workers: int) -> Iterator[Row]:
    """The row of each image of the folder, in this order, without the settings.

    Pictures that were not done when a process ended are tried once more, each alone; at which one ends again,
    that has an error.

    Raises:
        BundleError: the bundle does not run, or is another one by now.
    """
    waiting: deque[tuple[str, Future[Row]]] = deque()
    rest, pool = iter(images), _pool(task, workers)
    try:
        while True:
            try:
                for image in rest:
                    waiting.append((image, Future()))
                    waiting[-1] = image, pool.submit(_caption, image)
                    if len(waiting) >= AHEAD * workers:
                        break
                if not waiting:
                    return
                row = waiting[0][1].result()
                waiting.popleft()
                yield row
            except BrokenProcessPool:
                pool.shutdown()
                yield from (_done(future) or _caption_alone(task, image) for image, future in waiting)
                waiting.clear()
                pool = _pool(task, workers)
    finally:
        pool.shutdown(cancel_futures=True)


def _done(future: Future[Row]) -> Row | None:
    return future.result() if future.done() and not future.exception() else None


def _caption_alone(task: Task, image: str) -> Row:
    with _pool(task, 1) as pool:
        try:
            return pool.submit(_caption, image).result()
        except BrokenProcessPool:
            return rows.failure(image, CRASHED)


def _pool(task: Task, workers: int) -> ProcessPoolExecutor:
    # Not forked: a child would inherit the locks of threads that it does not have.
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(workers, context, initializer=_start, initargs=(task,))


# One of each in every process.
_task: Task
_captioner: Captioner | None = None


def _start(task: Task) -> None:
    global _task
    _task = task
    with suppress(ValueError):
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Else a process whose parent was killed would wait for its next picture forever."""
    if parent := multiprocessing.parent_process():
        parent.join()
        os._exit(1)


def _caption(image: str) -> Row:
    captioner = _opened()
    return rows.caption(captioner, image, lambda: (_task.folder / image).open("rb"), _task.options)


def _opened() -> Captioner:
    """Opened by the first picture, as the error of an initializer would not reach the parent."""
    global _captioner
    if _captioner is None:
        from captioner.bundle import storage
        from captioner.inference.captioner import Captioner

        bundle = storage.load(_task.bundle)
        if bundle.checksum != _task.checksum:
            raise BundleError(f"{_task.bundle} has been replaced meanwhile. Give the command again.")
        _captioner = Captioner(bundle, threads=1)
    return _captioner
