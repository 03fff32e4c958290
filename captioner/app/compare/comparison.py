"""One picture, two captions: of one model with two decoding options, or of two models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from captioner.app.compare import configurations, texts
from captioner.app.compare.configurations import LABELS, Configuration
from captioner.app.components import browser, decoding_controls, examples, image_picker, warning_box, wording
from captioner.app.components.errors import show_broken_bundles, show_error
from captioner.app.state import other_bundles, serving
from captioner.app.state.session import DecodedImage, caption_image
from captioner.bundle.storage import Bundle
from captioner.errors import BundleError, CaptionerError

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

    from captioner.inference.captioner import Caption, Captioner
    from captioner.inference.decoding import Candidate, Word

COMPARING = "compare"  # in the address, while two captions are compared
# Keys of the widgets for the settings of a caption; those of A and B have ``configurations.key_suffix``.
OPTIONS = ("mode", "beams", "length_penalty", "temperature", "seed")
MAX_LOADED = 2  # models in memory besides the active one: some 60 MB each


def is_open() -> bool:
    """Whether the visitor, or a link, compares."""
    return COMPARING in st.query_params


def start() -> None:
    """Compare: A begins with the settings of the caption that is shown."""
    st.query_params[COMPARING] = "1"
    st.session_state["_comparisons"] = st.session_state.get("_comparisons", 0) + 1
    for name in OPTIONS:
        if name in st.session_state:
            st.session_state[f"{name}{configurations.key_suffix(LABELS[0])}"] = st.session_state[name]


def close() -> None:
    """Show a single caption again."""
    for name in (COMPARING, *(f"mode{configurations.key_suffix(label)}" for label in LABELS)):
        st.query_params.pop(name, None)  # Streamlit removes those that widgets are bound to


def show(image: DecodedImage) -> None:
    """Draw the image, what differs, and two captions of it."""
    if count := st.session_state.get("_comparisons"):  # the button that led here stands far down the page
        browser.scroll_to("", f"comparison {count}")
    st.header(texts.TITLE, anchor=False)
    st.button(texts.CLOSE, on_click=close, icon=":material/arrow_back:")
    others, broken = other_bundles.load()
    invalid, above = _invalid_parameters(others), st.container()
    subject = _choose_subject() if others else texts.SETTINGS
    left, right = st.columns([3, 5], gap="medium")
    cards = [column.container(border=True) for column in st.columns(2, gap="medium")]
    pair = [
        configurations.choose_model(card, label, others)
        if subject == texts.MODELS
        else configurations.choose_options(card, label)
        for card, label in zip(cards, LABELS, strict=True)
    ]
    with above:
        settings = [(configuration.model, configuration.summary) for configuration in pair]
        decoding_controls.show_invalid(invalid, f"{image.sha256[:16]} {settings}")
    captions = [_caption(card, configuration, image) for card, configuration in zip(cards, pair, strict=True)]
    shown = [caption for caption in captions if caption]
    with left:
        st.image(image.pixels, width="stretch", alt=shown[0].best.text if shown else image.name)
    if len(shown) == 2:
        with right:
            _show_difference(pair, *(caption.best for caption in shown))
    for card, configuration, caption, other in zip(cards, pair, captions, captions[::-1], strict=True):
        if caption:
            with card:
                scored = subject == texts.MODELS
                _show_caption(configuration, image, caption, (other or caption).best, with_score=scored)
    show_broken_bundles(broken)
    st.caption(texts.LINK if image.example else image_picker.NO_LINK)


def _choose_subject() -> str:
    """``texts.SETTINGS`` or ``texts.MODELS``."""
    subject: str = st.segmented_control(
        texts.COMPARE,
        [texts.SETTINGS, texts.MODELS],
        default=texts.SETTINGS,
        required=True,
        key="what",
        **decoding_controls.IN_ADDRESS,
    )
    return subject


def _invalid_parameters(others: dict[str, Bundle]) -> list[str]:
    """A sentence for everything in the address that cannot be compared."""
    defaults = serving.captioner().options
    sentences = [
        sentence
        for label in LABELS
        for sentence in decoding_controls.invalid_parameters(defaults, configurations.key_suffix(label))
    ]
    subject = st.query_params.get("what", texts.SETTINGS)
    if subject not in (texts.SETTINGS, texts.MODELS):
        sentences.append(texts.UNKNOWN_COMPARISON)
    if subject == texts.MODELS and not others:
        sentences.append(texts.NO_SECOND_MODEL)
    return sentences + (configurations.unknown_models(others) if subject == texts.MODELS and others else [])


def _caption(card: DeltaGenerator, configuration: Configuration, image: DecodedImage) -> Caption | None:
    """The caption, or None after a model's failure is shown in its card, so that the other still answers."""
    with card:
        try:
            active = configuration.bundle.checksum == serving.active_bundle().bundle.checksum
            model = serving.captioner() if active else _captioner(configuration.bundle)
            return caption_image(image, configuration.options, model)
        except CaptionerError as error:
            show_error(error)
            return None


