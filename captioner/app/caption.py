"""A picture goes in; its caption comes out, word by word, with what else could have been said."""

from __future__ import annotations

import math
from dataclasses import replace

import pandas as pd
import streamlit as st

from captioner import images
from captioner.app import charts, pictures, resources, wording
from captioner.app.pictures import Pixels
from captioner.app.resources import Picture
from captioner.decoding import DecodingOptions
from captioner.errors import CaptionerError
from captioner.model import END_WORD, Caption, Captions, Word

PROMISE = "Your picture is captioned on this server and not stored."
CANNOT_KNOW = (
    "The model cannot know names, ages, jobs or how people are related. “Man”, “woman”, “boy” and “girl” are guesses "
    "from how people look. It always says something, even about a picture unlike any it has seen."
)
WIDEST, LONGEST = 10, 2.0  # where the sliders end, unless the bundle's own settings lie beyond


def page() -> None:
    """Choose a picture, read its caption, ask about a word."""
    st.title("What does the model see?")
    st.markdown(
        "Choose a photograph. A small neural network describes it in one sentence. Then see how sure it was of every "
        "word, and where it looked."
    )
    opened = _opened()
    with st.expander("Choose another picture", icon=":material/add_photo_alternate:") if opened else st.container():
        _uploader()
        shelf = st.container()
    if opened:
        _answer(*opened)
    with shelf:
        _samples()
    resources.captioner()  # loaded while the visitor chooses


def _opened() -> tuple[Picture, Pixels] | None:
    """The picture that the visitor has open, from this visit or named by the link; a mishap is shown."""
    picture: Picture | None = st.session_state.get("picture")
    named = st.query_params.get("sample")
    try:
        if named and (picture is None or picture.sample != named):
            picture = _sample(named)
        if picture is None:
            return None
        opened = picture, images.read(picture.data)
    except CaptionerError as error:
        st.session_state.pop("picture", None)
        resources.show(error)
        return None
    st.session_state["picture"] = picture
    if picture.sample:
        st.query_params["sample"] = picture.sample
    return opened


def _sample(name: str) -> Picture | None:
    found, _ = resources.samples()
    if name in found:
        return Picture(name, found[name][0].read(), sample=name)
    st.info("The link names a picture that is not here. Choose another one.", icon=":material/link_off:")
    return None


def _uploader() -> None:
    key = f"upload-{st.session_state.setdefault('uploads', 0)}"
    st.file_uploader(
        "Upload a photograph", ["jpg", "jpeg", "png", "webp"], key=key, on_change=_uploaded, args=(key,)
    )
    st.caption(PROMISE)


def _uploaded(key: str) -> None:
    st.query_params.pop("sample", None)
    st.session_state.pop("picture", None)
    if file := st.session_state[key]:
        st.session_state["picture"] = Picture(file.name, file.getvalue())


def _samples() -> None:
    found, sentence = resources.samples()
    if found:
        st.markdown("**Or pick one of these**")
        grid = st.grid(6, min_column_width=130, gap="small")
        for number, (name, (sample, thumbnail)) in enumerate(found.items(), start=1):
            with grid.cell():
                st.image(thumbnail, width="stretch", alt=next(iter(sample.references), f"Sample picture {number}"))
                st.button(f"Use picture {number}", key=f"pick {name}", on_click=_pick, args=(name,), width="stretch")
    st.caption(wording.escaped(sentence))


def _pick(name: str) -> None:
    st.session_state.pop("picture", None)
    st.session_state["uploads"] += 1  # another key, so that the uploader lets go of its file
    st.query_params["sample"] = name


def _answer(picture: Picture, image: Pixels) -> None:
    above = st.container()
    with above:
        defaults = resources.captioner().options
    options = _settings(defaults)
    with above:
        with st.spinner("Looking at the picture …"):
            captions = resources.captions(picture, image, options)
        _result(picture, pictures.fitted(image), captions.best, f"{picture.key[:16]} {options.beams} {options.alpha}")
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
            help="With 1 the model takes the likeliest word each time. With more it can turn back from a good "
            "beginning that ends badly.",
        )
        alpha = st.slider(
            "Preference for longer sentences (length exponent)",
            0.0,
            max(LONGEST, defaults.alpha),
            float(defaults.alpha),
            0.1,
            key="alpha",
            persist_state="session",
            help="Every further word makes a sentence less probable. At 0 the shortest wins; the more, the less "
            "that counts.",
        )
        st.caption(f"The model was tested with {defaults.beams} and {defaults.alpha:g}.")
    return replace(defaults, beams=beams, alpha=alpha)


@st.fragment
@resources.explained()
def _result(picture: Picture, image: Pixels, best: Caption, key: str) -> None:
    left, right = st.columns([6, 5], gap="large")
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
    return st.pills(
        "Select a word to see where the model looked and what else it could have said.",
        range(len(best.words)),
        format_func=lambda index: _labelled(best.words[index]),
        key=f"word {key}",
        wrap=True,
    )


def _labelled(word: Word) -> str:
    probability = math.exp(word.log_prob)
    return f"**{wording.escaped(wording.shown(word.text))}** :small[{wording.percent(probability)} {wording.band(probability)}]"


def _picture(picture: Picture, image: Pixels, best: Caption, word: Word | None) -> None:
    if word is None or word.attention is None:
        st.image(image, width="stretch", alt=best.text)
    else:
        name = wording.shown(word.text)
        alt = f"{best.text}. Bright where the model looked for “{name}”: {pictures.place(word.attention)}."
        st.image(
            pictures.lit(image, word.attention),
            width="stretch",
            alt=alt,
            caption=f"Bright: where the model looked for “{wording.escaped(name)}”",
        )
    found = resources.samples()[0].get(picture.sample or "")
    if found and found[0].references:
        with st.expander("What people wrote about this picture", icon=":material/group:"):
            st.markdown("\n".join(f"- {wording.escaped(reference)}" for reference in found[0].references))


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
            f"Here “{wording.escaped(others[0][0])}” was likelier, but the sentence as a whole came out better with “{name}”."
        )


def _bars(word: Word, others: list[tuple[str, float]]) -> object:
    rows = [(wording.shown(word.text), math.exp(word.log_prob), "chosen"), *((*other, "other") for other in others)]
    frame = pd.DataFrame(rows, columns=["word", "probability", "chosen"])
    said = frame["probability"].map(wording.percent) + frame["chosen"].map({"chosen": ", chosen", "other": ""})
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
        f"The model pursued {options.beams} sentences side by side (beam search). “1 in …” is the chance that it says "
        "exactly this sentence: all its word probabilities multiplied. Longer sentences would always lose, so the "
        f"ranking evens out length: score = log-probability ÷ words\\^{options.alpha:g}."
    )


def _numbers(caption: Caption) -> str:
    return f"{wording.odds(caption.log_prob)}, score {caption.score:.2f}".replace("-", "−")
