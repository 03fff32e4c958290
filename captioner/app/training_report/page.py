"""What the model is made of, how it learned, and how good it became."""

from __future__ import annotations

import streamlit as st

from captioner.app.components import wording
from captioner.app.components.errors import error_boundary, show_broken_bundles
from captioner.app.state import other_bundles, serving
from captioner.bundle.config import Config
from captioner.bundle.model_card import DECODERS
from captioner.bundle.storage import Bundle


def page() -> None:
    """The parts of the model, its learning curves, its test scores, and other models."""
    st.title("How it was trained", anchor=False)
    bundle = serving.active_bundle().bundle
    st.markdown(_data(bundle))
    st.header("What it is made of", anchor=False)
    _boxes(bundle)
    # Only now: pandas and Altair take half a second, for which the title need not wait.
    from captioner.app.training_report import learning_curves, scores

    st.header("How it learned", anchor=False)
    with error_boundary():
        learning_curves.show(bundle)
    st.header("How good it is", anchor=False)
    with error_boundary():
        scores.show(bundle.metrics())
    with error_boundary():
        _compare(bundle)


def _compare(bundle: Bundle) -> None:
    """The other models that are here, where there are any."""
    from captioner.app.training_report import model_comparison

    valid, broken = other_bundles.other_bundles()
    others, malformed = model_comparison.readable(valid)
    if others:
        st.header("Compared with the other models", anchor=False)
        model_comparison.show({other_bundles.ACTIVE: bundle, **others})
    show_broken_bundles(broken | malformed)


def _data(bundle: Bundle) -> str:
    pictures = 0
    with error_boundary():
        recorded = bundle.dataset()
        pictures = recorded.images.get("train", 0) if recorded else 0
    seen = f"{pictures:,} photographs" if pictures else "photographs"
    return (
        f"The model was shown {seen} from the Flickr8k collection, mostly of people and dogs, each with "
        "five sentences that people wrote about it. From these it learned which words fit which pictures, "
        "and in which order."
    )


def _networks(config: Config) -> str:
    if " + " in config.encoder:
        return "two networks side by side, which recognise edges, then shapes, then things"
    return "a network that recognises edges, then shapes, then things"


def _votes(config: Config) -> str:
    if config.members == 1:
        return ""
    return (
        f" For this, {config.members} networks that learned side by side decide together, by the average of "
        "their probabilities."
    )


def _boxes(bundle: Bundle) -> None:
    config, known = bundle.config, len(bundle.vocabulary) - 4
    rows, columns = config.grid
    kept = f"{rows} × {columns} regions" if rows * columns > 1 else "one list for the whole picture"
    boxes = (
        (
            "1 · It looks",
            f"The picture is squeezed to {config.image_size} × {config.image_size} pixels and goes through "
            f"{_networks(config)}{', once more mirrored' if config.horizontal_flip else ''}.",
            f"Encoder: {config.encoder}",
        ),
        (
            "2 · It notes what is where",
            "What the network found is kept as "
            + ("lists of numbers, one for each part of the picture." if rows * columns > 1 else "numbers."),
            f"Regions: {kept}",
        ),
        (
            "3 · It speaks",
            f"Word by word it chooses from {known:,} words, going by the notes and by what it has said so "
            f"far.{_votes(config)}",
            f"Decoder: {config.decoders}, {DECODERS.get(config.decoder, 'recurrent')}",
        ),
    )
    for column, (title, text, term) in zip(st.columns(3, border=True), boxes, strict=True):
        column.markdown(f"**{title}**")
        column.markdown(text)
        column.caption(wording.escaped(term))
