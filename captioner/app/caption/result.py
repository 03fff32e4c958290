"""The result of an image: its caption word by word, what else was likely, other sentences, sharing."""

from __future__ import annotations

import json
import math
from pathlib import PurePath
from urllib.parse import urlencode

import altair as alt
import pandas as pd
import streamlit as st

from captioner.app.caption import beam_tree, counterfactual
from captioner.app.components import attention_overlay, charts, decoding_controls, image_picker, wording
from captioner.app.components.errors import error_boundary
from captioner.app.state import serving
from captioner.app.state.session import DecodedImage, caption_image
from captioner.inference.captioner import Caption
from captioner.inference.decoding import Candidate, DecodingOptions, Word

CANNOT_KNOW = (
    "The model cannot know names, ages, jobs or how people are related. “Man”, “woman”, “boy” and “girl” "
    "are guesses from how people look. It always says something, even about a picture unlike any it has "
    "seen."
)
SELECT = "Select a word to see where the model looked and what else it could have said."
NO_ATTENTION = "This model keeps no record of where it looks."
REFERENCES = "What people wrote about this picture"
ONLY_ONE = "None: the model followed only one sentence. With the settings below it can follow more."
ALL_SAME = "None: all random versions were the same. The settings below can change that."
SHARE = "Copy, download, link"
OWN_SENTENCE = "The model’s own sentence, without any word that you chose:"
JSON_CONTENTS = (
    "The JSON file also has the probability of every word, other likely words, and the other sentences."
)
LINK_WORKS = "This link opens the same picture with the same settings."


def show(image: DecodedImage) -> None:
    """Caption an image with the options that the visitor sets, and draw everything about it."""
    above = st.container()
    with above:
        model = serving.captioner()
    invalid = decoding_controls.invalid_parameters(model.options)
    options = decoding_controls.show(model.options)
    key = _key(image, options)
    with above:
        decoding_controls.show_invalid(invalid, key)
        with st.spinner("Looking at the picture …"):
            caption = caption_image(image, options)
        _show_sentence(image, caption, options, key)
        for sentence in model.warning_rules.unreadable:
            st.caption(wording.escape(sentence))
        _show_alternatives(caption, options)
        beam_tree.show(caption, options)
        _show_share(image, caption, decoding_controls.address_parameters(options, model.options))


def _key(image: DecodedImage, options: DecodingOptions) -> str:
    """Key of the visitor's selections in a caption: they are separate for each image and set of options."""
    sampled = "" if options.temperature is None else f" {options.temperature} {options.seed}"
    return f"{image.sha256[:16]} {options.beams} {options.length_penalty}{sampled}"


@st.fragment
@error_boundary()
def _show_sentence(image: DecodedImage, caption: Caption, options: DecodingOptions, key: str) -> None:
    """The image, the sentence beside it, and the details of the selected word."""
    shown = counterfactual.shown_candidate(image, caption.best, options, key)
    changed = bool(counterfactual.prefixes(key))
    left, right = st.columns([6, 5], gap="medium")
    with right:
        st.header(f"“{wording.escape(shown.text)}{'' if shown.finished else ' …'}”", anchor=False)
        st.markdown(counterfactual.summary(key) if changed else wording.confidence_summary(shown.words))
        if options.temperature is not None:
            st.caption(
                f"A random version (sampling) at temperature {options.temperature:g}, number {options.seed}. "
                "The settings below change that."
            )
        for warning in () if changed else caption.warnings:
            st.markdown(wording.warning(warning.code), help=wording.escape(warning.reason))
        index = _select_word(shown, key)
    word = None if index is None else shown.words[index]
    with left:
        _show_image(image, shown, word)
    with right:
        if index is not None and word:
            _show_word_details(word)
            for reason in explain_likelier_words(
                word, options, chosen=counterfactual.is_chosen(word, index, key)
            ):
                st.caption(reason)
            counterfactual.show_choices(shown, index, key)
        else:
            st.caption(wording.BANDS_EXPLAINED)
    if changed:
        counterfactual.show_comparison(caption.best, shown, options, key)
    st.caption(CANNOT_KNOW)


def _select_word(candidate: Candidate, key: str) -> int | None:
    """The index of the word that the visitor selects."""
    # Streamlit tells options apart by their labels: invisible characters make repeated words different.
    labels = [
        _word_label(word, chosen=counterfactual.is_chosen(word, index, key)) + "\u2060" * index
        for index, word in enumerate(candidate.words)
    ]
    return st.pills(
        SELECT,
        range(len(labels)),
        format_func=labels.__getitem__,
        key=counterfactual.word_key(key),
        wrap=True,
    )


def _word_label(word: Word, *, chosen: bool) -> str:
    probability = math.exp(word.log_prob)
    band = "your choice" if chosen else wording.band(probability)
    return f"**{wording.word_markdown(word.text)}** :small[{wording.percent(probability)} {band}]"


def _show_image(image: DecodedImage, candidate: Candidate, word: Word | None) -> None:
    if word is None or word.attention is None:
        st.image(image.pixels, width="stretch", alt=candidate.text)
    else:
        st.image(
            attention_overlay.overlay(image.pixels, word.attention),
            width="stretch",
            alt=f"{candidate.text}. Bright where the model looked for “{wording.display_word(word.text)}”: "
            f"{attention_overlay.describe_attention(word.attention)}.",
            caption=f"Bright: where the model looked for “{wording.word_markdown(word.text)}”",
        )
    if image.sample:
        _show_references(image.sample)


