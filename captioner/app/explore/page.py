"""What the model said about the test pictures: search, sort, open one; how scores and words are spread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean, median

import streamlit as st

from captioner import images
from captioner.app.components import wording
from captioner.app.components.errors import error_boundary, show_error
from captioner.app.state import sample_library, serving
from captioner.data.samples import Sample
from captioner.errors import CaptionerError
from captioner.evaluation import predictions
from captioner.evaluation.predictions import NO_MARK, ORDERS, SCORES, Said
from captioner.text import Vocabulary, words

ROW, ROWS = 66, 9  # pixels: below 65, Streamlit does not wrap a cell; rows seen at once
SENTENCE, FIGURE = 170, 72  # pixels, as much as fits on a phone; wide screens stretch them
ELSEWHERE = (
    "The picture and what people wrote about it are not here: the photographs are not the model’s to give "
    "away. They show where this app finds the Flickr8k collection (CAPTIONER\\_FLICKR8K names its folder)."
)
ENOUGH = 20  # sentences, from which on averages are compared


def page() -> None:
    """The sentences, then what they have in common."""
    st.title("Where does it do well, where does it fail?", anchor=False)
    bundle = serving.active_bundle().bundle
    everything = predictions.sentences(bundle)
    if not everything:
        st.info("This bundle brings no sentences about test pictures yet.", icon=":material/info:")
        return
    st.markdown(
        f"The model has described {len(everything):,} photographs that it was not trained on. Nobody has "
        "picked the good ones: search them, sort them, and choose a sentence to see more about it."
    )
    _sentences(everything, bundle.vocabulary)
    # Only now: pandas and Altair take half a second, for which the sentences need not wait.
    from captioner.app.explore import statistics

    statistics.spread(everything)
    if len(everything) >= ENOUGH:
        statistics.trust(everything)
    with error_boundary():
        statistics.unsaid(bundle, everything)


@st.fragment
@error_boundary()
def _sentences(everything: Sequence[Said], vocabulary: Vocabulary) -> None:
    shelf, source = sample_library.samples()
    ask, sort = st.columns([6, 5], gap="medium")
    query = ask.text_input(
        "Search its sentences",
        key="search",
        type="search",
        icon=":material/search:",
        placeholder="dog, or two words: dog snow",
        live=True,
        bind="query-params",
    )
    order = sort.segmented_control(
        "Show first",
        list(ORDERS),
        default=next(iter(ORDERS)),
        required=True,
        key="first",
        bind="query-params",
    )
    here = _illustrated(everything, shelf)
    found = sorted(predictions.matching(here, query), key=ORDERS[order or next(iter(ORDERS))])
    if not found:
        st.info(_nothing(query, vocabulary, len(here) < len(everything)), icon=":material/search_off:")
        return
    st.markdown(_counted(found, everything, query))
    left, right = st.columns([6, 5], gap="medium")
    with left:
        chosen = _table(found, f"sentences {query} {order} {len(here)}")
        st.caption(NO_MARK)
    with right:
        _details(found[chosen], everything, shelf.get(found[chosen].image))
        st.caption(wording.escaped(source) if found[chosen].image in shelf else ELSEWHERE)
        with st.expander("All scores of this sentence", icon=":material/table_rows:"):
            _scores(found[chosen], everything)


def _illustrated(everything: Sequence[Said], shelf: Mapping[str, Sample]) -> Sequence[Said]:
    """On demand, only the sentences whose picture is here; nobody is asked where that makes no difference."""
    here = [said for said in everything if said.image in shelf]
    if not 0 < len(here) < len(everything):
        return everything
    only = st.checkbox(f"Only the {len(here)} whose picture is here", key="illustrated")
    return here if only else everything


def _nothing(query: str, vocabulary: Vocabulary, some: bool) -> str:
    strange = [word for word in words(query) if not any(known.startswith(word) for known in vocabulary.words)]
    if strange:
        return f"None of its sentences has “{wording.escaped(strange[0])}”: it has never learned that word."
    which = "the sentences whose picture is here" if some else "its sentences"
    return f"None of {which} has “{wording.escaped(query.strip())}”."


def _counted(found: Sequence[Said], everything: Sequence[Said], query: str) -> str:
    """How many there are and, where there are enough, how they compare with all."""
    if len(found) == len(everything):
        return f"All {len(everything):,} sentences."
    with_query = f" with “{wording.escaped(query.strip())}”" if query.strip() else ""
    text = f"{len(found):,} of {len(everything):,} sentences{with_query}."
    if not with_query or len(found) < ENOUGH:
        return text
    these, all_of_them = fmean(said.like for said in found), fmean(said.like for said in everything)
    compared = "more" if these > all_of_them else "less"
    return (
        f"{text} On average they are {compared} like people’s sentences than all are: a CIDEr of {these:.2f} "
        f"against {all_of_them:.2f}."
    )


def _table(found: Sequence[Said], key: str) -> int:
    """Every sentence with its two figures; the index of the one chosen, the first to begin with."""
    table = {
        "sentence": [said.caption for said in found],
        "sure": [100 * said.sure for said in found],
        "likeness": [said.like for said in found],
    }
    state = st.dataframe(
        table,
        key=key,
        on_select="rerun",
        selection_mode="single-row",
        selection_default={"selection": {"rows": [0], "columns": [], "cells": []}},
        hide_index=True,
        row_height=ROW,
        height=ROW * ROWS,
        alt="The model’s sentences about the test pictures",
        column_config={
            "sentence": st.column_config.TextColumn("What it said", width=SENTENCE),
            "sure": st.column_config.NumberColumn(
                "How sure",
                format="%.0f %%",
                width=FIGURE,
                help="The chance that it gave to each word it chose, on average",
            ),
            "likeness": st.column_config.NumberColumn("Likeness", format="%.2f", width=FIGURE, help=NO_MARK),
        },
    )
    rows = state.selection.rows
    return rows[0] if rows and rows[0] < len(found) else 0


def _details(said: Said, everything: Sequence[Said], sample: Sample | None) -> None:
    if sample:
        _picture(said, sample)
    st.header(f"“{wording.escaped(said.caption)}”", anchor=False)
    st.markdown(_told(said, everything))
    if sample and sample.references:
        st.markdown("**What people wrote about this picture**")
        st.markdown("\n".join(f"- {wording.escaped(reference)}" for reference in sample.references))


def _told(said: Said, everything: Sequence[Said]) -> str:
    """How sure, and how like people's sentences, beside all the others."""
    sure = predictions.placed(said.sure, [other.sure for other in everything], "It was {} sure than for {}")
    like = predictions.placed(said.like, [other.like for other in everything], "It is {} like theirs than {}")
    return (
        f"- **How sure:** {sure}. On average it gave a chance of {wording.percent(said.sure)} to each word "
        f"that it chose.\n- **How like people’s sentences:** {like} (CIDEr {said.like:.2f})."
    )


def _picture(said: Said, sample: Sample) -> None:
    from captioner.app.components import attention_overlay

    try:
        image = images.read(sample.read())
    except CaptionerError as error:
        show_error(error)
    else:
        st.image(attention_overlay.fitted(image, 640), width="stretch", alt=said.caption)


def _scores(said: Said, everything: Sequence[Said]) -> None:
    medians = [median(other.scores[name] for other in everything) for name in SCORES]
    table = {
        "score": list(SCORES.values()),
        "this sentence": [f"{said.scores[name]:.2f}" for name in SCORES],
        "middle of all (median)": [f"{value:.2f}" for value in medians],
    }
    st.table(table, hide_index=True, border="horizontal")
    st.caption(f"“{wording.escaped(said.caption)}”, about {wording.escaped(said.image)}.")
