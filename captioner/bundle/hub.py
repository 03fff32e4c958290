"""A folder ⇄ the Hugging Face Hub; knows nothing of models.

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
from captioner.bundle.hub_errors import explained
from captioner.bundle.manifest import MAX_BYTES, check_name
from captioner.bundle.storage import MANIFEST, Bundle
from captioner.errors import BundleError, HubError

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi

CARD = "README.md"
SAMPLES_NOTICE = "The photographs in samples/ belong to the people who took them, not to who publishes them."
INFO_BYTES = 10_000_000  # of the Hub's description of a repository
MANIFEST_BYTES = 1_000_000

_COMMIT = re.compile(r"[0-9a-f]{40}")
BundleCheck: TypeAlias = Callable[[Bundle], object]


@dataclass(frozen=True)
class Pushed:
    """``url`` and 40-digit id of the commit made, and the files in it; no id after a dry run."""

    url: str
    commit: str
    files: tuple[str, ...]


def push(
    folder: str | Path,
    repo: str,
    *,
    revision: str | None = None,
    samples: bool = False,
    private: bool = False,
    dry_run: bool = False,
) -> Pushed:
    """Publish a verified bundle as one commit; the repository and the branch are made if need be.

    The commit holds the files that the manifest names and nothing else of the folder, and removes what an
    earlier bundle left in the repository. Sample pictures stay at home unless asked for, because they are
    other people's (``SAMPLES_NOTICE``): the manifest is sealed anew without them.

    Args:
        repo: ``user/name``.
        revision: a branch; None is the main one.
        dry_run: check and say what would be sent, and send nothing.

    Raises:
        BundleError: the folder holds no whole bundle.
        HubError: the name is bad, the token does not suffice, the Hub refuses or cannot be reached.
    """
    whole = storage.load(folder)
    if CARD not in whole.files:
        raise HubError(f"{folder} lacks {CARD}, the model card. Have it written with evaluate --write.")
    files = _files_to_send(whole, samples)
    with explained(repo, revision):
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
            commit_description=SAMPLES_NOTICE if samples and whole.samples else "",
            revision=revision,
        )
    return Pushed(commit.commit_url, commit.oid, tuple(files))


def pull(repo: str, revision: str | None, folder: str | Path, check: BundleCheck | None = None) -> Bundle:
    """Fetch a bundle, verify all of it, and only then put it in place of the one in ``folder``.

    Nothing but the files that its manifest names is fetched.

    Args:
        repo: ``user/name``.
        revision: a commit, which can never change, or a branch or tag; None is the main branch.
        folder: where the bundle goes.
        check: called with the downloaded bundle; a ``BundleError`` from it stops the pull.

    Raises:
        BundleError: the folder holds something else.
        HubError: the repository, the revision or a bundle in it was not found, the token does not suffice,
            the Hub cannot be reached or is too slow, the disk is full, a file was altered, the bundle was
            tried and failed. What was in ``folder`` still is.
    """
    folder = Path(folder).resolve()
    storage.refuse_foreign(folder)
    with explained(repo, revision), versions.staging(folder.with_name(f"{folder.name}.tmp-pull")) as files:
        commit, hashes = _resolve(repo, revision)
        with _as_hub_error(repo, commit):
            arrived = _fetch(repo, commit, hashes, files)
            if check:
                check(arrived)
            return storage.write(folder, {name: files / name for name in arrived.files}, arrived.format)


def update(repo: str, revision: str | None, store: str | Path, check: BundleCheck) -> Bundle:
    """Have the newest version of a bundle in a store (``storage``); fetch it unless it is there already.

    Raises:
        HubError: as ``pull`` does. The version that the store pointed to still is the one.
    """
    store = Path(store).resolve()
    with explained(repo, revision), versions.staging(store / ".tmp-pull") as files:
        commit, hashes = _resolve(repo, revision)
        if here := _already_stored(store, repo, commit):
            return here
        with _as_hub_error(repo, commit):
            if why := versions.refused(store, repo, commit):
                raise BundleError(why)
            arrived = _fetch(repo, commit, hashes, files)
            try:
                check(arrived)
            except BundleError as error:
                versions.refuse(store, repo, commit, str(error))
                raise
            return versions.add(store, repo, commit, files)


def is_commit(revision: str | None) -> bool:
    """Whether it is a full commit id, which can never stand for something else."""
    return bool(_COMMIT.fullmatch(revision or ""))


def _api(repo: str) -> HfApi:
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

    if "/" not in repo:  # the client takes it for one of the oldest models, which have no user
        raise HFValidationError(f"Repo id lacks the user: {repo!r}.")
    validate_repo_id(repo)
    return HfApi(endpoint=download.endpoint())


@contextmanager
def _as_hub_error(repo: str, commit: str) -> Iterator[None]:
    try:
        yield
    except BundleError as error:
        raise HubError(f"{repo} at {commit[:12]} was not taken over: {error}") from error


def _already_stored(store: Path, repo: str, commit: str) -> Bundle | None:
    version = versions.current(store)
    if not version or (version.repo, version.commit) != (repo, commit):
        return None
    try:
        return versions.load(store, version)
    except BundleError:  # damaged since: then it is fetched again
        return None


def _resolve(repo: str, revision: str | None) -> tuple[str, dict[str, str]]:
    """The commit that a revision stands for, and the SHA-256 of those of its files that the Hub tells."""
    _api(repo)
    data = download.read(download.info_url(repo, revision), INFO_BYTES)
    try:
        info = json.loads(data)
        files = [file for file in info["siblings"] if file.get("lfs")]
        commit, hashes = str(info["sha"]), {file["rfilename"]: file["lfs"]["sha256"] for file in files}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise HubError(hub_errors.NOT_THE_HUB.format(repo)) from error
    if not is_commit(commit):
        raise HubError(hub_errors.NOT_THE_HUB.format(repo))
    return commit, hashes


def _fetch(repo: str, commit: str, hashes: Mapping[str, str], folder: Path) -> Bundle:
    """The manifest first: it says what else there is, and how large. The largest file comes last."""
    with _not_found(f"{repo} holds no captioner bundle ({MANIFEST} is missing). Check name and revision."):
        _save(repo, commit, MANIFEST, MANIFEST_BYTES, folder)
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
    with explained(f"{name} of {repo}", commit):
        download.save(download.file_url(repo, commit, name), folder / name, limit)


@contextmanager
def _not_found(sentence: str) -> Iterator[None]:
    from huggingface_hub.errors import EntryNotFoundError

    try:
        yield
    except HubError as error:
        raise HubError(sentence) if isinstance(error.__cause__, EntryNotFoundError) else error from error


def _files_to_send(whole: Bundle, samples: bool) -> dict[str, bytes]:
    """What is sent: each file as the manifest has it, which is sealed anew if the sample pictures stay."""
    kept = [name for name in whole.files if samples or not name.startswith("samples/")]
    files = {name: manifest.content(whole.folder, name, whole.files[name]) for name in sorted(kept)}
    entries = {name: asdict(whole.files[name]) for name in kept}
    return {**files, MANIFEST: manifest.canonical({"files": entries, "format": whole.format})}


def _changes(
    api: HfApi, repo: str, revision: str | None, files: dict[str, bytes]
) -> list[CommitOperationAdd | CommitOperationDelete]:
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    there = api.list_repo_files(repo, revision=revision)
    stale = [name for name in there if _is_ours(name) and name not in files]
    added = [CommitOperationAdd(name, data) for name, data in files.items()]
    return [*added, *map(CommitOperationDelete, stale)]


def _is_ours(name: str) -> bool:
    try:
        check_name(name)
    except BundleError:
        return name == MANIFEST
    return True
