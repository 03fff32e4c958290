"""The bundles that lie beside the active one, each in a folder of its own."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from captioner.app.components import wording
from captioner.app.state import resources
from captioner.bundle import storage
from captioner.bundle.storage import Bundle
from captioner.errors import CaptionerError

ACTIVE = "the app’s own model"  # what a page calls the active bundle


def other_bundles() -> tuple[dict[str, Bundle], dict[str, str]]:
    """Every other valid bundle by its folder's name, and for each broken one a sentence that says why."""
    active = resources.running().bundle.checksum
    valid: dict[str, Bundle] = {}
    broken: dict[str, str] = {}
    with st.spinner("Checking the other models …", show_time=True):
        for path in _subfolders(bundles_folder()):
            try:
                valid[path.name] = _loaded(str(path), _manifest_time(path))
            except CaptionerError as error:
                broken[path.name] = resources.without_paths(str(error))
    return {name: bundle for name, bundle in valid.items() if bundle.checksum != active}, broken


def bundles_folder() -> Path:
    return Path(resources.setting("CAPTIONER_BUNDLES") or resources.ROOT / "bundles")


def show_broken(broken: dict[str, str]) -> None:
    """A warning for each bundle that cannot be used, and why."""
    for name, reason in broken.items():
        st.warning(
            f"The model **{wording.escaped(name)}** is left out: {wording.escaped(reason)}",
            icon=":material/heart_broken:",
        )


def _subfolders(folder: Path) -> list[Path]:
    """Neither the hidden ones nor those that are being written or were left by a crash."""
    try:
        paths = sorted(folder.iterdir())
    except OSError:  # no such folder, or no permission: then there are no other bundles
        return []
    return [path for path in paths if path.is_dir() and path.name[0] != "." and ".tmp-" not in path.name]


def _manifest_time(path: Path) -> int:
    """When the bundle was last written, in nanoseconds; 0 without a manifest."""
    try:
        return (path / storage.MANIFEST).stat().st_mtime_ns
    except OSError:
        return 0


@st.cache_resource(show_spinner=False, max_entries=32)
def _loaded(folder: str, manifest_time: int) -> Bundle:
    """Loaded once, and again when its manifest changes. A broken one is tried each time: it may be mended."""
    return storage.load(folder)
