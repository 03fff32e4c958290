"""What all visitors share: the bundle that the app serves and why, its captioner, and the examples."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from captioner.app.state import hub_updates
from captioner.app.state.settings import setting, without_paths
from captioner.bundle import hub, versions
from captioner.bundle import storage as bundles
from captioner.bundle.storage import MANIFEST, Bundle
from captioner.bundle.versions import Version
from captioner.child_process import ROOT
from captioner.errors import BundleError
from captioner.inference import smoke_test

if TYPE_CHECKING:
    from captioner.data.examples import Example
    from captioner.inference.captioner import Captioner

COMMITTED = ROOT / "artifacts"
HUB_STORE = ROOT / "bundles" / "pulled"  # of bundles fetched from the Hub
COMMITTED_SOURCE = "this copy of the app"
EXAMPLES_INTERVAL = 1.0  # seconds after which examples are looked for again, where there were none
LOADING = "Loading the model. This happens once …"
FALLBACK = "The model that came with the app is used."

# For Streamlit's caches: a bundle is identified by its checksum.
HASH_FUNCS: dict[type | str, Callable[[Any], Any]] = {Bundle: lambda bundle: bundle.checksum}

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ActiveBundle:
    """The bundle that the app serves, where it is from, and a sentence that says why it is this one.

    ``store`` is the folder of bundles from the Hub (None: none is wanted), ``version`` what it pointed to.
    """

    bundle: Bundle
    source: str
    reason: str
    store: Path | None = None
    version: Version | None = None


def active_bundle() -> ActiveBundle:
    """The bundle that is served, selected once and again when its files change.

    Where CAPTIONER_REPO is set, this also has the Hub asked for it, and does not wait for the answer.

    Raises:
        BundleError: as ``select_bundle``.
    """
    active = _active_bundle()
    revision = setting("CAPTIONER_REVISION")
    served = active.version.commit if active.version and active.source != COMMITTED_SOURCE else None
    if active.store is None or served == revision:  # a pinned commit never changes
        return active
    status = hub_updates.bundle_status(setting("CAPTIONER_REPO"), revision, active.store)
    return replace(active, reason=f"{active.reason} {without_paths(status)}")


def captioner() -> Captioner:
    """The captioner of the active bundle, loaded once and shared by all visitors.

    Raises:
        BundleError: there is no bundle, or its model does not fit it.
    """
    return _captioner(active_bundle().bundle)


def examples() -> tuple[dict[str, Example], str]:
    """All example pictures by name, and a sentence: where they are from, or why there are none."""
    examples, sentence, _ = _examples(active_bundle().bundle)
    return examples, sentence


def select_bundle(folder: str, repo: str, revision: str, store: Path, committed: Path) -> ActiveBundle:
    """A verified bundle on this disk: the one in ``folder``, else the last from the Hub, else the committed.

    Args:
        folder: CAPTIONER_BUNDLE; empty for none.
        repo: CAPTIONER_REPO, on the Hub; empty for none.
        revision: CAPTIONER_REVISION of it; empty for the newest.
        store: where bundles from the Hub are kept.
        committed: the folder of the bundle that came with the app.

    Raises:
        BundleError: the named folder, or the last resort, the committed one, holds no whole bundle.
    """
    if folder:
        bundle = bundles.load(folder)
        smoke_test.run(bundle)
        return ActiveBundle(bundle, f"the folder {Path(folder).name}", "CAPTIONER_BUNDLE names it.")
    if not repo:
        return ActiveBundle(bundles.load(committed), COMMITTED_SOURCE, FALLBACK)
    version = versions.current(store)
    reason = f"CAPTIONER_REPO names {repo}, which has not been downloaded yet."
    if version and version.repo == repo:
        try:
            bundle = versions.load(store, version)
            _captioner(bundle)
        except BundleError as error:
            log.warning("%s cannot be used: %s", store / version.folder, error)
            reason = f"CAPTIONER_REPO names {repo}, but the last download cannot be used: {error}"
        else:
            return ActiveBundle(bundle, *_hub_source(version, revision), store, version)
    return ActiveBundle(bundles.load(committed), COMMITTED_SOURCE, f"{reason} {FALLBACK}", store, version)


def _hub_source(version: Version, revision: str) -> tuple[str, str]:
    """Source and reason of a bundle from the Hub."""
    source = f"{version.repo} on the Hugging Face Hub, commit {version.commit[:12]}"
    if hub.is_commit(revision) and revision != version.commit:
        return source, f"CAPTIONER_REVISION names {revision[:12]}; until it is here, the last one is used."
    return source, "CAPTIONER_REPO names it."


def _is_current(active: ActiveBundle) -> bool:
    """Whether the folder still holds this bundle, and no other has come from the Hub.

    A folder without a manifest is just being written; in the store it was deleted.
    """
    if active.store and versions.current(active.store) != active.version:
        return False
    try:
        manifest = (active.bundle.folder / MANIFEST).read_bytes()
    except OSError:
        return active.store is None
    return hashlib.sha256(manifest).hexdigest() == active.bundle.checksum


@st.cache_resource(
    show_spinner="Finding the model and checking its files …", show_time=True, validate=_is_current
)
def _active_bundle() -> ActiveBundle:
    folder, repo, revision = (setting(f"CAPTIONER_{name}") for name in ("BUNDLE", "REPO", "REVISION"))
    return select_bundle(folder, repo, revision, HUB_STORE, COMMITTED)


@st.cache_resource(
    show_spinner=LOADING,
    show_time=True,
    max_entries=1,
    hash_funcs=HASH_FUNCS,
)
def _captioner(bundle: Bundle) -> Captioner:
    from captioner.inference.captioner import Captioner  # late: the page's title need not wait for LiteRT

    return Captioner(bundle)


def _any_found(library: tuple[dict[str, Any], str, float]) -> bool:
    """Whether a cached answer still holds: where none were found, some may have come since."""
    examples, _, when = library
    return bool(examples) or time.monotonic() - when < EXAMPLES_INTERVAL


@st.cache_resource(
    show_spinner="Looking for the pictures …", show_time=True, validate=_any_found, hash_funcs=HASH_FUNCS
)
def _examples(bundle: Bundle) -> tuple[dict[str, Example], str, float]:
    """As ``examples``, and when they were looked for, in seconds of the monotonic clock."""
    from captioner.data import examples as sources  # late: it imports huggingface_hub

    examples, sentence = sources.find(bundle, download=False)
    if not examples:
        sentence = without_paths(f"{sentence} {hub_updates.examples_status()}").strip()
    return {example.name: example for example in examples}, sentence, time.monotonic()
