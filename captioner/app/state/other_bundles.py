"""The bundles that can be compared with the active one: the sub-folders of CAPTIONER_OTHER_BUNDLES."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from captioner.app.state import serving
from captioner.app.state.settings import setting, without_paths
from captioner.bundle import ratings, storage
from captioner.bundle.storage import Bundle
from captioner.child_process import ROOT
from captioner.errors import BundleError, CaptionerError

ACTIVE = "the app’s own model"  # what a page calls the active bundle


def load() -> tuple[dict[str, Bundle], dict[str, str]]:
    """Every other valid bundle by its folder's name, and for each broken one a sentence that says why."""
    active = serving.active_bundle().bundle.checksum
    valid: dict[str, Bundle] = {}
    broken: dict[str, str] = {}
    for path in _subfolders(bundles_folder()):
        try:
            valid[path.name] = _loaded(str(path), _manifest_time(path))
        except CaptionerError as error:
            broken[path.name] = without_paths(str(error))
    return {name: bundle for name, bundle in valid.items() if bundle.checksum != active}, broken


def readable() -> tuple[dict[str, Bundle], dict[str, str]]:
    """As ``load``, with only those valid whose history, scores and ratings can be read, too."""
    bundles, broken = load()
    valid = {}
    for name, bundle in bundles.items():
        try:
            bundle.history()
            bundle.metrics()
            ratings.read(bundle)
            valid[name] = bundle
        except BundleError as error:
            broken[name] = str(error)
    return valid, broken


def bundles_folder() -> Path:
    return Path(setting("CAPTIONER_OTHER_BUNDLES") or ROOT / "bundles")


def _subfolders(folder: Path) -> list[Path]:
    """Neither hidden, nor being written or left by a crash, nor the store of downloaded bundles."""
    try:
        paths = sorted(folder.iterdir())
    except OSError:  # no such folder, or no permission: then there are no other bundles
        return []
    bundles = [path for path in paths if path.is_dir() and path != serving.HUB_STORE]
    return [path for path in bundles if path.name[0] != "." and ".tmp-" not in path.name]


def _manifest_time(path: Path) -> int:
    """When the bundle was last written, in nanoseconds; 0 without a manifest."""
    try:
        return (path / storage.MANIFEST).stat().st_mtime_ns
    except OSError:
        return 0


@st.cache_resource(show_spinner="Checking the other models …", max_entries=32)
def _loaded(folder: str, manifest_time: int) -> Bundle:
    """Loaded once, and again when its manifest changes; a broken one is tried each time."""
    return storage.load(folder)
