"""A folder ⇄ the Hugging Face Hub; knows nothing of models.

``huggingface_hub`` is imported where it is used: captioning a picture does not need it. It reads HF_ENDPOINT
when it is imported, so the address goes along with every call instead. HF_TOKEN is the token. A Hub without
xet storage (a mirror) can only be pushed to with HF_HUB_DISABLE_XET=1 set before the process starts.
"""

from __future__ import annotations

import errno
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from captioner import bundle
from captioner.bundle import MANIFEST, Bundle
from captioner.errors import BundleError, CaptionerError, HubError
from captioner.manifest import MAX_BYTES, check_name

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi

CARD = "README.md"
SAMPLES_NOTICE = "The photographs in samples/ belong to the people who took them, not to who publishes them."
TIMEOUT = 10.0  # seconds for the first answer, before anything is transferred

_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class Pushed:
    """``url`` and 40-digit id of the commit made, and the files in it; no id after a dry run."""

    url: str
    commit: str
    files: tuple[str, ...]


@dataclass(frozen=True)
class Origin:
    """Where a pulled bundle came from; ``revision`` is the commit's 40 digits, ``checksum`` the bundle's."""

    repo: str
    revision: str
    checksum: str


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
    whole = bundle.load(folder)
    if CARD not in whole.files:
        raise HubError(f"{folder} lacks {CARD}, the model card. Have it written with evaluate --write.")
    kept = {name: whole.folder / name for name in whole.files if samples or not name.startswith("samples/")}
    with explained(repo, revision), tempfile.TemporaryDirectory(prefix="captioner-push-") as staging:
        api = _api(repo)
        sealed = bundle.write(Path(staging) / "bundle", kept)
        files = (*sorted(sealed.files), MANIFEST)
        if dry_run:
            return Pushed(f"{api.endpoint}/{repo}", "", files)
        api.create_repo(repo, private=private, exist_ok=True)
        if revision not in (None, "main"):
            api.create_branch(repo, branch=str(revision), exist_ok=True)
        commit = api.create_commit(
            repo,
            _changes(api, repo, revision, {name: sealed.folder / name for name in files}),
            commit_message=f"Bundle {sealed.checksum[:12]}",
            commit_description=SAMPLES_NOTICE if sealed.samples else "",
            revision=revision,
        )
    return Pushed(commit.commit_url, commit.oid, files)


def pull(
    repo: str,
    revision: str | None,
    folder: str | Path,
    tried: Callable[[Bundle], object] | None = None,
) -> Bundle:
    """Fetch a bundle, verify all of it, and only then put it in place of the one in ``folder``.

    A full commit id that is already there costs no request. Nothing but the files of a bundle is fetched.

    Args:
        repo: ``user/name``.
        revision: a commit, which can never change, or a branch or tag; None is the main branch.
        folder: where the bundle goes.
        tried: gets the bundle that arrived; raises ``BundleError`` if it is not to be put there.

    Raises:
        HubError: the repository, the revision or a bundle in it was not found, the token does not suffice,
            the Hub cannot be reached, the disk is full, a file was altered, the bundle was tried and failed.
            What was in ``folder`` still is.
    """
    folder = Path(folder).resolve()
    if here := _pulled_before(repo, revision, folder):
        return here
    with explained(repo, revision), tempfile.TemporaryDirectory(prefix="captioner-pull-") as staging:
        api = _api(repo)
        commit, names = _listing(api, repo, revision)
        api.snapshot_download(repo, revision=commit, allow_patterns=names, local_dir=staging)
        try:
            arrived = bundle.load(staging)
            if tried:
                tried(arrived)
            pulled = bundle.write(folder, {name: Path(staging) / name for name in arrived.files})
        except BundleError as error:
            raise HubError(f"{repo} at {commit[:12]} was not taken over: {error}") from error
        came = asdict(Origin(repo, commit, pulled.checksum))
        _origin_file(folder).write_text(json.dumps(came), encoding="utf-8")
    return pulled


