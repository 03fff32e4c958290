"""What the model says about a picture: the caption, what else each word could have been, other sentences."""

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
from captioner.inference.captioner import Candidate, Caption, Word
from captioner.inference.decoding import DecodingOptions

CANNOT_KNOW = (
    "The model cannot know names, ages, jobs or how people are related. “Man”, “woman”, “boy” and “girl” "
    "are guesses from how people look. It always says something, even about a picture unlike any it has "
    "seen."
)


def show(image: DecodedImage) -> None:
    """Candidate a picture and draw everything about it."""
    above = st.container()
    with above:
        defaults = serving.captioner().options
    ignored = decoding_controls.ignored(defaults)
    options = decoding_controls.ask(defaults)
    key = _key(image, options)
    with above:
        decoding_controls.complain(ignored, key)
        with st.spinner("Looking at the picture …"):
            captions = caption_image(image, options)
        _result(image, captions, options, key)
        for sentence in serving.captioner().rules.unreadable:
            st.caption(wording.escaped(sentence))
        _alternatives(captions, options)
        beam_tree.show(captions, options)
        share.offer(image, captions, decoding_controls.named(options, defaults))


def _key(image: DecodedImage, options: DecodingOptions) -> str:
    """Of what a visitor has chosen about a picture; other settings, other sentence, other choices."""
    drawn = "" if options.temperature is None else f" {options.temperature} {options.seed}"
    return f"{image.sha256[:16]} {options.beams} {options.length_penalty}{drawn}"


@st.fragment
@error_boundary()
def _result(
    image: DecodedImage,
    captions: Caption,
    options: DecodingOptions,
    key: str,
) -> None:
    own = captions.best
    shown = counterfactual.current(image, own, options, key)
    astray = bool(counterfactual.path(key))
    left, right = st.columns([6, 5], gap="medium")
    with right:
        st.header(f"“{wording.escaped(shown.text)}{'' if shown.finished else ' …'}”", anchor=False)
        st.markdown(counterfactual.told(key) if astray else wording.counted(shown.words))
        if options.temperature is not None:
            st.caption(
                f"Words drawn by lot (sampling) at temperature {options.temperature:g}, draw number "
                f"{options.seed}. The settings below change that."
            )
        for warning in () if astray else captions.warnings:
            st.markdown(wording.warning(warning.code), help=wording.escaped(warning.reason))
        chosen = _words(shown, key)
    word = None if chosen is None else shown.words[chosen]
    with left:
        _picture(image, shown, word)
    with right:
        if chosen is not None and word:
            _details(word)
            for reason in likelier(word, options, forced=counterfactual.forced(word, chosen, key)):
                st.caption(reason)
            counterfactual.ask(shown, chosen, key)
        else:
            st.caption(wording.BANDS_EXPLAINED)
    if astray:
        counterfactual.beside(own, shown, options, key)
    st.caption(CANNOT_KNOW)


def _words(shown: Candidate, key: str) -> int | None:
    """The index of the word that the visitor asks about."""
    # Streamlit tells options apart by their labels: invisible marks keep a word that stands twice apart.
    labels = [
        _labelled(word, forced=counterfactual.forced(word, index, key)) + "\u2060" * index
        for index, word in enumerate(shown.words)
    ]
    return st.pills(
        "Select a word to see where the model looked and what else it could have said.",
        range(len(shown.words)),
        format_func=labels.__getitem__,
        key=counterfactual.word_key(key),
        wrap=True,
    )


def _labelled(word: Word, *, forced: bool) -> str:
    probability = math.exp(word.log_prob)
    said = f"{wording.percent(probability)} {'your choice' if forced else wording.band(probability)}"
    return f"**{wording.escaped(wording.shown(word.text))}** :small[{said}]"


def _picture(image: DecodedImage, best: Candidate, word: Word | None) -> None:
    if word is None or word.attention is None:
        st.image(image.pixels, width="stretch", alt=best.text)
    else:
        name = wording.shown(word.text)
        st.image(
            attention_overlay.lit(image.pixels, word.attention),
            width="stretch",
            alt=f"{best.text}. Bright where the model looked for “{name}”: "
            f"{attention_overlay.place(word.attention)}.",
            caption=f"Bright: where the model looked for “{wording.escaped(name)}”",
        )
    if image.sample:
        _references(image.sample)


