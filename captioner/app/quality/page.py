"""The page “How good is it?”: how often it is right, all test captions, its mistakes, its scores."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from typing import TypeVar

import streamlit as st

from captioner.app.components import browser, layout, wording
from captioner.app.components.errors import error_boundary, show_broken_bundles, training_dataset
from captioner.app.quality import answer, explore, failures, texts, visitor_ratings
from captioner.app.state import other_bundles, serving
from captioner.bundle import ratings
from captioner.bundle.schema import Baseline, CalibrationParameters, Metrics
from captioner.bundle.storage import Bundle
from captioner.evaluation import predictions
from captioner.evaluation.predictions import ScoredCaption

Content = TypeVar("Content")


def page() -> None:
    """What everybody understands first, what only specialists need last."""
    st.title(texts.TITLE, anchor=False)
    bundle = serving.active_bundle().bundle
    metrics, baselines = _read(bundle.metrics), _read(bundle.baselines) or []
    captions = _read(lambda: predictions.scored_captions(bundle)) or []
    calibration = _read(bundle.calibration_parameters)
    st.header(texts.HOW_OFTEN, anchor=False)
    _show_people(bundle, captions, metrics, calibration)
    if captions:
        st.header(texts.EXPLORE, anchor=False)
        st.markdown(texts.EXPLORE_TEXT.format(count=f"{len(captions):,}"))
        explore.show(captions, bundle.vocabulary)
        _show_failures(captions)
    else:
        st.info(texts.NO_PREDICTIONS, icon=":material/info:")
    # Imported late, so that the sentences appear at once: pandas and Altair take half a second.
    from captioner.app.quality import statistics

    if captions:
        with error_boundary():
            statistics.show_unused_words(bundle, captions)
    if len(captions) >= explore.MIN_TO_COMPARE:
        statistics.show_similarity_by_certainty(captions)
    st.header(texts.SCORES, anchor=False)
    st.markdown(texts.SCORES_INTRODUCTION)
    with st.expander(texts.ALL_SCORES_DETAILS, icon=":material/monitoring:"):
        _show_scores(bundle, captions, metrics, baselines, calibration)


def _read(content: Callable[[], Content]) -> Content | None:
    """A file's content; None, and the error is shown, where it is malformed."""
    with error_boundary():
        return content()
    return None


def _show_people(
    bundle: Bundle,
    captions: Sequence[ScoredCaption],
    metrics: Metrics | None,
    calibration: CalibrationParameters | None,
) -> None:
    """How often it is right, as far as that is known; then what visitors said, and what was computed."""
    rated = _read(lambda: (ratings.human_evaluation(bundle), ratings.checksums(bundle)))
    evaluation, own = rated or (None, {bundle.checksum})
    tallies = _read(lambda: visitor_ratings.read(evaluation.ids if evaluation else ()))
    visitors = [tally for tally in tallies or () if tally.bundle_checksum in own]
    answer.show(evaluation, visitors, metrics, calibration)
    if tallies is not None:
        computed = visitor_ratings.describe_computed(metrics, calibration)
        visitor_ratings.show(tallies, visitors, captions, computed)
    if calibration and (evaluation or answer.enough(visitors)):
        st.header(texts.COMPUTED_WORDS, anchor=False)
        st.markdown(texts.COMPUTED_WORDS_TEXT)
        answer.show_words(calibration)


def _show_failures(captions: Sequence[ScoredCaption]) -> None:
    """Frequent mistakes, with captions of the active model, and with their pictures where these are here."""
    observed = failures.observed_failures(captions)
    if not observed:
        return
    with st.container(key=layout.MISTAKES):
        st.header(texts.FAILURES, anchor=False)
    if st.query_params.pop("part", "") == layout.MISTAKES:
        browser.scroll_to(layout.MISTAKES, secrets.token_hex(8))
    st.markdown(texts.FAILURES_INTRODUCTION)
    pictures, _ = serving.examples()
    for failure in observed:
        left, right = st.columns([4, 7], gap="medium")
        left.markdown(f"**{failure.title}.** {failure.reason}")
        with right:
            grid = st.grid(failures.MAX_MISTAKES, min_column_width=145)
        for mistake in failure.mistakes:
            with grid.cell(), error_boundary():
                if mistake.image in pictures:
                    explore.show_picture(mistake.caption, pictures[mistake.image])
                shows = texts.IT_SAID.format(shows=mistake.shows) if mistake.shows else ""
                st.markdown(f"{shows}“{wording.escape(mistake.caption)}”")


def _show_scores(
    bundle: Bundle,
    captions: Sequence[ScoredCaption],
    metrics: Metrics | None,
    baselines: Sequence[Baseline],
    calibration: CalibrationParameters | None,
) -> None:
    """All scores of the model, and of the others that are here."""
    from captioner.app.components import reliability
    from captioner.app.quality import scores, statistics

    scores.show(metrics, baselines, training_dataset(bundle))
    if captions:
        statistics.show_similarity(captions)
    with error_boundary():
        reliability.show(calibration)
    with error_boundary():
        others, broken = other_bundles.readable()
        if others:
            st.subheader(texts.OTHER_MODELS, anchor=False)
            scores.show_models({other_bundles.ACTIVE: bundle, **others})
        show_broken_bundles(broken)
