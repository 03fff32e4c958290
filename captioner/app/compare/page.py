"""One picture, two answers side by side: of one model searching in two ways, or of two models."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from captioner.app.caption import page as caption
from captioner.app.compare import configurations
from captioner.app.compare.configurations import NAMES, Side
from captioner.app.components import decoding_controls, wording
from captioner.app.state import resources
from captioner.app.state.resources import Picture
from captioner.bundle.storage import Bundle
from captioner.errors import BundleError, CaptionerError

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

    from captioner.app.components.attention_overlay import Pixels
    from captioner.inference.captioner import Candidate, Caption, Captioner, Word

SETTINGS, MODELS = "Two ways of choosing words", "Two models"
LINK = "The address of this page is a link to this comparison."
LOADED = 2  # models in memory beside the running one: some 60 MB each


def page() -> None:
    """Choose a picture and what to compare, read what differs."""
    st.title("Two answers, side by side", anchor=False)
    opened = caption.opened()
    if not opened:
        st.markdown(
            "Choose a photograph. The model describes it twice, in two ways that you set – or two models do. "
            "What differs is marked."
        )
    caption.fold(opened[0].key if opened else "")
    with st.expander("Choose a picture", key="choice", icon=caption.ICON, on_change="rerun"):
        caption.uploader()
        shelf = st.container()
    if opened:
        _compare(*opened)
    resources.captioner()  # loaded while the visitor chooses
    with shelf:
        caption.samples()


def _compare(picture: Picture, image: Pixels) -> None:
    from captioner.app.caption import share

    others, broken = configurations.others()
    ignored, above = _ignored(others), st.container()
    what = SETTINGS
    if others:
        what = st.segmented_control(
            "Compare",
            [SETTINGS, MODELS],
            default=SETTINGS,
            required=True,
            key="what",
            **decoding_controls.KEPT,
        )
    left, right = st.columns([3, 5], gap="medium")
    cards = [column.container(border=True) for column in st.columns(2, gap="medium")]
    pair = [
        configurations.model(card, name, others) if what == MODELS else configurations.way(card, name)
        for card, name in zip(cards, NAMES, strict=True)
    ]
    with above:
        decoding_controls.complain(ignored, f"{picture.key[:16]} {[(side.who, side.how) for side in pair]}")
    said = [_said(card, side, picture, image) for card, side in zip(cards, pair, strict=True)]
    heard = [answer for answer in said if answer]
    with left:
        st.image(image, width="stretch", alt=heard[0].best.text if heard else picture.name)
    if len(heard) == 2:
        with right:
            _difference(pair, *(answer.best for answer in heard))
    for card, side, this, that in zip(cards, pair, said, said[::-1], strict=True):
        if this:
            with card:
                _answer(side, this, (that or this).best, scored=what == MODELS)
    _missing(others, broken)
    st.caption(LINK if picture.sample else share.NO_LINK)


def _ignored(others: dict[str, Bundle]) -> list[str]:
    """A sentence for everything in the address that cannot be compared."""
    defaults = resources.captioner().options
    found = [
        sentence
        for name in NAMES
        for sentence in decoding_controls.ignored(defaults, configurations.key(name))
    ]
    what = st.query_params.get("what", SETTINGS)
    if what not in (SETTINGS, MODELS):
        found.append("The link asks for a comparison that is not here, so it is ignored.")
    if what == MODELS and not others:
        found.append("The link compares two models, but only one is here.")
    return found + (configurations.ignored(others) if what == MODELS and others else [])


def _missing(others: dict[str, Bundle], broken: dict[str, str]) -> None:
    """What cannot be compared, and why."""
    configurations.left_out(broken)
    if not others:
        st.caption(
            "Only one model is here. Whoever runs the app can put further ones into the folder "
            f"{wording.escaped(configurations.folder().name)}/; this page then compares them, too."
        )


def _said(card: DeltaGenerator, side: Side, picture: Picture, image: Pixels) -> Caption | None:
    """The side's sentences; a model that fails says so in its card, and the other goes on."""
    with card:
        try:
            with st.spinner("Looking at the picture …"):
                if side.bundle.checksum == resources.running().bundle.checksum:
                    return resources.captions(picture, image, side.options)
                return _foreign(side, picture, image)
        except CaptionerError as error:
            resources.show(error)
            return None