@st.cache_resource(show_spinner=serving.LOADING, max_entries=MAX_LOADED, hash_funcs=serving.HASH_FUNCS)
def _captioner(bundle: Bundle) -> Captioner:
    from captioner.inference import smoke_test
    from captioner.inference.captioner import Captioner

    smoke_test.run(bundle)  # a damaged model from elsewhere must not end the app
    return Captioner(bundle)


def _show_difference(pair: Sequence[Configuration], first: Candidate, second: Candidate) -> None:
    """What differs, in words."""
    a, b = pair
    st.subheader(texts.WHAT_DIFFERS, anchor=False)
    if (a.bundle.checksum, a.options) == (b.bundle.checksum, b.options):
        st.markdown(texts.SAME_SETTINGS)
        return
    if first.text == second.text:
        st.markdown(texts.SAME_CAPTIONS)
    else:
        changed = wording.escape(wording.describe_difference(first.text, second.text))
        st.markdown(texts.DIFFERENCE.format(difference=changed))
    same_model = a.bundle.checksum == b.bundle.checksum
    if sentence := _likelier(first, second) if same_model else texts.UNCALIBRATED:
        st.markdown(sentence)


def _likelier(first: Candidate, second: Candidate) -> str:
    """Which of two different sentences the same model finds likelier, and how much; empty if neither."""
    ratio = wording.likelihood_ratio(first.log_prob, second.log_prob)
    if first.text == second.text or not ratio:
        return ""
    better, worse = LABELS if first.log_prob > second.log_prob else LABELS[::-1]
    sentence = texts.LIKELIER.format(better=better, times=ratio, worse=worse)
    return sentence + (texts.LONGER if len(first.words) != len(second.words) else "")


def _show_caption(
    configuration: Configuration,
    image: DecodedImage,
    caption: Caption,
    other: Candidate,
    *,
    with_score: bool,
) -> None:
    """A caption with its warnings and how sure one may be of it; its probabilities under details."""
    best = caption.best
    model = f"{configuration.model[:1].upper()}{configuration.model[1:]}"
    st.caption(f"{wording.escape(model)}: {wording.escape(configuration.summary)}.")
    changed = wording.changed_words(best.text, other.text)
    end = "" if best.finished else " …"
    warning_box.show([warning.code for warning in caption.warnings])
    st.header(f"“{wording.highlight_differences(best.text, other.text)}{end}”", anchor=False)
    st.markdown("**{}** {}".format(*examples.verdict(image, best)))
    words = [_word_markdown(i in changed, word) for i, word in enumerate(best.words) if word.text]
    st.markdown(" · ".join(words))
    with st.expander(texts.DETAILS, icon=":material/query_stats:"):
        chance, word = wording.chance(best.log_prob), wording.percent(best.confidence)
        if sentence := examples.expected_precision(image, best):
            st.markdown(sentence)
        st.markdown(texts.CHANCE.format(chance=chance, word=word))
        if with_score:
            st.markdown(wording.escape(_test_score(configuration.bundle)))


def _word_markdown(changed: bool, word: Word) -> str:
    """A word with its level, if it is rated, as Markdown without a line break in it."""
    text = wording.highlight_differences(word.text, "" if changed else word.text)
    level = wording.level(word)
    return (f"{text} :small[{level}]" if level else text).replace(" ", "\u00a0")


def _test_score(bundle: Bundle) -> str:
    """A model's test score with all that it depends on."""
    try:
        metrics = bundle.metrics()
    except BundleError as error:
        return str(error)
    if metrics is None:
        return texts.NOT_SCORED
    return texts.SCORE.format(
        cider=f"{metrics.scores['cider']:.2f}", conditions=wording.score_conditions(metrics)
    )
