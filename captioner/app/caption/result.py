"""The result of an image: its caption word by word, what else was likely, other sentences, sharing."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import date
from pathlib import PurePath
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import streamlit as st

from captioner.app.caption import counterfactual, details, texts, versions, word_details
from captioner.app.components import (
    browser,
    decoding_controls,
    examples,
    image_picker,
    layout,
    rating_buttons,
    wording,
)
from captioner.app.components.errors import error_boundary
from captioner.app.components.interactive_caption import component as interactive_caption
from captioner.app.components.interactive_caption import sharing
from captioner.app.components.interactive_caption.sharing import Request
from captioner.app.state import serving
from captioner.app.state.session import DecodedImage, caption_image
from captioner.bundle import ratings
from captioner.errors import CaptionerError
from captioner.inference.captioner import Caption
from captioner.inference.decoding import Candidate, DecodingOptions

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator


def show(image: DecodedImage, place: DeltaGenerator) -> None:
    """Caption an image with the options that the visitor sets, and draw everything about it.

    ``place`` takes the image with its sentence; all else comes where this is called.
    """
    with place:
        model = serving.captioner()
    invalid = decoding_controls.invalid_parameters(model.options)
    with st.expander(texts.VERSIONS, icon=":material/format_list_numbered:"):
        others = st.container()
        options = decoding_controls.show(model.options)
    key = _key(image, options)
    with place:
        decoding_controls.show_invalid(invalid, key)
        caption = caption_image(image, options, model)
        _show_sentence(image, caption, options, key, model.bundle.checksum)
        for sentence in model.warning_rules.unreadable:
            st.caption(wording.escape(sentence))
    with others:
        versions.show(caption, options)
    if image.example:
        _show_references(image.example)
    _show_share(image, caption, decoding_controls.query_parameters(options, model.options))
    details.show(image, caption, options)


def _key(image: DecodedImage, options: DecodingOptions) -> str:
    """Key of the visitor's selections in a caption: they are separate for each image and set of options."""
    sampled = "" if options.temperature is None else f" {options.temperature} {options.seed}"
    return f"{image.sha256[:16]} {options.beams} {options.length_penalty} {options.samples}{sampled}"


@st.fragment
@error_boundary()
def _show_sentence(
    image: DecodedImage, caption: Caption, options: DecodingOptions, key: str, bundle_checksum: str
) -> None:
    """The image with a model's sentence, and below them the details of the pinned word."""
    shown = counterfactual.shown_candidate(image, caption.best, options, key)
    changed = bool(counterfactual.prefixes(key))
    for warning in caption.warnings:
        st.warning(wording.warning(warning.code))
    index, request = interactive_caption.show(
        image,
        shown,
        key,
        title=_title(caption, options, changed=changed),
        note=("", counterfactual.summary(key)) if changed else examples.verdict(image, shown),
        chosen=counterfactual.chosen_indices(shown, key),
    )
    _answer(request, image, shown, caption, options)
    _offer_best(options)
    if index is not None:
        word_details.show(shown, index, options, key)
    if changed:
        counterfactual.show_comparison(caption.best, shown, options, key)
    if not changed and options == serving.captioner().options:  # the model's own sentence
        rating_buttons.show(image, caption.best.text, bundle_checksum)
        _say_how_often_right()
    examples.show_note(image)
    st.caption(texts.BAD_AT)
    layout.link("quality", texts.MISTAKES, part=layout.MISTAKES)


def _answer(
    request: Request, image: DecodedImage, shown: Candidate, caption: Caption, options: DecodingOptions
) -> None:
    """Do what the visitor asked for with a button under the sentence."""
    if request.card:
        from captioner.app.caption import result_card  # late: few visitors want one

        bundle = serving.active_bundle().bundle
        edited = request.card not in sharing.own_texts(shown)
        source = result_card.source(
            f"{bundle.config.recipe}, {bundle.checksum[:8]}", date.today(), edited=edited
        )
        warnings = [warning.sentence for warning in caption.warnings]
        card = result_card.draw(image.pixels, request.card, warnings, source)
        browser.save_file(card, f"{PurePath(image.name).stem}-card.png", "image/png", request.id)
    if request.another:
        decoding_controls.choose_sampling(versions.other_seed(image, shown, options))
        st.rerun()


def _offer_best(options: DecodingOptions) -> None:
    """Below a random version, the way back."""
    sampled = options.temperature is not None
    if sampled and st.button(texts.BACK_TO_DEFAULT, icon=":material/undo:", key="back to default"):
        decoding_controls.choose_default(consensus=serving.captioner().options.consensus)
        st.rerun()


def _say_how_often_right() -> None:
    """What a human evaluation of the model's own sentences found, if its bundle has one."""
    with suppress(CaptionerError):  # the page “How good is it?” reports it
        if evaluation := ratings.human_evaluation(serving.active_bundle().bundle):
            st.caption(texts.HOW_OFTEN_RIGHT.format(check=wording.human_evaluation_sentence(evaluation)))


def _title(caption: Caption, options: DecodingOptions, *, changed: bool) -> str:
    if changed:
        return texts.WITH_YOUR_WORD
    if options.temperature is not None:
        return texts.RANDOM_VERSION
    return wording.BEST_GUESS if caption.warnings else ""


def _show_references(example: str) -> None:
    offered, _ = serving.examples()
    if example in offered and (references := offered[example].references):
        with st.expander(texts.REFERENCES, icon=":material/group:"):
            st.markdown("\n".join(f"- {wording.escape(reference)}" for reference in references))


def _show_share(image: DecodedImage, caption: Caption, settings: dict[str, str]) -> None:
    """The caption to copy or download, and a link to the same image with ``settings`` in its address."""
    with st.expander(texts.SHARE, icon=":material/ios_share:"):
        st.caption(texts.SHARE_SENTENCE)
        st.code(caption.best.text, language=None, wrap_lines=True)
        with st.container(horizontal=True):
            _download(texts.AS_TEXT, caption.best.text + "\n", image.name, ".txt", "text/plain")
            _download(texts.AS_JSON, as_json(image, caption), image.name, ".json", "application/json")
        st.caption(texts.JSON_CONTENTS)
        if image.example:
            st.markdown(texts.LINK_WORKS)
            address = urlencode({"example": image.example, **settings})
            link = f"{st.context.url or ''}?{address}"
            st.code(link, language=None, wrap_lines=True)
            browser.copy_button(texts.COPY_LINK, link, "copy link")
        else:
            st.caption(image_picker.NO_LINK)


def _download(label: str, text: str, image_name: str, suffix: str, mime_type: str) -> None:
    name, icon = PurePath(image_name).stem + suffix, ":material/download:"
    # A key makes it one widget for all images: Streamlit remembers each widget until the session ends.
    st.download_button(label, text, name, mime_type, on_click="ignore", icon=icon, key=f"download {suffix}")


def as_json(image: DecodedImage, caption: Caption) -> str:
    """A line of JSON, as ``python -m captioner caption --json`` prints it."""
    return json.dumps({"image": image.name, **caption.to_dict()}) + "\n"
