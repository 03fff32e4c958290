"""The result page of an image: its caption word by word, what else was likely, and other sentences."""

from __future__ import annotations

import math

import altair as alt
import pandas as pd
import streamlit as st

from captioner.app.caption import beam_tree, counterfactual, share
from captioner.app.components import attention_overlay, charts, decoding_controls, wording
from captioner.app.components.errors import error_boundary
from captioner.app.state import sample_library, serving
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
ONLY_ONE = "None: only one sentence was followed. The settings below allow more."
ALL_SAME = "None: all random versions were the same. The settings below allow more."


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
            st.caption(wording.escaped(sentence))
        _show_alternatives(caption, options)
        beam_tree.show(caption, options)
        share.show(image, caption, decoding_controls.address_parameters(options, model.options))


def _key(image: DecodedImage, options: DecodingOptions) -> str:
    """Of what a visitor has selected in a caption: other options, another caption, another selection."""
    sampled = "" if options.temperature is None else f" {options.temperature} {options.seed}"
    return f"{image.sha256[:16]} {options.beams} {options.length_penalty}{sampled}"


@st.fragment
@error_boundary()
def _show_sentence(image: DecodedImage, caption: Caption, options: DecodingOptions, key: str) -> None:
    """The image beside the sentence and what is asked about a word of it."""
    shown = counterfactual.shown_candidate(image, caption.best, options, key)
    changed = bool(counterfactual.prefixes(key))
    left, right = st.columns([6, 5], gap="medium")
    with right:
        st.header(f"“{wording.escaped(shown.text)}{'' if shown.finished else ' …'}”", anchor=False)
        st.markdown(counterfactual.summary(key) if changed else wording.confidence_summary(shown.words))
        if options.temperature is not None:
            st.caption(
                f"A random version (sampling) at temperature {options.temperature:g}, number {options.seed}. "
                "The settings below change that."
            )
        for warning in () if changed else caption.warnings:
            st.markdown(wording.warning(warning.code), help=wording.escaped(warning.reason))
        index = _select_word(shown, key)
    word = None if index is None else shown.words[index]
    with left:
        _show_image(image, shown, word)
    with right:
        if index is not None and word:
            _show_word(word)
            for reason in why_not_likelier(word, options, chosen=counterfactual.is_chosen(word, index, key)):
                st.caption(reason)
            counterfactual.show_choices(shown, index, key)
        else:
            st.caption(wording.BANDS_EXPLAINED)
    if changed:
        counterfactual.show_comparison(caption.best, shown, options, key)
    st.caption(CANNOT_KNOW)


def _select_word(candidate: Candidate, key: str) -> int | None:
    """The index of the word that the visitor asks about."""
    # Streamlit tells options apart by their labels: invisible marks keep a word that stands twice apart.
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
    return f"**{_name(word.text)}** :small[{wording.percent(probability)} {band}]"


def _show_image(image: DecodedImage, candidate: Candidate, word: Word | None) -> None:
    if word is None or word.attention is None:
        st.image(image.pixels, width="stretch", alt=candidate.text)
    else:
        st.image(
            attention_overlay.overlay(image.pixels, word.attention),
            width="stretch",
            alt=f"{candidate.text}. Bright where the model looked for “{wording.display_word(word.text)}”: "
            f"{attention_overlay.describe_attention(word.attention)}.",
            caption=f"Bright: where the model looked for “{_name(word.text)}”",
        )
    if image.sample:
        _show_references(image.sample)


def _show_references(sample: str) -> None:
    samples, _ = sample_library.samples()
    if sample in samples and (references := samples[sample].references):
        with st.expander(REFERENCES, icon=":material/group:"):
            st.markdown("\n".join(f"- {wording.escaped(reference)}" for reference in references))


def _show_word(word: Word) -> None:
    """Its probability, where the model looked, and the likeliest other words."""
    probability = math.exp(word.log_prob)
    looked = NO_ATTENTION
    if word.attention is not None:
        looked = f"For this word, the model looked {attention_overlay.describe_attention(word.attention)}."
    band = wording.band(probability)
    st.markdown(f"**“{_name(word.text)}”** – {wording.percent(probability)}, {band}. {looked}")
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


def why_not_likelier(word: Word, options: DecodingOptions, *, chosen: bool) -> list[str]:
    """Why likelier words than this one were not used, as Markdown: a sentence a reason.

    ``chosen`` is whether the visitor chose the word.
    """
    used = f"{_reason(options, chosen=chosen)} “{_name(word.text)}”"
    first: dict[str, str] = {}  # reason → the first word that it holds for
    for text, log_prob in word.runners_up:
        if log_prob > word.log_prob:
            blocked = text in word.blocked and not chosen
            first.setdefault(f"but {wording.NO_REPEAT}" if blocked else used, _name(text))
    return [f"Here “{text}” was likelier, {reason}." for reason, text in first.items()]


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
    lines = [f"1. {wording.escaped(best.text)}  \n:small[{_numbers(best)} – the best]"]
    lines += [
        f"{rank}. {wording.bold_differences(best.text, other.text)}  \n"
        f":small[{_numbers(other)} – {wording.escaped(wording.describe_difference(best.text, other.text))}]"
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


def _name(word: str) -> str:
    return wording.escaped(wording.display_word(word))
