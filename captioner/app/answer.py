"""What the model says about a picture: the caption, what else each word could have been, other sentences."""

from __future__ import annotations

import math
from dataclasses import replace

import altair as alt
import pandas as pd
import streamlit as st

from captioner.app import charts, pictures, resources, wording
from captioner.app.pictures import Pixels
from captioner.app.resources import Picture
from captioner.decoding import DecodingOptions
from captioner.model import Caption, Captions, Word

CANNOT_KNOW = (
    "The model cannot know names, ages, jobs or how people are related. “Man”, “woman”, “boy” and “girl” "
    "are guesses from how people look. It always says something, even about a picture unlike any it has "
    "seen."
)
WIDEST, LONGEST = 10, 2.0  # where the sliders end, unless the bundle's own settings lie beyond


def show(picture: Picture, image: Pixels) -> None:
    """Caption a picture and draw everything about it."""
    above = st.container()
    with above:
        defaults = resources.captioner().options
    options = _settings(defaults)
    with above:
        with st.spinner("Looking at the picture …"):
            captions = resources.captions(picture, image, options)
        _result(
            picture,
            pictures.fitted(image),
            captions.best,
            f"{picture.key[:16]} {options.beams} {options.alpha}",
        )
        _alternatives(captions, options)


def _settings(defaults: DecodingOptions) -> DecodingOptions:
    with st.expander("Settings of the search", icon=":material/tune:"):
        beams = st.slider(
            "Sentences pursued side by side (beam width)",
            1,
            max(WIDEST, defaults.beams),
            defaults.beams,
            key="beams",
            persist_state="session",
            help="With 1 the model takes the likeliest word each time. With more it can turn back from a "
            "good beginning that ends badly.",
        )
        alpha = st.slider(
            "Preference for longer sentences (length exponent)",
            0.0,
            max(LONGEST, defaults.alpha),
            float(defaults.alpha),
            0.1,
            key="alpha",
            persist_state="session",
            help="Every further word makes a sentence less probable. At 0 the shortest wins; the more, the "
            "less that counts.",
        )
        st.caption(f"The model was tested with {defaults.beams} and {defaults.alpha:g}.")
    return replace(defaults, beams=beams, alpha=alpha)


@st.fragment
@resources.explained()
def _result(picture: Picture, image: Pixels, best: Caption, key: str) -> None:
    left, right = st.columns([6, 5], gap="medium")
    with right:
        st.header(f"“{wording.escaped(best.text)}{'' if best.finished else ' …'}”", anchor=False)
        st.markdown(wording.counted(best.words))
        chosen = _words(best, key)
    word = None if chosen is None else best.words[chosen]
    with left:
        _picture(picture, image, best, word)
    with right:
        if word:
            _details(word)
        else:
            st.caption(wording.BANDS_EXPLAINED)
        st.caption(CANNOT_KNOW)


def _words(best: Caption, key: str) -> int | None:
    """The index of the word that the visitor asks about."""
    # Streamlit tells options apart by their labels: invisible marks keep a word that stands twice apart.
    labels = [_labelled(word) + "\u2060" * index for index, word in enumerate(best.words)]
    return st.pills(
        "Select a word to see where the model looked and what else it could have said.",
        range(len(best.words)),
        format_func=labels.__getitem__,
        key=f"word {key}",
        wrap=True,
    )


def _labelled(word: Word) -> str:
    probability = math.exp(word.log_prob)
    said = f"{wording.percent(probability)} {wording.band(probability)}"
    return f"**{wording.escaped(wording.shown(word.text))}** :small[{said}]"


def _picture(picture: Picture, image: Pixels, best: Caption, word: Word | None) -> None:
    if word is None or word.attention is None:
        st.image(image, width="stretch", alt=best.text)
    else:
        name = wording.shown(word.text)
        st.image(
            pictures.lit(image, word.attention),
            width="stretch",
            alt=f"{best.text}. Bright where the model looked for “{name}”: {pictures.place(word.attention)}.",
            caption=f"Bright: where the model looked for “{wording.escaped(name)}”",
        )
    if picture.sample:
        _references(picture.sample)


def _references(name: str) -> None:
    """What people said, to compare with."""
    found, _ = resources.samples()
    if name in found and (written := found[name][0].references):
        with st.expander("What people wrote about this picture", icon=":material/group:"):
            st.markdown("\n".join(f"- {wording.escaped(reference)}" for reference in written))


def _details(word: Word) -> None:
    name, probability = wording.escaped(wording.shown(word.text)), math.exp(word.log_prob)
    looked = "This model keeps no record of where it looks."
    if word.attention is not None:
        looked = f"For this word, the model looked {pictures.place(word.attention)}."
    st.markdown(f"**“{name}”** – {wording.percent(probability)}, {wording.band(probability)}. {looked}")
    others = [(wording.shown(text), math.exp(log_prob)) for text, log_prob in word.runners_up]
    if not others:
        return
    listed = ", ".join(f"“{other}” ({wording.percent(p)})" for other, p in others)
    st.altair_chart(_bars(word, others), width="stretch", alt=f"What else it could have said: {listed}.")
    st.caption(f"It could also have said {wording.escaped(listed)}.")
    if others[0][1] > probability:
        st.caption(
            f"Here “{wording.escaped(others[0][0])}” was likelier, but the sentence as a whole came out "
            f"better with “{name}”."
        )


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


def _alternatives(captions: Captions, options: DecodingOptions) -> None:
    best, *others = captions.captions
    st.subheader("Other sentences it considered", anchor=False)
    if not others:
        st.markdown("None: only one sentence was pursued. The settings below allow more.")
        return
    lines = [f"1. {wording.escaped(best.text)}  \n:small[{_numbers(best)} – the best]"]
    lines += [
        f"{rank}. {wording.marked(best.text, other.text)}  \n"
        f":small[{_numbers(other)} – {wording.escaped(wording.difference(best.text, other.text))}]"
        for rank, other in enumerate(others, start=2)
    ]
    st.markdown("\n".join(lines))
    st.caption(
        f"The model pursued {options.beams} sentences side by side (beam search). “1 in …” is the chance "
        "that it says exactly this sentence: all its word probabilities multiplied. Longer sentences would "
        f"always lose, so the ranking evens out length: score = log-probability ÷ words\\^{options.alpha:g}."
    )


def _numbers(caption: Caption) -> str:
    return f"{wording.odds(caption.log_prob)}, score {caption.score:.2f}".replace("-", "−")
