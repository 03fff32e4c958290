"""The model's captions of the test pictures: search, sort, look at one; how scores and words are spread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean, median

import streamlit as st

from captioner import images
from captioner.app.components import wording
from captioner.app.components.errors import error_boundary, show_error
from captioner.app.state import serving
from captioner.data.samples import Sample
from captioner.errors import CaptionerError
from captioner.evaluation import predictions
from captioner.evaluation.predictions import CIDER_DESCRIPTION, SCORES, SORT_KEYS, ScoredCaption
from captioner.text import Vocabulary, words

ROW_HEIGHT, MAX_ROWS = 66, 9  # pixels: below 65, Streamlit does not wrap a cell; rows seen at once
SENTENCE_WIDTH, NUMBER_WIDTH = 170, 72  # pixels, as much as fits on a phone; wide screens stretch them
MIN_TO_COMPARE = 20  # captions, from which on averages are compared
INTRODUCTION = (
    "The model has described {} photographs that it was not trained on. Nobody has picked the good ones: "
    "search them, sort them, and choose a sentence to see more about it."
)
NO_PREDICTIONS = "This model has no sentences about test pictures yet."
NO_PICTURE = (
    "The picture and what people wrote about it are not here, as the photographs may not be passed on with "
    "the model. They appear where this app finds the Flickr8k collection (CAPTIONER\\_FLICKR8K names its "
    "folder)."
)
CONFIDENCE_EXPLAINED = "The chance that it gave to each word it chose, on average"


def page() -> None:
    """The captions, then what they have in common."""
    st.title("Where does it do well, where does it fail?", anchor=False)
    bundle = serving.active_bundle().bundle
    captions = predictions.scored_captions(bundle)
    if not captions:
        st.info(NO_PREDICTIONS, icon=":material/info:")
        return
    st.markdown(INTRODUCTION.format(f"{len(captions):,}"))
    _search(captions, bundle.vocabulary)
    # Imported late, so that the sentences appear at once: pandas and Altair take half a second.
    from captioner.app.explore import statistics

    statistics.show_similarity(captions)
    if len(captions) >= MIN_TO_COMPARE:
        statistics.show_similarity_by_confidence(captions)
    with error_boundary():
        statistics.show_unused_words(bundle, captions)


@st.fragment
@error_boundary()
def _search(captions: Sequence[ScoredCaption], vocabulary: Vocabulary) -> None:
    samples, source = serving.samples()
    left, right = st.columns([6, 5], gap="medium")
    query = left.text_input(
        "Search its sentences",
        key="search",
        type="search",
        icon=":material/search:",
        placeholder="dog, or two words: dog snow",
        live=True,
        bind="query-params",
    )
    order = right.segmented_control(
        "Show first",
        list(SORT_KEYS),
        default=next(iter(SORT_KEYS)),
        required=True,
        key="first",
        bind="query-params",
    )
    searched = _only_with_picture(captions, samples)
    matches = sorted(predictions.search(searched, query), key=SORT_KEYS[order or next(iter(SORT_KEYS))])
    if not matches:
        st.info(
            _no_match(query, vocabulary, only_with_picture=len(searched) < len(captions)),
            icon=":material/search_off:",
        )
        return
    st.markdown(_count(matches, captions, query))
    left, right = st.columns([6, 5], gap="medium")
    with left:
        chosen = matches[_table(matches, f"sentences {query} {order} {len(searched)}")]
        st.caption(CIDER_DESCRIPTION)
    with right:
        _details(chosen, captions, samples.get(chosen.image))
        st.caption(wording.escape(source) if chosen.image in samples else NO_PICTURE)
        with st.expander("All scores of this sentence", icon=":material/table_rows:"):
            _scores(chosen, captions)


def _only_with_picture(
    captions: Sequence[ScoredCaption], samples: Mapping[str, Sample]
) -> Sequence[ScoredCaption]:
    """Where some pictures are here and others are not, the visitor may choose to see only those."""
    with_picture = [row for row in captions if row.image in samples]
    if not 0 < len(with_picture) < len(captions):
        return captions
    only = st.checkbox(f"Only the {len(with_picture)} whose picture is here", key="illustrated")
    return with_picture if only else captions


def _no_match(query: str, vocabulary: Vocabulary, *, only_with_picture: bool) -> str:
    unknown = [word for word in words(query) if not any(known.startswith(word) for known in vocabulary.words)]
    if unknown:
        return f"None of its sentences has “{wording.escape(unknown[0])}”: it has never learned that word."
    which = "the sentences whose picture is here" if only_with_picture else "its sentences"
    return f"None of {which} has “{wording.escape(query.strip())}”."


def _count(matches: Sequence[ScoredCaption], captions: Sequence[ScoredCaption], query: str) -> str:
    """How many matches there are and, where there are enough, how their average compares."""
    if len(matches) == len(captions):
        return f"All {len(captions):,} sentences."
    with_query = f" with “{wording.escape(query.strip())}”" if query.strip() else ""
    text = f"{len(matches):,} of {len(captions):,} sentences{with_query}."
    if not with_query or len(matches) < MIN_TO_COMPARE:
        return text
    here, overall = fmean(row.cider for row in matches), fmean(row.cider for row in captions)
    more = "more" if here > overall else "less"
    return (
        f"{text} On average they are {more} similar to people’s sentences than all of them together: a CIDEr "
        f"of {here:.2f} against {overall:.2f}."
    )


def _table(matches: Sequence[ScoredCaption], key: str) -> int:
    """A row for every caption; returns the index of the chosen one, at first 0."""
    table = {
        "sentence": [row.caption for row in matches],
        "confidence": [100 * row.confidence for row in matches],
        "cider": [row.cider for row in matches],
    }
    state = st.dataframe(
        table,
        key=key,
        on_select="rerun",
        selection_mode="single-row",
        selection_default={"selection": {"rows": [0], "columns": [], "cells": []}},
        hide_index=True,
        row_height=ROW_HEIGHT,
        height=ROW_HEIGHT * MAX_ROWS,
        alt="The model’s sentences about the test pictures",
        column_config={
            "sentence": st.column_config.TextColumn("What it said", width=SENTENCE_WIDTH),
            "confidence": st.column_config.NumberColumn(
                "How sure", format="%.0f %%", width=NUMBER_WIDTH, help=CONFIDENCE_EXPLAINED
            ),
            "cider": st.column_config.NumberColumn(
                "Similarity", format="%.2f", width=NUMBER_WIDTH, help=CIDER_DESCRIPTION
            ),
        },
    )
    rows = state.selection.rows
    return rows[0] if rows and rows[0] < len(matches) else 0


def _details(chosen: ScoredCaption, captions: Sequence[ScoredCaption], sample: Sample | None) -> None:
    if sample:
        _picture(chosen, sample)
    st.header(f"“{wording.escape(chosen.caption)}”", anchor=False)
    st.markdown(_comparison(chosen, captions))
    if sample and sample.references:
        st.markdown("**What people wrote about this picture**")
        st.markdown("\n".join(f"- {wording.escape(reference)}" for reference in sample.references))


def _comparison(chosen: ScoredCaption, captions: Sequence[ScoredCaption]) -> str:
    """How sure the model was, and how similar to people's the sentence is, compared with all the others."""
    confidence = predictions.describe_rank(
        chosen.confidence, [row.confidence for row in captions], "It was {} sure than for {}"
    )
    similarity = predictions.describe_rank(
        chosen.cider, [row.cider for row in captions], "It is {} similar to theirs than {}"
    )
    return (
        f"- **How sure:** {confidence}. On average it gave a chance of {wording.percent(chosen.confidence)} "
        f"to each word that it chose.\n- **How similar to people’s sentences:** {similarity} (CIDEr "
        f"{chosen.cider:.2f})."
    )


def _picture(chosen: ScoredCaption, sample: Sample) -> None:
    from captioner.app.components import attention_overlay

    try:
        image = images.read(sample.read())
    except CaptionerError as error:
        show_error(error)
    else:
        st.image(attention_overlay.scaled_down(image, 640), width="stretch", alt=chosen.caption)


def _scores(chosen: ScoredCaption, captions: Sequence[ScoredCaption]) -> None:
    scored = {key: name for key, name in SCORES.items() if all(key in row.scores for row in captions)}
    medians = [median(row.scores[key] for row in captions) for key in scored]
    table = {
        "score": list(scored.values()),
        "this sentence": [f"{chosen.scores[key]:.2f}" for key in scored],
        "middle of all (median)": [f"{value:.2f}" for value in medians],
    }
    st.table(table, hide_index=True, border="horizontal")
    st.caption(f"“{wording.escape(chosen.caption)}”, about {wording.escape(chosen.image)}.")