def _references(name: str) -> None:
    """What people said, to compare with."""
    found, _ = sample_library.samples()
    if name in found and (written := found[name].references):
        with st.expander("What people wrote about this picture", icon=":material/group:"):
            st.markdown("\n".join(f"- {wording.escaped(reference)}" for reference in written))


def _excuse(options: DecodingOptions, *, forced: bool) -> str:
    """Why a word was taken where another was likelier."""
    if forced:
        return "but you chose"
    if options.temperature is not None:
        return "but the lot fell on"
    return "but the sentence as a whole came out better with"


def likelier(word: Word, options: DecodingOptions, *, forced: bool) -> list[str]:
    """Why words that were likelier were not taken, as Markdown: a sentence a reason."""
    taken = f"{_excuse(options, forced=forced)} “{wording.escaped(wording.shown(word.text))}”"
    first: dict[str, str] = {}
    for text, log_prob in word.runners_up:
        if log_prob > word.log_prob:
            barred = text in word.blocked and not forced
            reason = f"but {wording.NO_REPEAT}" if barred else taken
            first.setdefault(reason, wording.escaped(wording.shown(text)))
    return [f"Here “{text}” was likelier, {reason}." for reason, text in first.items()]


def _details(word: Word) -> None:
    name, probability = wording.escaped(wording.shown(word.text)), math.exp(word.log_prob)
    looked = "This model keeps no record of where it looks."
    if word.attention is not None:
        looked = f"For this word, the model looked {attention_overlay.place(word.attention)}."
    st.markdown(f"**“{name}”** – {wording.percent(probability)}, {wording.band(probability)}. {looked}")
    others = [(wording.shown(text), math.exp(log_prob)) for text, log_prob in word.runners_up]
    if not others:
        return
    listed = ", ".join(f"“{other}” ({wording.percent(p)})" for other, p in others)
    st.altair_chart(_bars(word, others), width="stretch", alt=f"What else it could have said: {listed}.")


def _bars(word: Word, others: list[tuple[str, float]]) -> alt.LayerChart:
    rows = [
        (wording.shown(word.text), math.exp(word.log_prob), "chosen"),
        *((*other, "other") for other in others),
    ]
    frame = pd.DataFrame(rows, columns=["word", "probability", "chosen"])
    said = frame["probability"].map(wording.percent) + frame["chosen"].map(
        {"chosen": ", chosen", "other": ""}
    )
    return charts.probabilities(frame.assign(said=said))


def _alternatives(captions: Caption, options: DecodingOptions) -> None:
    best, *others = captions.candidates
    drawn = options.temperature is not None
    st.subheader(f"Other sentences it {'drew' if drawn else 'considered'}", anchor=False)
    if not others:
        same = "every draw was the same" if drawn else "only one sentence was pursued"
        st.markdown(f"None: {same}. The settings below allow more.")
        return
    lines = [f"1. {wording.escaped(best.text)}  \n:small[{_numbers(best)} – the best]"]
    lines += [
        f"{rank}. {wording.marked(best.text, other.text)}  \n"
        f":small[{_numbers(other)} – {wording.escaped(wording.difference(best.text, other.text))}]"
        for rank, other in enumerate(others, start=2)
    ]
    st.markdown("\n".join(lines))
    how = (
        f"pursued {options.beams} sentences side by side (beam search)"
        if options.temperature is None
        else f"drew {options.beams} sentences by lot (sampling); the same one may have come twice"
    )
    st.caption(
        f"The model {how}. “1 in …” is the chance that it says exactly this sentence: all its word "
        "probabilities multiplied. Longer sentences would mostly lose, so the ranking evens out length: "
        f"score = log-probability ÷ words\\^{options.length_penalty:g}."
    )


def _numbers(caption: Candidate) -> str:
    return f"{wording.odds(caption.log_prob)}, score {caption.score:.2f}".replace("-", "−")
