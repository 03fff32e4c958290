"""A small Hugging Face Hub on loopback: the real client is tested over real HTTP, without the Internet.

It implements what pushing, pulling and reading parts of files need. It has no xet storage,
so a test that pushes sets HF_HUB_DISABLE_XET.
"""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import TracebackType
from urllib.parse import unquote, urlsplit

import pytest

from tests.fake_repository import LFS, Commit, Json, Repository, entries, etag, sha256
from tests.hub_server import HubServer


class FakeHub:
    """Serves on a free port of 127.0.0.1 inside a `with` block.

    `requests` lists the requests received ("POST /api/repos/create"). Those that match the pattern `failing`
    get the error `status`, or the answer of `fault`. After `stop` the address refuses connections.
    """

    def __init__(self, token: str = "hf_stand_in") -> None:
        self.token = token
        self.repositories: dict[str, Repository] = {}  # "models/user/name" and "datasets/user/name"
        self.objects: dict[str, bytes] = {}  # LFS contents by SHA-256
        self.requests: list[str] = []
        self.sent = 0  # bytes of answers' bodies
        self.failing = "nothing"
        self.status = 503
        self.fault: Callable[[_Handler], None] = lambda handler: handler.answer(
            {"error": "set to fail"}, self.status
        )
        self.stopped = threading.Event()
        self._server = HubServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": self}))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> FakeHub:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        self.stopped.set()
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()
        self._server.hang_up()
        assert self._server.errors == []

    def repository(self, name: str, kind: str = "models", *, private: bool = False) -> Repository:
        """The repository of that name, made empty if there is none."""
        return self.repositories.setdefault(f"{kind}/{name}", Repository(name, private))


