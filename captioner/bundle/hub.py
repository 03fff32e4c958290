"""Pushes bundles to the Hugging Face Hub and pulls them; does not load the model.

``huggingface_hub`` is imported where it is used: captioning a picture does not need it. It reads HF_ENDPOINT
when it is imported, so the address goes along with every call instead. HF_TOKEN is the token. A Hub without
xet storage (a mirror) can only be pushed to with HF_HUB_DISABLE_XET=1 set before the process starts.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from captioner.bundle import download, hub_errors, manifest, storage, versions
from captioner.bundle.hub_errors import translated_errors
from captioner.bundle.manifest import MAX_BYTES, check_name
from captioner.bundle.storage import MANIFEST, Bundle
from captioner.errors import BundleError, HubError

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi

CARD = "README.md"
EXAMPLES_NOTICE = (
    "The photographs in examples/ belong to the people who took them, not to whoever publishes them."
)
MAX_INFO_BYTES = 10_000_000  # of the Hub's description of a repository
MAX_MANIFEST_BYTES = 1_000_000

_COMMIT = re.compile(r"[0-9a-f]{40}")
BundleCheck: TypeAlias = Callable[[Bundle], object]


@dataclass(frozen=True)
class Pushed:
    """The commit made: its URL, its 40-digit id (empty after a dry run), and the files in it."""

    url: str
    commit: str
    files: tuple[str, ...]


def push(
    folder: str | Path,
    repo: str,
    *,
    revision: str | None = None,
    examples: bool = False,
    private: bool = False,
    dry_run: bool = False,
) -> Pushed:
    """Publish a verified bundle as one commit; the repository and the branch are created if needed.

    The commit holds the files that the manifest names and nothing else of the folder, and removes the
    files of an earlier bundle from the repository. Example pictures are left out unless ``examples`` is true,
    because they belong to other people (``EXAMPLES_NOTICE``); the manifest sent does not name them then.

    Args:
        repo: ``user/name``.
        revision: a branch; None is the main one.
        dry_run: check and list the files, send nothing.

    Raises:
        BundleError: the folder is not a complete bundle.
        HubError: the name is malformed, the token is not sufficient, the Hub refuses or cannot be reached.
    """
    bundle = storage.load(folder)
    if CARD not in bundle.files:
        raise HubError(f"{folder} lacks {CARD}, the model card. Write it with evaluate --write.")
    files = _files_to_send(bundle, examples)
    with translated_errors(repo, revision):
        api = _api(repo)
        if dry_run:
            return Pushed(f"{api.endpoint}/{repo}", "", tuple(files))
        api.create_repo(repo, private=private, exist_ok=True)
        if revision not in (None, "main"):
            api.create_branch(repo, branch=str(revision), exist_ok=True)
        commit = api.create_commit(
            repo,
            _changes(api, repo, revision, files),
            commit_message=f"Bundle {hashlib.sha256(files[MANIFEST]).hexdigest()[:12]}",
            commit_description=EXAMPLES_NOTICE if examples and bundle.examples else "",
            revision=revision,
        )
    return Pushed(commit.commit_url, commit.oid, tuple(files))


def pull(repo: str, revision: str | None, folder: str | Path, check: BundleCheck | None = None) -> Bundle:
    """Download a bundle, verify it, and only then replace the one in ``folder``.

    Only files that its manifest names are downloaded.

    Args:
        repo: ``user/name``.
        revision: a commit, branch or tag; None is the main branch.
        folder: where the bundle goes.
        check: called with the downloaded bundle; a ``BundleError`` from it stops the pull.

    Raises:
        BundleError: the folder holds something other than a bundle.
        HubError: the repository, the revision or a bundle in it was not found, the token is not sufficient,
            the Hub cannot be reached or is too slow, the disk is full, a file was altered, or ``check``
            failed. ``folder`` is then unchanged.
    """
    folder = Path(folder).resolve()
    storage.refuse_foreign(folder)
    with (
        translated_errors(repo, revision),
        versions.staging(folder.with_name(f"{folder.name}.tmp-pull")) as files,
    ):
        commit, hashes = _resolve(repo, revision)
        with _as_hub_error(repo, commit):
            downloaded = _download(repo, commit, hashes, files)
            if check:
                check(downloaded)
            return storage.write(folder, {name: files / name for name in downloaded.files}, downloaded.format)


def update(repo: str, revision: str | None, store: str | Path, check: BundleCheck) -> Bundle:
    """Download the newest version of a bundle into a store (``versions``), unless it is there already.

    Raises:
        HubError: as ``pull`` does. The store's current version is then unchanged.
    """
    store = Path(store).resolve()
    with translated_errors(repo, revision), versions.staging(store / ".tmp-pull") as files:
        commit, hashes = _resolve(repo, revision)
        if stored := _already_stored(store, repo, commit):
            return stored
        with _as_hub_error(repo, commit):
            if reason := versions.rejection(store, repo, commit):
                raise BundleError(reason)
            downloaded = _download(repo, commit, hashes, files)
            try:
                check(downloaded)
            except BundleError as error:
                versions.reject(store, repo, commit, str(error))
                raise
            return versions.add(store, repo, commit, files)


def is_commit(revision: str | None) -> bool:
    """Whether a revision is a full commit id, which never changes, unlike a branch."""
    return bool(_COMMIT.fullmatch(revision or ""))


def _api(repo: str) -> HfApi:
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

    if "/" not in repo:  # the client accepts it, as the oldest models have no user
        raise HFValidationError(f"Repo id lacks the user: {repo!r}.")
    validate_repo_id(repo)
    return HfApi(endpoint=download.endpoint())


@contextmanager
def _as_hub_error(repo: str, commit: str) -> Iterator[None]:
    try:
        yield
    except BundleError as error:
        raise HubError(f"{repo} at {commit[:12]} was rejected: {error}") from error


def _already_stored(store: Path, repo: str, commit: str) -> Bundle | None:
    version = versions.current(store)
    if not version or (version.repo, version.commit) != (repo, commit):
        return None
    try:
        return versions.load(store, version)
    except BundleError:  # damaged since: download it again
        return None


def _resolve(repo: str, revision: str | None) -> tuple[str, dict[str, str]]:
    """The commit of a revision, and the SHA-256 of those of its files for which the Hub has one."""
    _api(repo)
    data = download.read(download.info_url(repo, revision), MAX_INFO_BYTES)
    try:
        info = json.loads(data)
        files = [file for file in info["siblings"] if file.get("lfs")]
        commit, hashes = str(info["sha"]), {file["rfilename"]: file["lfs"]["sha256"] for file in files}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise HubError(hub_errors.NOT_THE_HUB.format(repo)) from error
    if not is_commit(commit):
        raise HubError(hub_errors.NOT_THE_HUB.format(repo))
    return commit, hashes


def _download(repo: str, commit: str, hashes: Mapping[str, str], folder: Path) -> Bundle:
    """Download the manifest, which lists names and sizes, then the files, the smallest first."""
    with _not_found(f"{repo} holds no captioner bundle ({MANIFEST} is missing). Check name and revision."):
        _save(repo, commit, MANIFEST, MAX_MANIFEST_BYTES, folder)
    entries, _ = manifest.entries(folder)
    if (size := sum(entry.size for entry in entries.values())) > MAX_BYTES:
        raise HubError(f"{repo} holds {size // 10**6} MB; a bundle has {MAX_BYTES // 10**6} MB at most.")
    for name, entry in entries.items():
        if hashes.get(name, entry.sha256) != entry.sha256:
            raise BundleError(f"{name} was altered: its SHA-256 is not that in {MANIFEST}. Push it again.")
    for name, entry in sorted(entries.items(), key=lambda item: item[1].size):
        _save(repo, commit, name, entry.size, folder)
        manifest.check(folder, name, entry)
    return storage.load(folder)


def _save(repo: str, commit: str, name: str, limit: int, folder: Path) -> None:
    with translated_errors(f"{name} of {repo}", commit):
        download.save(download.file_url(repo, commit, name), folder / name, limit)


@contextmanager
def _not_found(sentence: str) -> Iterator[None]:
    from huggingface_hub.errors import EntryNotFoundError

    try:
        yield
    except HubError as error:
        raise HubError(sentence) if isinstance(error.__cause__, EntryNotFoundError) else error from error


def _files_to_send(bundle: Bundle, examples: bool) -> dict[str, bytes]:
    """The files to send and a manifest of them, without the example pictures if these are left out."""
    names = [name for name in bundle.files if examples or "/" not in name]
    files = {name: manifest.content(bundle.folder, name, bundle.files[name]) for name in sorted(names)}
    entries = {name: asdict(bundle.files[name]) for name in names}
    return {**files, MANIFEST: manifest.canonical({"files": entries, "format": bundle.format})}


def _changes(
    api: HfApi, repo: str, revision: str | None, files: dict[str, bytes]
) -> list[CommitOperationAdd | CommitOperationDelete]:
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    remote = api.list_repo_files(repo, revision=revision)
    stale = [name for name in remote if _is_bundle_file(name) and name not in files]
    added = [CommitOperationAdd(name, data) for name, data in files.items()]
    return [*added, *map(CommitOperationDelete, stale)]


def _is_bundle_file(name: str) -> bool:
    try:
        check_name(name)
    except BundleError:
        return name == MANIFEST
    return True
