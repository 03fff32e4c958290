"""Reads from the Hugging Face Hub within bounds: so many bytes, and never slower than ``SLOWEST``.

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

PATIENCE = 15.0  # seconds for an answer's head, and for every further piece of SLOWEST * PATIENCE bytes
SLOWEST = 10_000  # bytes a second
AHEAD = 4  # pieces of up to 64 KB that may wait to be written


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


def content(url: str, limit: int) -> bytes:
    """What is there; raises as ``pieces`` does."""
    return b"".join(pieces(url, limit))


def save(url: str, path: Path, limit: int) -> None:
    """Write what is there to a file; raises as ``pieces`` does, or ``OSError``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        for piece in pieces(url, limit):
            file.write(piece)


def pieces(url: str, limit: int) -> Iterator[bytes]:
    """The bytes at an address as they come, read in a thread that is left behind should they not come.

    A thread, because a socket's own timeout ends neither the look-up of a name nor an answer, or only its
    head, that comes a byte a second.

    Raises:
        HubError: there are more than ``limit`` bytes, or they come too slowly.
        huggingface_hub.errors.HfHubHTTPError, httpx2.RequestError, httpx2.InvalidURL: what the client says.
    """
    arrived: Queue[bytes | Exception | None] = Queue(AHEAD)
    threading.Thread(target=_read, args=(url, arrived), daemon=True).start()
    total = block = 0
    due = time.monotonic() + PATIENCE
    while (piece := _next(arrived, due)) is not None:
        total, block = total + len(piece), block + len(piece)
        if total > limit:
            raise HubError(f"{_name(url)} is longer than the {limit} bytes that it should have at most.")
        if block >= SLOWEST * PATIENCE:
            block, due = 0, time.monotonic() + PATIENCE
        yield piece


def _next(arrived: Queue[bytes | Exception | None], due: float) -> bytes | None:
    try:
        piece = arrived.get(timeout=max(0.0, due - time.monotonic()))
    except Empty:
        raise HubError(f"the Hub does not answer, or answers too slowly ({PATIENCE:g} s).") from None
    if isinstance(piece, Exception):
        raise piece
    return piece


def _read(url: str, arrived: Queue[bytes | Exception | None]) -> None:
    """Puts the pieces, then None, or what went wrong, into the queue."""
    try:
        try:
            for piece in _stream(url):
                arrived.put(piece, timeout=2 * PATIENCE)
            arrived.put(None, timeout=2 * PATIENCE)
        except Full:
            return  # whoever asked has given up
        except Exception as error:  # raised again where the pieces are taken
            arrived.put(error, timeout=2 * PATIENCE)
    except Full:
        return


def _stream(url: str) -> Iterator[bytes]:
    from huggingface_hub.utils import build_hf_headers, get_session  # type: ignore[attr-defined]

    headers = {
        **build_hf_headers(),
        "Accept-Encoding": "identity",
    }  # so that the limit is that of the network
    limit = 2 * PATIENCE  # of a socket; who waits for the pieces is faster to give up
    with get_session().stream("GET", url, headers=headers, timeout=limit, follow_redirects=True) as answer:
        _check(answer)
        yield from answer.iter_bytes(1 << 16)


def _check(answer: httpx2.Response) -> None:
    """Raise the client's own error for a status; the body, which may be endless, is left unread."""
    import httpx2
    from huggingface_hub.utils import hf_raise_for_status  # type: ignore[attr-defined]

    told = {
        name: answer.headers[name] for name in ("X-Error-Code", "X-Error-Message") if name in answer.headers
    }
    hf_raise_for_status(httpx2.Response(answer.status_code, headers=told, request=answer.request))


def _name(url: str) -> str:
    return url.partition("?")[0].rpartition("/")[2]