def _show_references(sample: str) -> None:
    samples, _ = serving.samples()
    if sample in samples and (references := samples[sample].references):
        with st.expander(REFERENCES, icon=":material/group:"):
            st.markdown("\n".join(f"- {wording.escape(reference)}" for reference in references))


def _show_word_details(word: Word) -> None:
    """Its probability, where the model looked, and the likeliest other words."""
    probability = math.exp(word.log_prob)
    attention = NO_ATTENTION
    if word.attention is not None:
        attention = f"For this word, the model looked {attention_overlay.describe_attention(word.attention)}."
    band = wording.band(probability)
    st.markdown(
        f"**“{wording.word_markdown(word.text)}”** – {wording.percent(probability)}, {band}. {attention}"
    )
    others = [(wording.display_word(text), math.exp(log_prob)) for text, log_prob in word.runners_up]
    if others:
        listed = ", ".join(f"“{other}” ({wording.percent(p)})" for other, p in others)
        chart = _probability_chart(word, others)
        st.altair_chart(chart, width="stretch", alt=f"What else it could have said: {listed}.")


def _probability_chart(word: Word, others: list[tuple[str, float]]) -> alt.LayerChart:
    rows = [
        (wording.display_word(word.text), math.exp(word.log_prob), "chosen"),
        *((*other, "other") for other in others),
    ]
    frame = pd.DataFrame(rows, columns=["word", "probability", "chosen"])
    suffix = frame["chosen"].map({"chosen": ", chosen", "other": ""})
    return charts.probabilities(frame.assign(label=frame["probability"].map(wording.percent) + suffix))


def explain_likelier_words(word: Word, options: DecodingOptions, *, chosen: bool) -> list[str]:
    """Why likelier words than this one were not used, as Markdown: a sentence for each reason.

    ``chosen`` is whether the visitor chose the word.
    """
    chosen_instead = f"{_reason(options, chosen=chosen)} “{wording.word_markdown(word.text)}”"
    examples: dict[str, str] = {}  # reason → the first word that it applies to
    for text, log_prob in word.runners_up:
        if log_prob > word.log_prob:
            blocked = text in word.blocked and not chosen
            examples.setdefault(
                f"but {wording.NO_REPEAT}" if blocked else chosen_instead, wording.word_markdown(text)
            )
    return [f"Here “{text}” was likelier, {reason}." for reason, text in examples.items()]


def _reason(options: DecodingOptions, *, chosen: bool) -> str:
    if chosen:
        return "but you chose"
    if options.temperature is not None:
        return "but the random choice was"
    return "but the sentence as a whole came out better with"


def _show_alternatives(caption: Caption, options: DecodingOptions) -> None:
    best, *others = caption.candidates
    sampled = options.temperature is not None
    title = "Other random versions" if sampled else "Other sentences it considered"
    st.subheader(title, anchor=False)
    if not others:
        st.markdown(ALL_SAME if sampled else ONLY_ONE)
        return
    lines = [f"1. {wording.escape(best.text)}  \n:small[{_numbers(best)} – the best]"]
    lines += [
        f"{rank}. {wording.bold_differences(best.text, other.text)}  \n"
        f":small[{_numbers(other)} – {wording.escape(wording.describe_difference(best.text, other.text))}]"
        for rank, other in enumerate(others, start=2)
    ]
    st.markdown("\n".join(lines))
    method = (
        f"picked the words of {options.beams} sentences at random (sampling); the same one may have come up "
        "twice"
        if sampled
        else f"followed {options.beams} sentences at once (beam search)"
    )
    st.caption(
        f"The model {method}. “1 in …” is the chance that it says exactly this sentence: all its word "
        "probabilities multiplied. Longer sentences would mostly lose, so the ranking evens out length: "
        f"score = log-probability ÷ words\\^{options.length_penalty:g}."
    )


def _numbers(candidate: Candidate) -> str:
    return f"{wording.chance(candidate.log_prob)}, score {candidate.score:.2f}".replace("-", "−")


def _show_share(image: DecodedImage, caption: Caption, settings: dict[str, str]) -> None:
    """The caption to copy or download, and a link to the same image with ``settings`` in its address."""
    with st.expander(SHARE, icon=":material/ios_share:"):
        st.caption(OWN_SENTENCE)
        st.code(caption.best.text, language=None, wrap_lines=True)
        with st.container(horizontal=True):
            _download("Caption as text", caption.best.text + "\n", image.name, ".txt", "text/plain")
            _download("Everything as JSON", as_json(image, caption), image.name, ".json", "application/json")
        st.caption(JSON_CONTENTS)
        if image.sample:
            st.markdown(LINK_WORKS)
            address = urlencode({"sample": image.sample, **settings})
            st.code(f"{st.context.url or ''}?{address}", language=None, wrap_lines=True)
        else:
            st.caption(image_picker.NO_LINK)


def _download(label: str, text: str, image_name: str, suffix: str, mime_type: str) -> None:
    name, icon = PurePath(image_name).stem + suffix, ":material/download:"
    # A key makes it one widget for all images: Streamlit remembers each widget until the session ends.
    st.download_button(label, text, name, mime_type, on_click="ignore", icon=icon, key=f"download {suffix}")


def as_json(image: DecodedImage, caption: Caption) -> str:
    """A line of JSON, as ``python -m captioner caption --json`` prints it."""
    return json.dumps({"picture": image.name, **caption.to_dict()}) + "\n"