def connect(hub: FakeHub, monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    """Point the client of this process at the fake Hub and at nothing else.

    Part of it is patched in: huggingface_hub may have been imported, and it reads the environment only then.
    """
    from huggingface_hub import constants

    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    monkeypatch.setenv("HF_TOKEN", hub.token)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    for name in ("HF_HUB_DISABLE_XET", "HF_HUB_DISABLE_TELEMETRY", "HF_HUB_DISABLE_PROGRESS_BARS"):
        monkeypatch.setattr(constants, name, True)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    hub: FakeHub

    def log_message(self, *_: object) -> None:
        """Silent: `requests` keeps what matters."""

    def handle_any(self) -> None:
        self.hub.requests.append(f"{self.command} {unquote(urlsplit(self.path).path)}")
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if re.match(self.hub.failing, self.hub.requests[-1]):
            return self.hub.fault(self)
        return self.route()

    def route(self) -> None:
        path = urlsplit(self.path).path
        for method, pattern, route in ROUTES:
            match = re.fullmatch(pattern, path)
            if match and self.command in method.split():
                return route(self, **{k: v and unquote(v) for k, v in match.groupdict().items()})
        return self.answer({"error": f"no route for {path}"}, 404)

    do_GET = do_HEAD = do_POST = do_PUT = handle_any

    def json(self) -> Json:
        return dict(json.loads(self.body))

    def answer(self, value: object, status: int = 200, **headers: str) -> None:
        self.send(json.dumps(value).encode(), status, {"Content-Type": "application/json", **headers})

    def send(self, data: bytes, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.hub.sent += len(data)
            self.wfile.write(data)

    def refuse(self, code: str, status: int = 404) -> None:
        self.answer({"error": code}, status, **{"X-Error-Code": code, "X-Error-Message": code})

    def find(self, kind: str | None, name: str, revision: str = "main") -> tuple[Repository, Commit] | None:
        """The requested commit; otherwise answers with an error and returns None."""
        repository = self.hub.repositories.get(f"{kind or 'models'}/{name}")
        allowed = self.headers.get("Authorization") == f"Bearer {self.hub.token}"
        if repository is None or (repository.private and not allowed):
            self.refuse("RepoNotFound", 404 if allowed else 401)
        elif (commit := repository.at(revision)) is None:
            self.refuse("RevisionNotFound")
        else:
            return repository, commit
        return None


def _create(self: _Handler) -> None:
    request = self.json()
    name = f"{request['organization']}/{request['name']}" if request.get("organization") else request["name"]
    url = {"url": f"{self.hub.url}/{name}"}
    if f"models/{name}" in self.hub.repositories:
        return self.answer({"error": "You already created this model repo", **url}, 409)
    self.hub.repository(name, private=bool(request.get("private"))).commit("initial commit", {})
    return self.answer(url)


def _validate_yaml(self: _Handler) -> None:
    self.answer({"errors": [], "warnings": []})


def _branch(self: _Handler, name: str, revision: str) -> None:
    if result := self.find("models", name):
        repository, head = result
        if revision in repository.branches:
            return self.answer({"error": f"Reference refs/heads/{revision} already exists"}, 409)
        repository.branches[revision] = head.oid
        self.answer({})
    return None


def _preupload(self: _Handler, name: str, revision: str) -> None:
    if result := self.find("models", name, revision):
        request, files = self.json()["files"], result[1].files
        self.answer({"files": [{**_mode(file["path"]), **_known(file["path"], files)} for file in request]})


def _mode(path: str) -> Json:
    return {"path": path, "uploadMode": "lfs" if path.endswith(LFS) else "regular", "shouldIgnore": False}


def _known(path: str, files: dict[str, bytes]) -> Json:
    return {"oid": etag(path, files[path])} if path in files else {}


def _lfs_batch(self: _Handler, name: str) -> None:
    request = self.json()["objects"]
    for paths in request:
        if paths["oid"] not in self.hub.objects:  # no actions: "I have it already"
            upload = {"href": f"{self.hub.url}/lfs/objects/{paths['oid']}", "header": {}}
            verify = {"href": f"{self.hub.url}/lfs/verify", "header": {}}
            paths["actions"] = {"upload": upload, "verify": verify}
    self.answer({"transfer": "basic", "objects": request})


def _lfs_put(self: _Handler, oid: str) -> None:
    if sha256(self.body) != oid:
        return self.answer({"error": "the contents have another SHA-256"}, 422)
    self.hub.objects[oid] = self.body
    return self.answer({})


def _lfs_verify(self: _Handler) -> None:
    self.answer({}, 200 if self.json()["oid"] in self.hub.objects else 404)


def _commit(self: _Handler, name: str, revision: str) -> None:
    if not (result := self.find("models", name, revision)):
        return
    changes: dict[str, bytes | None] = {}
    message = ""
    for line in map(json.loads, self.body.splitlines()):
        value = line["value"]
        match line["key"]:
            case "header":
                message = "\n\n".join(filter(None, [value["summary"], value["description"]]))
            case "file":
                changes[value["path"]] = base64.b64decode(value["content"])
            case "lfsFile":
                changes[value["path"]] = self.hub.objects[value["oid"]]
            case "deletedFile":
                changes[value["path"]] = None
    made = result[0].commit(message, changes, revision)
    url = f"{self.hub.url}/{name}/commit/{made.oid}"
    self.answer({"success": True, "commitOid": made.oid, "commitUrl": url, "hookOutput": ""})


def _info(self: _Handler, kind: str, name: str, revision: str | None) -> None:
    if result := self.find(kind, name, revision or "main"):
        repository, commit = result
        siblings = [{"rfilename": entry["path"], **entry} for entry in entries(commit)]
        facts = {"id": name, "sha": commit.oid, "private": repository.private, "siblings": siblings}
        self.answer({**facts, "tags": [], "downloads": 0, "likes": 0})


def _tree(self: _Handler, kind: str, name: str, revision: str, folder: str | None) -> None:
    if result := self.find(kind, name, revision):
        below = f"{folder}/" if folder else ""
        self.answer([entry for entry in entries(result[1]) if entry["path"].startswith(below)])


def _paths_info(self: _Handler, kind: str, name: str, revision: str) -> None:
    if result := self.find(kind, name, revision):
        paths = json.loads(self.body)["paths"] if self.body.startswith(b"{") else []
        self.answer([entry for entry in entries(result[1]) if entry["path"] in paths])


def _resolve(self: _Handler, kind: str | None, name: str, revision: str, path: str) -> None:
    if not (result := self.find(kind, name, revision)):
        return None
    commit = result[1]
    if path not in commit.files:
        return self.refuse("EntryNotFound")
    data = commit.files[path]
    headers = {"X-Repo-Commit": commit.oid, "ETag": f'"{etag(path, data)}"', "Accept-Ranges": "bytes"}
    part = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
    if self.command == "HEAD" or not part:
        return self.send(data, 200, headers)
    start, end = int(part[1]), min(int(part[2] or len(data)), len(data) - 1)
    headers["Content-Range"] = f"bytes {start}-{end}/{len(data)}"
    return self.send(data[start : end + 1], 206, headers)


_API = r"/api/(?P<kind>models|datasets)/(?P<name>[^/]+/[^/]+)"
_MODEL = r"/api/models/(?P<name>[^/]+/[^/]+)"
ROUTES: tuple[tuple[str, str, Callable[..., None]], ...] = (
    ("POST", r"/api/repos/create", _create),
    ("POST", r"/api/validate-yaml", _validate_yaml),
    ("POST", _MODEL + r"/branch/(?P<revision>[^/]+)", _branch),
    ("POST", _MODEL + r"/preupload/(?P<revision>[^/]+)", _preupload),
    ("POST", _MODEL + r"/commit/(?P<revision>[^/]+)", _commit),
    ("POST", r"/(?P<name>[^/]+/[^/]+)\.git/info/lfs/objects/batch", _lfs_batch),
    ("PUT", r"/lfs/objects/(?P<oid>[0-9a-f]{64})", _lfs_put),
    ("POST", r"/lfs/verify", _lfs_verify),
    ("GET", _API + r"(?:/revision/(?P<revision>[^/]+))?", _info),
    ("GET", _API + r"/tree/(?P<revision>[^/]+)(?:/(?P<folder>.+))?", _tree),
    ("POST", _API + r"/paths-info/(?P<revision>[^/]+)", _paths_info),
    (
        "GET HEAD",
        r"/(?:(?P<kind>datasets)/)?(?P<name>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<path>.+)",
        _resolve,
    ),
)
