"""Repositories as the fake Hub keeps them: commits in memory, and how answers describe files."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

GIT_ATTRIBUTES = b"*.tflite filter=lfs diff=lfs merge=lfs -text\n"
LFS = (".tflite", ".parquet", ".jpg", ".png", ".webp")


Json = dict[str, Any]


@dataclass(frozen=True)
class Commit:
    """One state of a repository; oid is 40 hexadecimal digits."""

    oid: str
    message: str
    files: dict[str, bytes]


@dataclass
class Repository:
    name: str
    private: bool = False
    commits: list[Commit] = field(default_factory=list)
    branches: dict[str, str] = field(default_factory=dict)

    def commit(self, message: str, changes: dict[str, bytes | None], branch: str = "main") -> Commit:
        """Append a commit; None deletes a file. The first one brings .gitattributes, as on the real Hub."""
        parent = self.at(branch)
        files = dict(parent.files) if parent else {".gitattributes": GIT_ATTRIBUTES}
        files.update({path: data for path, data in changes.items() if data is not None})
        for path in [path for path, data in changes.items() if data is None]:
            del files[path]
        state = [self.name, len(self.commits), message, {path: sha256(data) for path, data in files.items()}]
        made = Commit(hashlib.sha1(json.dumps(state).encode()).hexdigest(), message, files)
        self.commits.append(made)
        self.branches[branch] = made.oid
        return made

    def at(self, revision: str) -> Commit | None:
        """The commit of a branch or an oid."""
        oid = self.branches.get(revision, revision)
        return next((commit for commit in self.commits if commit.oid == oid), None)


def entries(commit: Commit) -> list[Json]:
    """The Hub's description of the files of a commit."""

    def entry(path: str, data: bytes) -> Json:
        blob = blob_id(data)
        plain = {"type": "file", "path": path, "size": len(data), "oid": blob, "blobId": blob}
        lfs = {"oid": sha256(data), "sha256": sha256(data), "size": len(data), "pointerSize": 130}
        return {**plain, "lfs": lfs} if path.endswith(LFS) else plain

    return [entry(path, data) for path, data in sorted(commit.files.items())]


def etag(path: str, data: bytes) -> str:
    return sha256(data) if path.endswith(LFS) else blob_id(data)


def blob_id(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
