"""The addresses of the HTTP API, for a server of its own and for the app's."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from captioner import image_headers, images
from captioner.errors import CaptionerError, ImageError
from captioner.fair_lock import FairLock
from captioner.http import problems
from captioner.http.parameters import Parameters, check_media_type, split
from captioner.http.problems import ROOT, Problem
from captioner.http.queue import Queue

if TYPE_CHECKING:
    from captioner.inference.captioner import Captioner

HEALTH_SECONDS = 10.0  # that one check of the model counts, and that it may take

log = logging.getLogger(__name__)


class Api:
    """The HTTP API on a captioner.

    Args:
        captioner: gives the captioner; called for each picture, in a worker thread.
        queue: bounds the requests.
        enabled: whether pictures are captioned; all else is answered in any case.
    """

    def __init__(
        self,
        captioner: Callable[[], Captioner],
        queue: Queue | None = None,
        enabled: Callable[[], bool] = lambda: True,
    ) -> None:
        self.queue = queue or Queue()
        self._captioner = captioner
        self._enabled = enabled
        # One picture at a time, while others are decoded: two would take the model from each other at every
        # word, and the lock on it, which is quick but not fair, lets one of them wait for many others.
        self._turn = FairLock()
        self._health_thread = ThreadPoolExecutor(1, "health")  # a full queue is not ill health
        self._checking = asyncio.Lock()
        self._checked = 0.0  # when, on the monotonic clock
        self._health: Response | None = None

    def route(self) -> Mount:
        """All addresses, below ``ROOT``."""
        routes = [
            Route("/captions", self.captions, methods=["POST"]),
            Route("/health", self.health),
            Route("/openapi.json", self.openapi),
            Route("/problems/{name}", problems.describe),
        ]
        handlers = {Problem: problems.on_problem, HTTPException: problems.on_http_exception}
        return Mount(ROOT, app=Starlette(routes=routes, exception_handlers=handlers))

    def application(self) -> Starlette:
        """An application that has nothing else."""
        handlers = {HTTPException: problems.on_http_exception}
        return Starlette(routes=[self.route()], exception_handlers=handlers)

    async def captions(self, request: Request) -> Response:
        """Caption a picture."""
        if not self._enabled():
            raise Problem("not-found", "this server shows pages only: its HTTP API is turned off.")
        content_type = request.headers.get("content-type", "")
        query = request.query_params.multi_items()
        Parameters.read(query)  # before the picture comes
        check_media_type(content_type)

        def work(body: bytes) -> Response:
            picture, fields = split(body, content_type)
            parameters = Parameters.read([*query, *fields])
            return JSONResponse(answer(self._captioner(), picture, parameters, self._turn))

        try:
            with self.queue.slot() as slot:
                await slot.receive(request)
                return await slot.run(lambda body: _answered(lambda: work(body)), request)
        except ClientDisconnect:
            return Response(status_code=408)  # that nobody reads

    async def health(self, _: Request) -> Response:
        """Whether the model runs, and which one."""
        async with self._checking:
            if self._health is None or time.monotonic() - self._checked >= HEALTH_SECONDS:
                self._health = await self._check()
                self._checked = time.monotonic()
        return self._health

    async def openapi(self, _: Request) -> Response:
        """The description of this interface."""
        from captioner.http import openapi  # late: it is seldom asked for

        return JSONResponse(openapi.document())

    async def _check(self) -> Response:
        loop = asyncio.get_running_loop()
        checked = loop.run_in_executor(self._health_thread, lambda: _answered(self._caption_nothing))
        try:
            return await asyncio.wait_for(checked, HEALTH_SECONDS)
        except TimeoutError:
            slow = f"the model gave no caption in {HEALTH_SECONDS:g} seconds. Try again later."
            return problems.response(Problem("no-model", slow))

    def _caption_nothing(self) -> Response:
        """Caption a black picture."""
        captioner = self._captioner()
        size = captioner.bundle.config.image_size
        with self._turn:
            captioner.caption(np.zeros((size, size, 3), np.uint8))
        checksum = captioner.bundle.checksum
        return JSONResponse({"status": "ok", "model_runs": True, "bundle_checksum": checksum})


def answer(captioner: Captioner, picture: bytes, parameters: Parameters, turn: FairLock) -> dict[str, Any]:
    """What ``python -m captioner caption --json`` prints of a picture, without what was not asked for.

    Args:
        captioner: what captions it.
        picture: a file's bytes.
        parameters: how, and what of the answer to leave out.
        turn: held while the model is used, not while the picture is decoded.

    Raises:
        Problem: the picture cannot be read.
    """
    if len(picture) > images.MAX_BYTES:
        raise Problem(
            "too-large", f"it has over {images.MAX_BYTES // 10**6} MB. Make it smaller and try again."
        )
    options = captioner.options
    if parameters.beams is not None:
        options = replace(options, beams=parameters.beams)
    try:
        pixels = images.read(picture)
    except ImageError as error:
        known = image_headers.identify(picture) is not None
        raise Problem("unreadable-picture" if known else "unsupported-type", str(error)) from error
    with turn:
        caption = captioner.caption(pixels, options).to_dict()
    caption["alternatives"] = caption["alternatives"][: parameters.alternatives]
    if not parameters.words:
        del caption["words"]
    return caption


def _answered(work: Callable[[], Response]) -> Response:
    """The answer of ``work``; an error is a problem document, which says no more than the log.

    It ends here: a future that held it would be part of a reference cycle, and with it the picture.
    """
    try:
        return work()
    except Problem as problem:
        return problems.response(problem)
    except CaptionerError as error:
        log.warning("no caption: %s", error)
        return problems.response(Problem("no-model", "the server's log says why. Tell whoever runs it."))
    except Exception:
        reference = secrets.token_hex(4)
        log.exception("request failed, reference %s", reference)
        return problems.response(
            Problem("bug", f"please tell whoever runs the server this reference: {reference}.")
        )
