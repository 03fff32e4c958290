"""The page “How it works”: the model and how it learned, in plain words; then its training."""

from __future__ import annotations

import re

import streamlit as st

from captioner.app.components import wording
from captioner.app.components.errors import error_boundary, show_broken_bundles
from captioner.app.how_it_works import texts
from captioner.app.state import other_bundles, serving
from captioner.bundle import dataset_info
from captioner.bundle.model_card import DECODER_DESCRIPTIONS
from captioner.bundle.schema import Config
from captioner.bundle.storage import Bundle
from captioner.text import SPECIALS


def page() -> None:
    """The plain story; then the learning curves, the recipe and the model card for specialists."""
    st.title(texts.TITLE, anchor=False)
    bundle = serving.active_bundle().bundle
    st.markdown(texts.INTRODUCTION)
    st.header(texts.PARTS, anchor=False)
    _show_parts(bundle)
    st.header(texts.LEARNING, anchor=False)
    st.markdown(_learning(bundle))
    # Imported late, so that the title appears at once: pandas and Altair take half a second.
    from captioner.app.how_it_works import learning_curves

    st.header(texts.TRAINING, anchor=False)
    with error_boundary():
        learning_curves.show(bundle)
    with error_boundary():
        _show_other_models(bundle)
    _show_recipe(bundle.config)
    with error_boundary():
        _show_card(bundle.card())


def _learning(bundle: Bundle) -> str:
    statistics = None
    with error_boundary():
        statistics = bundle.dataset()
    pictures = statistics.images.get("train", 0) if statistics else 0
    photos = texts.COUNTED_PHOTOS.format(count=f"{pictures:,}") if pictures else texts.PHOTOS
    info = dataset_info.of(statistics)
    return texts.LEARNING_TEXT.format(photos=photos, collection=info.name, subject=info.subject)


def _show_parts(bundle: Bundle) -> None:
    """What happens with a picture, each step in plain words and by its technical name."""
    steps = (*_parts(bundle), _choice(bundle.config))
    for row in (steps[:2], steps[2:]):
        for column, (title, text, _) in zip(st.columns(2, border=True), row, strict=True):
            column.markdown(f"**{title}**")
            column.markdown(text)
    with st.expander(texts.TERMS, icon=":material/info:"):
        named = (texts.TERM.format(title=title, term=wording.escape(term)) for title, _, term in steps)
        st.markdown("\n".join(named))


def _parts(bundle: Bundle) -> tuple[tuple[str, str, str], ...]:
    config = bundle.config
    rows, columns = config.grid
    one_region = rows * columns == 1
    regions = texts.ONE_REGION if one_region else texts.MANY_REGIONS.format(rows=rows, columns=columns)
    looks = texts.LOOKS_TEXT.format(
        size=config.image_size,
        networks=texts.TWO_NETWORKS if " + " in config.encoder else "",
        mirrored=texts.MIRRORED if config.horizontal_flip else "",
    )
    writes = texts.WRITES_TEXT.format(
        words=f"{len(bundle.vocabulary) - len(SPECIALS):,}",
        ensemble=texts.ENSEMBLE.format(members=config.members) if config.members > 1 else "",
    )
    kind = DECODER_DESCRIPTIONS.get(config.decoder, "recurrent")
    return (
        (texts.LOOKS, looks, texts.LOOKS_TERM.format(encoder=config.encoder)),
        (
            texts.NOTES,
            texts.NOTES_TEXT.format(numbers=texts.ONE_LIST if one_region else texts.MANY_LISTS),
            texts.NOTES_TERM.format(regions=regions),
        ),
        (
            texts.WRITES,
            writes,
            texts.WRITES_TERM.format(
                decoder=config.decoders,
                kind=kind,
                ensemble=texts.ENSEMBLE_TERM if config.members > 1 else "",
            ),
        ),
    )


def _choice(config: Config) -> tuple[str, str, str]:
    if config.samples:
        text = texts.CHOOSES_BY_CONSENSUS.format(beams=config.beams, samples=config.samples)
        return texts.CHOOSES, text, texts.CHOOSES_TERM_CONSENSUS
    if config.beams == 1:
        return texts.CHOOSES, texts.CHOOSES_WORDS, texts.CHOOSES_TERM_WORDS
    return texts.CHOOSES, texts.CHOOSES_AMONG_BEAMS.format(beams=config.beams), texts.CHOOSES_TERM_BEAMS


def _show_other_models(bundle: Bundle) -> None:
    """The learning curves of the other models that are here, where there are any."""
    from captioner.app.how_it_works import model_comparison

    others, broken = other_bundles.readable()
    if others:
        model_comparison.show({other_bundles.ACTIVE: bundle, **others})
    show_broken_bundles(broken)


def _show_recipe(config: Config) -> None:
    facts = {
        "Recipe": config.recipe,
        "Encoder": config.encoder,
        "Decoder": config.decoders,
        "Made on": config.created[:10],
        "Made with": ", ".join(f"{name} {version}" for name, version in config.versions.items()),
        "Seed": str(config.seed),
        "Training captions (fingerprint)": config.data_fingerprint[:16],
    }
    table = {"what": list(facts), "value": [wording.escape(fact) for fact in facts.values()]}
    with st.expander(texts.RECIPE, icon=":material/table_rows:"):
        st.table(table, hide_index=True, hide_header=True, border="horizontal")


def _show_card(text: str) -> None:
    if text:
        with st.expander(texts.CARD, icon=":material/description:"):
            st.markdown(re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.DOTALL))