def _foreign(side: Side, picture: Picture, image: Pixels) -> Caption:
    """What another model says; computed once a visit for the same picture."""
    kept: OrderedDict[tuple[str, str], Caption] = st.session_state.setdefault("_compared", OrderedDict())
    key = side.bundle.checksum, picture.key
    if key not in kept:
        speaker = _captioner(side.bundle)
        kept[key] = speaker.decode(speaker.regions(image), side.options)
        if len(kept) > resources.KEPT:
            kept.popitem(last=False)
    return kept[key]


@st.cache_resource(show_spinner=False, max_entries=LOADED, hash_funcs=resources.BY_CHECKSUM)
def _captioner(bundle: Bundle) -> Captioner:
    from captioner.inference import smoke_test
    from captioner.inference.captioner import Captioner

    smoke_test.run(bundle)  # which nobody here made: a damaged model must not end the app
    return Captioner(bundle)


def _difference(pair: Sequence[Side], first: Candidate, second: Candidate) -> None:
    """What differs, in words."""
    a, b = pair
    st.header("What differs", anchor=False)
    if (a.bundle.checksum, a.options) == (b.bundle.checksum, b.options):
        st.markdown("Nothing can: both sides are set alike.")
        return
    if first.text == second.text:
        st.markdown("**Both say the same sentence, word for word.**")
    else:
        changed = wording.escaped(wording.difference(first.text, second.text))
        st.markdown(f"**From A to B: {changed}.**")
    if a.bundle.checksum == b.bundle.checksum:
        st.markdown(_likelier(first, second))
    else:
        st.markdown(
            "Each model measures sureness by its own yardstick: the one that is surer need not be right. "
            "Look at the picture."
        )


def _likelier(first: Candidate, second: Candidate) -> str:
    """Which of two sentences the same model finds likelier, and how much."""
    a, b = wording.odds(first.log_prob), wording.odds(second.log_prob)
    much = wording.times(first.log_prob, second.log_prob)
    if first.text == second.text or not much:
        return f"Its chance: {a} in A, {b} in B." if a != b else f"Its chance: {a}, on both sides."
    better, worse = NAMES if first.log_prob > second.log_prob else NAMES[::-1]
    said = f"The model finds the sentence of {better} {much} times as likely as that of {worse}"
    said += f" (A: {a}; B: {b})." if a != b else "."
    longer = len(first.words) != len(second.words)
    return f"{said} Longer sentences mostly have smaller chances." if longer else said


def _answer(side: Side, captions: Caption, that: Candidate, *, scored: bool) -> None:
    """A side's sentence with its probability, its warnings, and how sure the model was of every word."""
    this = captions.best
    st.caption(f"{side.who[:1].upper()}{wording.escaped(side.who[1:])}: {wording.escaped(side.how)}.")
    changed = wording.changed(this.text, that.text)
    end = "" if this.finished else " …"
    st.header(f"“{wording.highlighted(this.text, that.text)}{end}”", anchor=False)
    for warning in captions.warnings:
        st.markdown(wording.warning(warning.code), help=wording.escaped(warning.reason))
    mean = wording.percent(this.confidence)
    st.markdown(
        f"{wording.counted(this.words)} The chance that it says exactly this: {wording.odds(this.log_prob)}; "
        f"of a word, on average: {mean}."
    )
    st.markdown(" ".join(_labelled(index in changed, word) for index, word in enumerate(this.words)))
    if scored:
        st.caption(wording.escaped(_examined(side.bundle)))


def _labelled(changed: bool, word: Word) -> str:
    probability = math.exp(word.log_prob)
    text = wording.shown(word.text)
    text = wording.highlighted(text, "" if changed else text)
    said = f"{text} :small[{wording.percent(probability)} {wording.band(probability)}] ·"
    return said.replace(" ", "\u00a0").removesuffix("\u00a0·" if not word.text else "")


def _examined(bundle: Bundle) -> str:
    """A model's test score with all that it depends on."""
    try:
        metrics = bundle.metrics()
    except BundleError as error:
        return str(error)
    if metrics is None:
        return "It has not been scored on test pictures yet."
    return (
        f"CIDEr {metrics.scores.cider:.2f} on {metrics.images:,} pictures of the {metrics.split} "
        f"split ({metrics.dataset}), tokeniser “{metrics.tokenizer}”, beam {metrics.beams}, length "
        f"exponent {metrics.alpha:g}."
    )
