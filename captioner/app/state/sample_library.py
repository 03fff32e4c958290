"""The sample pictures, found once for all visitors: pictures that no model here was trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from captioner.app.state import hub_updates, serving
from captioner.app.state.serving import BY_CHECKSUM
from captioner.app.state.settings import without_paths
from captioner.bundle.storage import Bundle

if TYPE_CHECKING:
    from captioner.data.samples import Sample


def samples() -> tuple[dict[str, Sample], str]:
    """All sample pictures by name, and a sentence: where they are from, or why there are none."""
    bundle = serving.active_bundle().bundle
    with st.spinner("Looking for the pictures …", show_time=True):
        return _samples(bundle)


def _any_found(library: tuple[dict[str, Any], str]) -> bool:
    """Whether a cached answer still holds: where none were found, some may have come since."""
    return bool(library[0])


@st.cache_resource(show_spinner=False, validate=_any_found, hash_funcs=BY_CHECKSUM)
def _samples(bundle: Bundle) -> tuple[dict[str, Sample], str]:
    from captioner.data import samples as sources  # late: it imports huggingface_hub

    samples, sentence = sources.find(bundle, download=False)
    if not samples:
        sentence = f"{sentence} {without_paths(hub_updates.samples_status())}".strip()
    return {sample.name: sample for sample in samples}, sentence
