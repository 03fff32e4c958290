"""The two configurations of a comparison: which model captions, and with which decoding options."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import streamlit as st

from captioner.app.compare import texts
from captioner.app.components.decoding_controls import (
    CONSENSUS,
    IN_ADDRESS,
    SAMPLING,
    beam_search_controls,
    mode_control,
    sampling_controls,
    without_samples,
)
from captioner.app.state import serving
from captioner.app.state.other_bundles import ACTIVE
from captioner.bundle.storage import Bundle
from captioner.inference.decoding import DecodingOptions

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

LABELS = ("A", "B")


@dataclass(frozen=True)
class Configuration:
    """A model and its decoding options."""

    label: str  # A or B
    model: str  # its name
    bundle: Bundle
    options: DecodingOptions

    @property
    def summary(self) -> str:
        """The decoding options in words."""
        options = self.options
        if options.temperature is not None:
            creativity = f"creativity {options.temperature:g}"
            return f"words picked at random (sampling), {creativity}, version {options.seed}"
        if options.consensus:
            return f"the sentence that agrees best with {options.samples} random versions (consensus)"
        method = (
            "the likeliest word each time (greedy search)"
            if options.beams == 1
            else f"{options.beams} sentences followed at once (beam search)"
        )
        preferred = f"longer sentences preferred (length penalty {options.length_penalty:g})"
        return f"{method}, {preferred if options.length_penalty else 'no preference for longer sentences'}"


def key_suffix(label: str) -> str:
    """Suffix of the keys of A's or B's widgets, and of their names in the address."""
    return f"_{label.lower()}"


def choose_options(card: DeltaGenerator, label: str) -> Configuration:
    """The active model with the decoding options that the card's widgets, or the address, ask for."""
    active = serving.active_bundle().bundle
    defaults = serving.captioner().options
    with card:
        st.subheader(texts.CAPTION.format(label=label), anchor=False)
        with st.expander(texts.HOW_IT_CHOOSES, icon=":material/tune:"):
            consensus = defaults.consensus and label == LABELS[0]
            method = mode_control(key_suffix(label), consensus=consensus, label_visibility="collapsed")
            options = _options(label, defaults, method)
    return Configuration(label, ACTIVE, active, options)


def _options(label: str, defaults: DecodingOptions, method: str) -> DecodingOptions:
    """A starts with the bundle's own options, B with greedy search, so that there is a difference at once."""
    suffix, plain = key_suffix(label), without_samples(defaults)
    if method == CONSENSUS:
        return defaults
    if method == SAMPLING:
        return replace(sampling_controls(plain, LABELS.index(label) + 1, suffix), num_return_sequences=1)
    return beam_search_controls(plain, plain.beams if label == LABELS[0] else 1, suffix)


def choose_model(card: DeltaGenerator, label: str, others: dict[str, Bundle]) -> Configuration:
    """The chosen model with the decoding options that it was tested with."""
    # Imported late, so that the title appears at once.
    from captioner.inference.captioner import default_options

    bundles = {ACTIVE: serving.active_bundle().bundle, **others}
    with card:
        st.subheader(texts.CAPTION.format(label=label), anchor=False)
        model = st.selectbox(
            texts.MODEL,
            list(bundles),
            index=LABELS.index(label),
            key=f"model{key_suffix(label)}",
            **IN_ADDRESS,
        )
    return Configuration(label, model, bundles[model], default_options(bundles[model].config))


def unknown_models(others: dict[str, Bundle]) -> list[str]:
    """A sentence for every model in the address that is not here."""
    requested = [st.query_params.get(f"model{key_suffix(label)}", ACTIVE) for label in LABELS]
    return [texts.UNKNOWN_MODEL.format(name=name[:40]) for name in requested if name not in (ACTIVE, *others)]
