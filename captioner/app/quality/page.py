"""The page “How good is it?”: how often it is right, all test captions, its mistakes, its scores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import streamlit as st

from captioner.app.components import wording
from captioner.app.components.errors import error_boundary, show_broken_bundles
from captioner.app.quality import explore, failures, people, texts
from captioner.app.state import other_bundles, serving
from captioner.bundle.schema import CalibrationParameters, Metrics
from captioner.bundle.storage import Bundle
from captioner.evaluation import predictions
from captioner.evaluation.predictions import ScoredCaption

MIN_TO_COMPARE = 20  # captions, from which on averages are compared
Content = TypeVar("Content")


def page() -> None:
    """What everybody understands first, what only specialists need last."""
    st.title(texts.TITLE, anchor=False)
    bundle = serving.active_bundle().bundle
    metrics, baselines = _read(bundle.metrics), _read(bundle.baselines) or []
    captions = _read(lambda: predictions.scored_captions(bundle)) or []
    calibration = _read(bundle.calibration)
    people.show(bundle, captions, metrics, calibration)
    st.header(texts.ON_TEST_PHOTOS, anchor=False)
    _show_in_short(captions, metrics, calibration)
    if captions:
        st.header(texts.EXPLORE, anchor=False)
        explore.show(captions, bundle.vocabulary)
        _show_failures(captions)
    # Imported late, so that the sentences appear at once: pandas and Altair take half a second.
    from captioner.app.components import reliability
    from captioner.app.quality import scores, statistics

    if captions:
        with error_boundary():
            statistics.show_unused_words(bundle, captions)
    if len(captions) >= MIN_TO_COMPARE:
        statistics.show_similarity_by_confidence(captions)
    with error_boundary():
        reliability.show(calibration)
    st.header(texts.SCORES, anchor=False)
    scores.show(metrics, baselines)
    if captions:
        statistics.show_similarity(captions)
    with error_boundary():
        _show_other_models(bundle)


def _read(content: Callable[[], Content]) -> Content | None:
    """A file's content; None, and the error is shown, where it is malformed."""
    with error_boundary():
        return content()
    return None


def _show_in_short(
    captions: Sequence[ScoredCaption], metrics: Metrics | None, calibration: CalibrationParameters | None
) -> None:
    """How often it is right, as far as that was measured."""
    if captions:
        st.markdown(texts.IN_SHORT.format(count=f"{len(captions):,}"))
    else:
        st.info(texts.NO_PREDICTIONS, icon=":material/info:")
    if calibration:
        shares = [(texts.WORDS, calibration.words.observed)]
        if (people := calibration.words.human_share) is not None:
            shares.append((texts.WORDS_OF_PEOPLE, people))
        grid = st.grid(2, min_column_width=220, border=True)
        for label, share in shares:
            grid.metric(label, wording.in_10(share))
        st.caption(texts.WORDS_EXPLAINED)
    elif metrics:
        st.markdown(_similarity(metrics))
    if captions:
        st.markdown(texts.RATE_YOURSELF)


def _similarity(metrics: Metrics) -> str:
    people = metrics.human_baseline
    return texts.IN_SHORT_SCORES.format(
        constant=f"{metrics.constant_baseline['cider']:.2f}",
        model=f"{metrics.scores['cider']:.2f}",
        people=texts.IN_SHORT_PEOPLE.format(people=f"{people['cider']:.2f}") if people else "",
    )


def _show_failures(captions: Sequence[ScoredCaption]) -> None:
    """Frequent mistakes, with captions of the active model, and with their pictures where these are here."""
    observed = failures.observed_failures(captions)
    if not observed:
        return
    st.header(texts.FAILURES, anchor=False)
    st.markdown(texts.FAILURES_INTRODUCTION)
    samples, _ = serving.samples()
    for failure in observed:
        left, right = st.columns([4, 7], gap="medium")
        left.markdown(f"**{failure.title}.** {failure.reason}")
        with right:
            grid = st.grid(failures.MAX_EXAMPLES, min_column_width=145)
        for example in failure.examples:
            with grid.cell(), error_boundary():
                if example.image in samples:
                    explore.show_picture(example.caption, samples[example.image])
                shows = texts.IT_SAID.format(shows=example.shows) if example.shows else ""
                st.markdown(f"{shows}“{wording.escape(example.caption)}”")


def _show_other_models(bundle: Bundle) -> None:
    """The scores of the other models that are here, where there are any."""
    from captioner.app.quality import scores

    others, broken = other_bundles.readable()
    if others:
        st.subheader(texts.OTHER_MODELS, anchor=False)
        scores.show_models({other_bundles.ACTIVE: bundle, **others})
    show_broken_bundles(broken)
