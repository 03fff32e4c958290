"""The two sides of a comparison: which model answers, and in which way it chooses its words."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from captioner.app.components import wording
from captioner.app.components.decoding_controls import DRAW, KEPT, SEARCH, drawing, searching
from captioner.app.state import resources
from captioner.bundle import storage as bundles
from captioner.bundle.storage import Bundle
from captioner.errors import CaptionerError
from captioner.inference.decoding import DecodingOptions

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

OWN = "the app’s own model"
NAMES = ("A", "B")


@dataclass(frozen=True)
class Side:
    """Who answers, and how."""

    name: str  # A or B
    who: str
    bundle: Bundle
    options: DecodingOptions
    how: str  # the options in words


def key(name: str) -> str:
    """What sets a side's widgets apart, in the address, too."""
    return f"_{name.lower()}"


def way(card: DeltaGenerator, name: str) -> Side:
    """One side's way of choosing words, as its card's widgets or the address say."""
    running = resources.running().bundle
    defaults = resources.captioner().options
    with card:
        st.subheader(f"Answer {name}", anchor=False)
        with st.expander("How it chooses its words", icon=":material/tune:"):
            how = st.segmented_control(
                "Way",
                [SEARCH, DRAW],
                default=SEARCH,
                required=True,
                key=f"way{key(name)}",
                label_visibility="collapsed",
                **KEPT,
            )
            options = _asked(name, defaults, how)
    return Side(name, OWN, running, options, _told(options))


def _asked(name: str, defaults: DecodingOptions, how: str) -> DecodingOptions:
    """A begins as the model was tested, B greedily, so that there is something to compare at once."""
    if how == DRAW:
        return replace(drawing(defaults, NAMES.index(name) + 1, key(name), **KEPT), beams=1)
    return searching(defaults, defaults.beams if name == NAMES[0] else 1, key(name), **KEPT)


def _told(options: DecodingOptions) -> str:
    """Decoding options in words."""
    if options.temperature is not None:
        return (
            f"words drawn by lot, temperature {options.temperature:g}, draw number {options.seed} (sampling)"
        )
    pursued = "1 sentence" if options.beams == 1 else f"{options.beams} sentences"
    kind = "greedy search" if options.beams == 1 else "beam search"
    return f"{pursued} pursued, length exponent {options.length_penalty:g} ({kind})"


def model(card: DeltaGenerator, name: str, others: dict[str, Bundle]) -> Side:
    """One side's model, each searching as it was tested."""
    offered = {OWN: resources.running().bundle, **others}
    with card:
        st.subheader(f"Answer {name}", anchor=False)
        who = st.selectbox("Model", list(offered), index=NAMES.index(name), key=f"model{key(name)}", **KEPT)
    bundle = offered[who]
    from captioner.inference.captioner import (
        default_options,  # here, as it takes LiteRT, for which the title need not wait
    )

    options = default_options(bundle.config)
    return Side(name, who, bundle, options, _told(options))


def ignored(others: dict[str, Bundle]) -> list[str]:
    """A sentence for every model in the address that is not here."""
    asked = [st.query_params.get(f"model{key(name)}", OWN) for name in NAMES]
    return [
        f"The link asks for the model {name[:40]}, which is not here, so it is ignored."
        for name in asked
        if name not in (OWN, *others)
    ]


def folder() -> Path:
    """Where further bundles lie, each in a folder of its own."""
    return Path(resources.setting("CAPTIONER_BUNDLES") or resources.ROOT / "bundles")


def left_out(broken: dict[str, str]) -> None:
    """A warning for each model that is here and cannot be used, and why."""
    for name, sentence in broken.items():
        st.warning(
            f"The model **{wording.escaped(name)}** is left out: {wording.escaped(sentence)}",
            icon=":material/heart_broken:",
        )


def others() -> tuple[dict[str, Bundle], dict[str, str]]:
    """The whole bundles beside the running one by folder name, and a sentence for each that is not."""
    running = resources.running().bundle.checksum
    whole: dict[str, Bundle] = {}
    broken: dict[str, str] = {}
    with st.spinner("Checking the other models …", show_time=True):
        for path in _candidates(folder()):
            try:
                whole[path.name] = _checked(str(path), _sealed(path))
            except CaptionerError as error:
                broken[path.name] = resources.without_paths(str(error))
    return {name: bundle for name, bundle in whole.items() if bundle.checksum != running}, broken


def _candidates(folder: Path) -> list[Path]:
    """Sub-folders; not the hidden ones, nor what is being written or was left by a crash."""
    try:
        inside = sorted(folder.iterdir())
    except OSError:  # no such folder, or closed to us: then there is nothing to compare
        return []
    return [path for path in inside if path.is_dir() and path.name[0] != "." and ".tmp-" not in path.name]


def _sealed(path: Path) -> int:
    """When the bundle was written last; 0 without a manifest."""
    try:
        return (path / bundles.MANIFEST).stat().st_mtime_ns
    except OSError:
        return 0


@st.cache_resource(show_spinner=False, max_entries=32)
def _checked(folder: str, sealed: int) -> Bundle:
    """Read once, and again when its manifest is another; a broken one each time, as it may be mended."""
    return bundles.load(folder)
