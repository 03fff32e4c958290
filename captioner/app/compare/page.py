"""One picture, two captions: of one model with two decoding options, or of two models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from captioner.app.compare import configurations
from captioner.app.compare.configurations import LABELS, Configuration
from captioner.app.components import decoding_controls, image_picker, warning_box, wording
from captioner.app.components.errors import show_broken_bundles, show_error
from captioner.app.state import other_bundles, serving
from captioner.app.state.session import DecodedImage, caption_image
from captioner.bundle.storage import Bundle
from captioner.errors import BundleError, CaptionerError

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

    from captioner.inference.captioner import Caption, Captioner
    from captioner.inference.decoding import Candidate, Word

SETTINGS, MODELS = "Two ways of choosing words", "Two models"
INTRODUCTION = (
    "Choose a photograph. The model describes it twice, with two settings of your choice – or two models do. "
    "What differs is marked."
)
LINK = "The address of this page is a link to this comparison."
UNCALIBRATED = (
    "Each model measures how sure it is on its own scale: the surer one need not be right. Look at the "
    "picture."
)
MAX_LOADED = 2  # models in memory besides the active one: some 60 MB each


def page() -> None:
    """Choose a picture and what to compare, read what differs."""
    st.title("Two captions compared", anchor=False)
    image = image_picker.active_image()
    if not image:
        st.markdown(INTRODUCTION)
    place = image_picker.show()
    if image:
        _compare(image)
    serving.captioner()  # loaded while the visitor chooses
    image_picker.show_examples(place, image)


def _compare(image: DecodedImage) -> None:
    others, broken = other_bundles.load()
    invalid, above = _invalid_parameters(others), st.container()
    subject = _choose_subject() if others else SETTINGS
    left, right = st.columns([3, 5], gap="medium")
    cards = [column.container(border=True) for column in st.columns(2, gap="medium")]
    pair = [
        configurations.choose_model(card, label, others)
        if subject == MODELS
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
                _show_caption(configuration, caption, (other or caption).best, with_score=subject == MODELS)
    show_broken_bundles(broken)
    if not others:
        _show_only_one_model()
    st.caption(LINK if image.sample else image_picker.NO_LINK)


def _choose_subject() -> str:
    """``SETTINGS`` or ``MODELS``."""
    subject: str = st.segmented_control(
        "Compare",
        [SETTINGS, MODELS],
        default=SETTINGS,
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
    subject = st.query_params.get("what", SETTINGS)
    if subject not in (SETTINGS, MODELS):
        sentences.append("The link asks for a comparison that is not here, so it is ignored.")
    if subject == MODELS and not others:
        sentences.append("The link compares two models, but only one is here.")
    return sentences + (configurations.unknown_models(others) if subject == MODELS and others else [])


def _show_only_one_model() -> None:
    st.caption(
        "Only one model is here. Whoever runs the app can put further ones into the folder "
        f"{wording.escape(other_bundles.bundles_folder().name)}/; this page then compares them, too."
    )


def _caption(card: DeltaGenerator, configuration: Configuration, image: DecodedImage) -> Caption | None:
    """The caption, or None after a model's failure is shown in its card, so that the other still answers."""
    with card:
        try:
            with st.spinner("Looking at the picture …"):
                active = configuration.bundle.checksum == serving.active_bundle().bundle.checksum
                model = serving.captioner() if active else _captioner(configuration.bundle)
                return caption_image(image, configuration.options, model)
        except CaptionerError as error:
            show_error(error)
            return None


@st.cache_resource(show_spinner=False, max_entries=MAX_LOADED, hash_funcs=serving.HASH_FUNCS)
def _captioner(bundle: Bundle) -> Captioner:
    from captioner.inference import smoke_test
    from captioner.inference.captioner import Captioner

    smoke_test.run(bundle)  # a damaged model from elsewhere must not end the app
    return Captioner(bundle)


def _show_difference(pair: Sequence[Configuration], first: Candidate, second: Candidate) -> None:
    """What differs, in words."""
    a, b = pair
    st.header("What differs", anchor=False)
    if (a.bundle.checksum, a.options) == (b.bundle.checksum, b.options):
        st.markdown("Nothing: A and B have the same settings.")
        return
    if first.text == second.text:
        st.markdown("**Both captions are the same, word for word.**")
    else:
        changed = wording.escape(wording.describe_difference(first.text, second.text))
        st.markdown(f"**From A to B: {changed}.**")
    st.markdown(_likelier(first, second) if a.bundle.checksum == b.bundle.checksum else UNCALIBRATED)


def _likelier(first: Candidate, second: Candidate) -> str:
    """Which of two sentences the same model finds likelier, and how much."""
    a, b = wording.chance(first.log_prob), wording.chance(second.log_prob)
    ratio = wording.likelihood_ratio(first.log_prob, second.log_prob)
    if first.text == second.text or not ratio:
        return f"Its chance: {a} in A, {b} in B." if a != b else f"Its chance: {a}, in both."
    better, worse = LABELS if first.log_prob > second.log_prob else LABELS[::-1]
    sentence = f"The model finds the sentence of {better} {ratio} times as likely as that of {worse}"
    sentence += f" (A: {a}; B: {b})." if a != b else "."
    longer = len(first.words) != len(second.words)
    return f"{sentence} Longer sentences mostly have smaller chances." if longer else sentence


def _show_caption(
    configuration: Configuration, caption: Caption, other: Candidate, *, with_score: bool
) -> None:
    """A caption with its probability, its warnings, and how sure the model was of every word."""
    best = caption.best
    model = f"{configuration.model[:1].upper()}{configuration.model[1:]}"
    st.caption(f"{wording.escape(model)}: {wording.escape(configuration.summary)}.")
    changed = wording.changed_words(best.text, other.text)
    end = "" if best.finished else " …"
    warning_box.show([warning.code for warning in caption.warnings])
    st.header(f"“{wording.highlight_differences(best.text, other.text)}{end}”", anchor=False)
    st.markdown(
        f"{wording.confidence_sentence(best.expected_share)} The chance that it says exactly this: "
        f"{wording.chance(best.log_prob)}; of a word, on average: {wording.percent(best.confidence)}."
    )
    words = [_word_markdown(i in changed, word) for i, word in enumerate(best.words) if word.text]
    st.markdown(" · ".join(words))
    if with_score:
        st.caption(wording.escape(_test_score(configuration.bundle)))


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
        return "It has not been scored on test pictures yet."
    return f"CIDEr {metrics.scores['cider']:.2f} on {wording.score_conditions(metrics)}."
