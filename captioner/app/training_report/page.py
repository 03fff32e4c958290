"""What the model is made of, how it learned, and how good it became."""

from __future__ import annotations

import streamlit as st

from captioner.app.components import wording
from captioner.app.components.errors import error_boundary, show_broken_bundles
from captioner.app.state import other_bundles, serving
from captioner.bundle.model_card import DECODER_DESCRIPTIONS
from captioner.bundle.storage import Bundle

DATA = (
    "The model was shown {} from the Flickr8k collection, mostly of people and dogs, each with five "
    "sentences that people wrote about it. From these it learned which words fit which pictures, and in "
    "which order."
)
ONE_ENCODER = "a network that recognises edges, then shapes, then things"
TWO_ENCODERS = "two networks side by side, which recognise edges, then shapes, then things"
ENSEMBLE = (
    " For this, {} networks that were trained at the same time decide together, by the average of "
    "their probabilities."
)


def page() -> None:
    """The parts of the model, its learning curves, its test scores, and other models."""
    st.title("How it was trained", anchor=False)
    bundle = serving.active_bundle().bundle
    st.markdown(_data(bundle))
    st.header("What it is made of", anchor=False)
    _boxes(bundle)
    # Imported late, so that the title appears at once: pandas and Altair take half a second.
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

    valid, broken = other_bundles.load()
    others, malformed = model_comparison.readable(valid)
    if others:
        st.header("Compared with the other models", anchor=False)
        model_comparison.show({other_bundles.ACTIVE: bundle, **others})
    show_broken_bundles(broken | malformed)


def _data(bundle: Bundle) -> str:
    pictures = 0
    with error_boundary():
        statistics = bundle.dataset()
        pictures = statistics.images.get("train", 0) if statistics else 0
    return DATA.format(f"{pictures:,} photographs" if pictures else "photographs")


def _boxes(bundle: Bundle) -> None:
    """The three parts of the model, each in plain words and by its technical name."""
    for column, box in zip(st.columns(3, border=True), _parts(bundle), strict=True):
        title, text, term = box
        column.markdown(f"**{title}**")
        column.markdown(text)
        column.caption(wording.escape(term))


def _parts(bundle: Bundle) -> tuple[tuple[str, str, str], ...]:
    config, vocabulary = bundle.config, len(bundle.vocabulary) - 4
    rows, columns = config.grid
    one_region = rows * columns == 1
    return (
        (
            "1 · It looks",
            f"The picture is squeezed to {config.image_size} × {config.image_size} pixels and goes through "
            f"{TWO_ENCODERS if ' + ' in config.encoder else ONE_ENCODER}"
            f"{', once as it is and once mirrored' if config.horizontal_flip else ''}.",
            f"Encoder: {config.encoder}",
        ),
        (
            "2 · It notes what is where",
            "What the network found is stored as "
            + ("numbers." if one_region else "lists of numbers, one for each part of the picture."),
            f"Regions: {'one list for the whole picture' if one_region else f'{rows} × {columns} regions'}",
        ),
        (
            "3 · It writes",
            f"Word by word it chooses from {vocabulary:,} words, based on these notes and the words before."
            f"{ENSEMBLE.format(config.members) if config.members > 1 else ''}",
            f"Decoder: {config.decoders}, {DECODER_DESCRIPTIONS.get(config.decoder, 'recurrent')}",
        ),
    )
