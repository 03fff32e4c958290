"""Downloads from the Hugging Face Hub with a limit on size and a minimum speed.

The client's own downloads retry many times, wait as long as a Retry-After header says, even an hour, and
limit neither the time nor the memory of a response. Here a URL is requested once; callers retry later.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from queue import Empty, Full, Queue
from typing import TYPE_CHECKING
from urllib.parse import quote

from captioner.errors import HubError

if TYPE_CHECKING:
    import httpx2

TIMEOUT = 15.0  # seconds for the response's head, and for every MIN_BYTES_PER_SECOND * TIMEOUT bytes
MIN_BYTES_PER_SECOND = 10_000
MAX_QUEUED = 4  # chunks of up to 64 KB that may wait to be written


def info_url(repo: str, revision: str | None) -> str:
    """URL of the Hub's JSON description of a revision: ``sha`` and ``siblings``, its files."""
    at = f"/revision/{quote(revision, safe='')}" if revision else ""
    return f"{endpoint()}/api/models/{repo}{at}?blobs=true"


def file_url(repo: str, commit: str, name: str) -> str:
    return f"{endpoint()}/{repo}/resolve/{commit}/{quote(name)}"


def endpoint() -> str:
    """The Hub's address; HF_ENDPOINT is read at every call, the client reads it only when imported."""
    from huggingface_hub import constants

    return (os.environ.get("HF_ENDPOINT") or constants.ENDPOINT).rstrip("/")


def read(url: str, limit: int) -> bytes:
    """The content of a URL; raises as ``chunks`` does."""
    return b"".join(chunks(url, limit))


def save(url: str, path: Path, limit: int) -> None:
    """Write the content of a URL to a file; raises as ``chunks`` does, or ``OSError``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        for chunk in chunks(url, limit):
            file.write(chunk)


def chunks(url: str, limit: int) -> Iterator[bytes]:
    """The bytes of a URL as they arrive, read in a thread that is abandoned when they are too slow.

    A thread, because a socket's timeout covers neither the DNS lookup nor a response that trickles in at a
    byte per second.

    Raises:
        HubError: there are more than ``limit`` bytes, or they arrive too slowly.
        huggingface_hub.errors.HfHubHTTPError, httpx2.RequestError, httpx2.InvalidURL: raised by the client.
    """
    queue: Queue[bytes | Exception | None] = Queue(MAX_QUEUED)
    threading.Thread(target=_fill, args=(url, queue), daemon=True).start()
    total = block = 0
    due = time.monotonic() + TIMEOUT
    while (chunk := _next(queue, due)) is not None:
        total, block = total + len(chunk), block + len(chunk)
        if total > limit:
            raise HubError(f"{_name(url)} is longer than the {limit} bytes that it should have at most.")
        if block >= MIN_BYTES_PER_SECOND * TIMEOUT:
            block, due = 0, time.monotonic() + TIMEOUT
        yield chunk


def _next(queue: Queue[bytes | Exception | None], due: float) -> bytes | None:
    try:
        chunk = queue.get(timeout=max(0.0, due - time.monotonic()))
    except Empty:
        raise HubError(f"the Hub does not answer, or answers too slowly ({TIMEOUT:g} s).") from None
    if isinstance(chunk, Exception):
        raise chunk
    return chunk


def _fill(url: str, queue: Queue[bytes | Exception | None]) -> None:
    """Put the chunks and then None, or an exception, into the queue."""
    try:
        try:
            for chunk in _stream(url):
                queue.put(chunk, timeout=2 * TIMEOUT)
            queue.put(None, timeout=2 * TIMEOUT)
        except Full:
            return  # the reader has given up
        except Exception as error:  # raised again by ``_next``
            queue.put(error, timeout=2 * TIMEOUT)
    except Full:
        return


def _stream(url: str) -> Iterator[bytes]:
    from huggingface_hub.utils import build_hf_headers, get_session  # type: ignore[attr-defined]

    headers = {
        **build_hf_headers(),
        "Accept-Encoding": "identity",
    }  # so that the limit applies to the bytes sent
    limit = 2 * TIMEOUT  # of the socket; the reader of the chunks gives up sooner
    with get_session().stream("GET", url, headers=headers, timeout=limit, follow_redirects=True) as response:
        _check(response)
        yield from response.iter_bytes(1 << 16)


def _check(response: httpx2.Response) -> None:
    """Raise the client's own error for a status; the body, which may be endless, is not read."""
    import httpx2
    from huggingface_hub.utils import hf_raise_for_status  # type: ignore[attr-defined]

    headers = {
        name: response.headers[name]
        for name in ("X-Error-Code", "X-Error-Message")
        if name in response.headers
    }
    hf_raise_for_status(httpx2.Response(response.status_code, headers=headers, request=response.request))


def _name(url: str) -> str:
    return url.partition("?")[0].rpartition("/")[2]
