"""Errors as problem details (RFC 9457): for a program their type, for a person what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

ROOT = "/api/v1"  # of all addresses
MEDIA_TYPE = "application/problem+json"
RETRY_AFTER = 2  # seconds


@dataclass(frozen=True)
class Kind:
    """A type of problem: its status of HTTP and its title."""

    status: int
    title: str


KINDS = {
    "unknown-parameter": Kind(400, "There is no such parameter"),
    "invalid-parameter": Kind(400, "A parameter is not what it must be"),
    "malformed-form": Kind(400, "The form cannot be read"),
    "no-picture": Kind(400, "The request has no picture"),
    "not-found": Kind(404, "There is nothing at this address"),
    "method-not-allowed": Kind(405, "This address does not take this method"),
    "too-slow": Kind(408, "The picture took too long to arrive"),
    "too-large": Kind(413, "The picture is too large"),
    "unsupported-type": Kind(415, "The request is not a picture that can be read here"),
    "unreadable-picture": Kind(422, "The picture cannot be read"),
    "bug": Kind(500, "Something went wrong in the server itself"),
    "busy": Kind(503, "The server is busy"),
    "no-model": Kind(503, "The server has no model that runs"),
}


class Problem(Exception):
    """Ends a request with a problem document: one of ``KINDS``, and a sentence that says what to do."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail[:1].upper() + detail[1:]


def response(problem: Problem, headers: dict[str, str] | None = None) -> JSONResponse:
    """The document of a problem, with when to try again, if that may help."""
    kind = KINDS[problem.kind]
    headers = dict(headers or {})
    if kind.status == 503:
        headers["Retry-After"] = str(RETRY_AFTER)
    if kind.status == 408:  # the rest of the body may never come
        headers["Connection"] = "close"
    return JSONResponse(document(problem), kind.status, headers, MEDIA_TYPE)


def document(problem: Problem) -> dict[str, Any]:
    """As RFC 9457 names its members; ``type`` is the address of a description (``describe``)."""
    kind, address = KINDS[problem.kind], f"{ROOT}/problems/{problem.kind}"
    return {"type": address, "title": kind.title, "status": kind.status, "detail": problem.detail}


async def describe(request: Request) -> JSONResponse:
    """What a type of problem means."""
    name = request.path_params["name"]
    if name not in KINDS:
        raise HTTPException(404)
    kind = KINDS[name]
    return JSONResponse({"title": kind.title, "status": kind.status})


async def on_problem(_: Request, error: Exception) -> JSONResponse:
    """Starlette's handler of ``Problem``."""
    assert isinstance(error, Problem)
    return response(error)


async def on_http_exception(request: Request, error: Exception) -> JSONResponse:
    """Starlette's handler of what its router raises: 404 and 405."""
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    if error.status_code == 405:
        allowed = headers.get("Allow", "")
        problem = Problem("method-not-allowed", f"Send {allowed} instead of {request.method}.")
    else:
        problem = Problem("not-found", f"all addresses are in {ROOT}/openapi.json.")
    return response(problem, headers)
