"""Reads from the Hugging Face Hub within bounds: at most so many bytes, and a least speed.

The client's own downloads ask for a file again and again, wait as long as a Retry-After says, even if it says
an hour, and give an answer all the time and memory that it wants. Here an address is read once; whoever needs
the file asks again later.
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

TIMEOUT = 15.0  # seconds for an answer's head, and for every MIN_BYTES_PER_SECOND * TIMEOUT bytes
MIN_BYTES_PER_SECOND = 10_000
MAX_QUEUED = 4  # chunks of up to 64 KB that may wait to be written


def info_url(repo: str, revision: str | None) -> str:
    """Where the Hub describes a revision: JSON with ``sha`` and, for each file, ``siblings``."""
    at = f"/revision/{quote(revision, safe='')}" if revision else ""
    return f"{endpoint()}/api/models/{repo}{at}?blobs=true"


def file_url(repo: str, commit: str, name: str) -> str:
    return f"{endpoint()}/{repo}/resolve/{commit}/{quote(name)}"


def endpoint() -> str:
    """The Hub's address; read anew, as the client reads HF_ENDPOINT only when it is imported."""
    from huggingface_hub import constants

    return (os.environ.get("HF_ENDPOINT") or constants.ENDPOINT).rstrip("/")


def read(url: str, limit: int) -> bytes:
    """What is there; raises as ``chunks`` does."""
    return b"".join(chunks(url, limit))


def save(url: str, path: Path, limit: int) -> None:
    """Write what is there to a file; raises as ``chunks`` does, or ``OSError``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        for chunk in chunks(url, limit):
            file.write(chunk)


def chunks(url: str, limit: int) -> Iterator[bytes]:
    """The bytes at an address as they come, read in a thread that is left behind should they not come.

    A thread, because a socket's own timeout ends neither the look-up of a name nor an answer, or only its
    head, that comes a byte a second.

    Raises:
        HubError: there are more than ``limit`` bytes, or they come too slowly.
        huggingface_hub.errors.HfHubHTTPError, httpx2.RequestError, httpx2.InvalidURL: what the client says.
    """
    arrived: Queue[bytes | Exception | None] = Queue(MAX_QUEUED)
    threading.Thread(target=_fill, args=(url, arrived), daemon=True).start()
    total = block = 0
    due = time.monotonic() + TIMEOUT
    while (chunk := _next(arrived, due)) is not None:
        total, block = total + len(chunk), block + len(chunk)
        if total > limit:
            raise HubError(f"{_name(url)} is longer than the {limit} bytes that it should have at most.")
        if block >= MIN_BYTES_PER_SECOND * TIMEOUT:
            block, due = 0, time.monotonic() + TIMEOUT
        yield chunk


def _next(arrived: Queue[bytes | Exception | None], due: float) -> bytes | None:
    try:
        chunk = arrived.get(timeout=max(0.0, due - time.monotonic()))
    except Empty:
        raise HubError(f"the Hub does not answer, or answers too slowly ({TIMEOUT:g} s).") from None
    if isinstance(chunk, Exception):
        raise chunk
    return chunk


def _fill(url: str, arrived: Queue[bytes | Exception | None]) -> None:
    """Puts the chunks, then None, or what went wrong, into the queue."""
    try:
        try:
            for chunk in _stream(url):
                arrived.put(chunk, timeout=2 * TIMEOUT)
            arrived.put(None, timeout=2 * TIMEOUT)
        except Full:
            return  # whoever asked has given up
        except Exception as error:  # raised again where the chunks are taken
            arrived.put(error, timeout=2 * TIMEOUT)
    except Full:
        return


def _stream(url: str) -> Iterator[bytes]:
    from huggingface_hub.utils import build_hf_headers, get_session  # type: ignore[attr-defined]

    headers = {
        **build_hf_headers(),
        "Accept-Encoding": "identity",
    }  # so that the limit is that of the network
    limit = 2 * TIMEOUT  # of a socket; who waits for the chunks is faster to give up
    with get_session().stream("GET", url, headers=headers, timeout=limit, follow_redirects=True) as answer:
        _check(answer)
        yield from answer.iter_bytes(1 << 16)


def _check(answer: httpx2.Response) -> None:
    """Raise the client's own error for a status; the body, which may be endless, is left unread."""
    import httpx2
    from huggingface_hub.utils import hf_raise_for_status  # type: ignore[attr-defined]

    headers = {
        name: answer.headers[name] for name in ("X-Error-Code", "X-Error-Message") if name in answer.headers
    }
    hf_raise_for_status(httpx2.Response(answer.status_code, headers=headers, request=answer.request))


def _name(url: str) -> str:
    return url.partition("?")[0].rpartition("/")[2]