def origin(here: Bundle) -> Origin | None:
    """Where this very bundle was pulled from; None when it was trained here or changed since."""
    try:
        found = Origin(**json.loads(_origin_file(here.folder.resolve()).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return found if found.checksum == here.checksum else None


@contextmanager
def explained(repo: str, revision: str | None) -> Iterator[None]:
    """Turns what the client raises into a ``HubError``; what has no sentence is a bug and passes through."""
    try:
        yield
    except CaptionerError:  # has its sentence, whatever caused it
        raise
    except Exception as error:
        sentence = _sentence(error, repo, revision)
        if sentence is None:
            raise
        raise HubError(sentence) from error


def _sentence(error: BaseException, repo: str, revision: str | None) -> str | None:
    import httpx2
    from huggingface_hub import errors

    match error:
        case errors.HFValidationError():
            return f"a repository is named user/name, of letters, digits, '-', '_' and '.'; got {repo!r}."
        case errors.RevisionNotFoundError():
            return f"{repo} has no revision {revision!r}. Name a branch, a tag or a full commit id."
        case errors.GatedRepoError():
            return f"{repo} is gated. Accept its terms on the Hub and set HF_TOKEN to that account's token."
        case errors.RepositoryNotFoundError():
            return f"{repo} is not on the Hub, or is private. Check the name, or set HF_TOKEN."
        case errors.HfHubHTTPError() if error.response.status_code in (401, 403):
            return f"the Hub refuses this token for {repo}. Set HF_TOKEN to one that may do this."
        case errors.HfHubHTTPError():
            return f"the Hub answered {error.response.status_code} for {repo}. Try again later."
        case ConnectionError() if "xet-write-token" in str(error):
            return "this Hub has no xet storage. Set HF_HUB_DISABLE_XET=1 and push again."
        case errors.LocalEntryNotFoundError() | httpx2.TransportError() | ConnectionError():
            return f"the Hub could not be reached for {repo}. Check the network, or try again later."
        case OSError(errno=errno.ENOSPC | errno.EDQUOT):
            return f"the disk is full; {repo} was not transferred. Make room and try again."
    # The client wraps a failed upload in a RuntimeError, a repository not found in a FileNotFoundError.
    if error.__cause__:
        return _sentence(error.__cause__, repo, revision)
    if isinstance(error, FileNotFoundError):
        return f"{repo} lacks a file: {error}."
    # The client reads whatever comes with status 200 as the Hub's JSON.
    if isinstance(error, ValueError | KeyError | TypeError):
        return (
            f"what answered for {repo} is not the Hugging Face Hub but, say, a network's login page. "
            "Check the network and HF_ENDPOINT."
        )
    # A file that arrived short, for one.
    return f"{repo} was not transferred ({error}). Try again." if isinstance(error, OSError) else None


def _api(repo: str) -> HfApi:
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

    if "/" not in repo:  # the client takes it for one of the oldest models, which have no user
        raise HFValidationError(f"Repo id lacks the user: {repo!r}.")
    validate_repo_id(repo)
    return HfApi(endpoint=os.environ.get("HF_ENDPOINT") or None)


def _listing(api: HfApi, repo: str, revision: str | None) -> tuple[str, list[str]]:
    """The commit that a revision stands for, and the files of a bundle in it."""
    info = api.model_info(repo, revision=revision, files_metadata=True, timeout=TIMEOUT)
    sizes = {file.rfilename: file.size or 0 for file in info.siblings or () if _is_ours(file.rfilename)}
    if MANIFEST not in sizes:
        raise HubError(f"{repo} holds no captioner bundle ({MANIFEST} is missing). Check name and revision.")
    if (size := sum(sizes.values())) > MAX_BYTES:
        raise HubError(f"{repo} holds {size // 10**6} MB; a bundle has {MAX_BYTES // 10**6} MB at most.")
    return str(info.sha), list(sizes)


def _changes(
    api: HfApi, repo: str, revision: str | None, files: dict[str, Path]
) -> list[CommitOperationAdd | CommitOperationDelete]:
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    there = api.list_repo_files(repo, revision=revision)
    stale = [name for name in there if _is_ours(name) and name not in files]
    added = [CommitOperationAdd(name, path) for name, path in files.items()]
    return [*added, *map(CommitOperationDelete, stale)]


def _is_ours(name: str) -> bool:
    try:
        check_name(name)
    except BundleError:
        return name == MANIFEST
    return True


def _origin_file(folder: Path) -> Path:
    """Beside the folder, since inside it only the manifest decides what counts."""
    return folder.with_name(f"{folder.name}.origin.json")


def _pulled_before(repo: str, revision: str | None, folder: Path) -> Bundle | None:
    if not _COMMIT.fullmatch(revision or "") or not _origin_file(folder).exists():
        return None
    try:
        here = bundle.load(folder)
    except BundleError:  # then it is fetched again
        return None
    came = origin(here)
    return here if came and (came.repo, came.revision) == (repo, revision) else None
