"""Translates the errors of the Hub's client into ``HubError``, whose message is meant for users."""

from __future__ import annotations

import errno
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from captioner.errors import CaptionerError, HubError

NOT_THE_HUB = (
    "what answered for {} is not the Hugging Face Hub but, say, a network's login page. "
    "Check the network and HF_ENDPOINT."
)


@contextmanager
def translated_errors(repo: str, revision: str | None) -> Iterator[None]:
    """Raises the client's errors as ``HubError``; an error without a message here is a bug and passes."""
    try:
        yield
    except CaptionerError:  # has its message already
        raise
    except Exception as error:
        message = _message(error, repo, revision)
        if message is None:
            raise
        raise HubError(message) from error


def _message(error: BaseException, repo: str, revision: str | None) -> str | None:
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
        case errors.EntryNotFoundError() if not isinstance(error, errors.LocalEntryNotFoundError):
            return f"{repo} is not on the Hub, though its manifest names it. Push the bundle again."
        case errors.HfHubHTTPError() if error.response.status_code in (401, 403):
            status = error.response.status_code
            return f"the Hub refuses this token for {repo} ({status}). Set HF_TOKEN to one that may do this."
        case errors.HfHubHTTPError():
            return f"the Hub answered {error.response.status_code} for {repo}. Try again later."
        case ConnectionError() if "xet-write-token" in str(error):
            return "this Hub has no xet storage. Set HF_HUB_DISABLE_XET=1 and push again."
        case httpx2.TooManyRedirects():
            return f"the Hub's answer for {repo} redirects in a loop. Check HF_ENDPOINT, or try again later."
        case httpx2.InvalidURL() | httpx2.UnsupportedProtocol():
            return f"HF_ENDPOINT gives no valid address for {repo} ({error}). Correct it."
        case httpx2.DecodingError():
            return NOT_THE_HUB.format(repo)
        case httpx2.ReadError() | httpx2.RemoteProtocolError():
            return f"the connection to the Hub broke off while {repo} was read. Try again later."
        case httpx2.TimeoutException():
            return f"the Hub does not answer for {repo}, or answers too slowly. Try again later."
        case errors.LocalEntryNotFoundError() | httpx2.TransportError() | ConnectionError():
            return f"the Hub could not be reached for {repo}. Check the network, or try again later."
        case OSError(errno=errno.ENOSPC | errno.EDQUOT):
            return f"the disk is full; {repo} was not transferred. Make room and try again."
    # The client wraps a failed upload in a RuntimeError, a repository not found in a FileNotFoundError.
    if error.__cause__:
        return _message(error.__cause__, repo, revision)
    if isinstance(error, FileNotFoundError):
        return f"{repo} lacks a file: {error}."
    if isinstance(error, ValueError | KeyError | TypeError | AttributeError) and _raised_in_client(error):
        return NOT_THE_HUB.format(repo)
    return f"{repo} was not transferred ({error}). Try again." if isinstance(error, OSError) else None


def _raised_in_client(error: BaseException) -> bool:
    """Whether an error was raised in the client, which parses any answer of status 200 as the Hub's JSON.

    The same errors raised in captioner are bugs. Frames of the json module belong to their caller.
    """
    modules = [str(frame.f_globals.get("__name__")) for frame, _ in traceback.walk_tb(error.__traceback__)]
    packages = [name.partition(".")[0] for name in modules]
    return next((name for name in reversed(packages) if name != "json"), "") in ("huggingface_hub", "httpx2")
