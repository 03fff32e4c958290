"""The model's captions of the test pictures: search, sort, look at the pictures, or at all in a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean, median

import streamlit as st

from captioner import images
from captioner.app.components import wording
from captioner.app.components.errors import error_boundary, show_error, training_dataset
from captioner.app.quality import texts
from captioner.app.state import serving
from captioner.data.examples import Example
from captioner.errors import CaptionerError
from captioner.evaluation import predictions
from captioner.evaluation.predictions import CIDER_DESCRIPTION, SCORES, SORT_KEYS, ScoredCaption
from captioner.text import Vocabulary, words

ROW_HEIGHT, MAX_ROWS = 66, 9  # pixels: below 65, Streamlit does not wrap a cell; rows seen at once
# Pixels, as much as fits on a phone; wide screens stretch them.
SENTENCE_WIDTH, CERTAINTY_WIDTH, NUMBER_WIDTH = 158, 84, 72
SIZE, PER_PAGE = (640, 480), 12  # pixels of a picture; pictures on a page
VIEWS = PICTURES, TABLE = texts.AS_PICTURES, texts.AS_TABLE
MIN_TO_COMPARE = 20  # captions, from which on averages are compared


@st.fragment
@error_boundary()
def show(captions: Sequence[ScoredCaption], vocabulary: Vocabulary) -> None:
    """Draw the search and what it finds: the pictures, where they are here, or a table."""
    examples, source = serving.examples()
    with_picture = [row for row in captions if row.image in examples]
    left, right = st.columns([6, 5], gap="medium")
    query = left.text_input(
        texts.SEARCH,
        key="search",
        type="search",
        icon=":material/search:",
        placeholder=texts.SEARCH_EXAMPLE,
        live=True,
        bind="query-params",
    )
    order = right.segmented_control(
        texts.ORDER,
        list(SORT_KEYS),
        default=next(iter(SORT_KEYS)),
        required=True,
        key="first",
        wrap=True,
        bind="query-params",
    )
    as_table = (
        not with_picture
        or st.segmented_control(
            texts.VIEW, VIEWS, default=PICTURES, required=True, key="view", bind="query-params"
        )
        == TABLE
    )
    searched = captions if as_table else with_picture
    matches = sorted(predictions.search(searched, query), key=SORT_KEYS[order or next(iter(SORT_KEYS))])
    if not matches:
        st.info(
            _no_match(query, vocabulary, only_with_picture=len(searched) < len(captions)),
            icon=":material/search_off:",
        )
        return
    st.markdown(_count(matches, captions, query))
    if as_table:
        _show_table(matches, captions, examples, source, key=f"sentences {query} {order}")
    else:
        _show_pictures(matches, captions, examples, key=f"pictures {query} {order}")
        st.caption(f"{wording.escape(source)} {CIDER_DESCRIPTION}")


def _show_pictures(
    matches: Sequence[ScoredCaption],
    captions: Sequence[ScoredCaption],
    examples: Mapping[str, Example],
    key: str,
) -> None:
    """A page of pictures, each with its caption and, on demand, more about it."""
    place, pages = st.container(), -(-len(matches) // PER_PAGE)
    page = st.pagination(pages, key=key) if pages > 1 else 1
    with place:
        grid = st.grid(3, min_column_width=145)
    first = (page - 1) * PER_PAGE
    for number, row in enumerate(matches[first : first + PER_PAGE], start=first + 1):
        with grid.cell(), st.container(border=True):
            show_picture(row.caption, examples[row.image])
            st.markdown(f"“{wording.escape(row.caption)}”")
            _estimate(row)
            with st.popover(texts.MORE.format(number=number)):
                _details(row, captions, examples[row.image])
                _scores(row, captions)


def _show_table(
    matches: Sequence[ScoredCaption],
    captions: Sequence[ScoredCaption],
    examples: Mapping[str, Example],
    source: str,
    key: str,
) -> None:
    """A table of all matches; beside it, the chosen one."""
    left, right = st.columns([6, 5], gap="medium")
    with left:
        chosen = matches[_table(matches, key)]
        st.caption(CIDER_DESCRIPTION)
    with right:
        if chosen.image in examples:
            show_picture(chosen.caption, examples[chosen.image])
        st.subheader(f"“{wording.escape(chosen.caption)}”", anchor=False)
        _estimate(chosen)
        _details(chosen, captions, examples.get(chosen.image))
        dataset = training_dataset(serving.active_bundle().bundle).name
        without = texts.NO_PICTURE.format(dataset=dataset)
        st.caption(wording.escape(source) if chosen.image in examples else without)
        with st.expander(texts.ALL_SCORES, icon=":material/table_rows:"):
            _scores(chosen, captions)


def _estimate(row: ScoredCaption) -> None:
    if row.expected_precision is not None:
        st.caption(f"**{wording.verdict(row.expected_precision)}**")


def _no_match(query: str, vocabulary: Vocabulary, *, only_with_picture: bool) -> str:
    unknown = [word for word in words(query) if not any(known.startswith(word) for known in vocabulary.words)]
    if unknown:
        return texts.UNKNOWN_WORD.format(word=wording.escape(unknown[0]))
    sentence = texts.NO_MATCH_WITH_PICTURE if only_with_picture else texts.NO_MATCH
    return sentence.format(query=wording.escape(query.strip()))


def _count(matches: Sequence[ScoredCaption], captions: Sequence[ScoredCaption], query: str) -> str:
    """How many matches there are and, where there are enough, how their average compares."""
    if len(matches) == len(captions):
        return texts.ALL_SENTENCES.format(count=f"{len(captions):,}")
    with_query = texts.WITH_QUERY.format(query=wording.escape(query.strip())) if query.strip() else ""
    text = texts.SOME_SENTENCES.format(
        count=f"{len(matches):,}", total=f"{len(captions):,}", query=with_query
    )
    if not with_query or len(matches) < MIN_TO_COMPARE:
        return text
    here, overall = fmean(row.cider for row in matches), fmean(row.cider for row in captions)
    return text + texts.AVERAGE_OF_MATCHES.format(
        more="more" if here > overall else "less", here=f"{here:.2f}", overall=f"{overall:.2f}"
    )


def _table(matches: Sequence[ScoredCaption], key: str) -> int:
    """A row for every caption; returns the index of the chosen one, at first 0."""
    table = {
        "sentence": [row.caption for row in matches],
        "certainty": [100 * row.certainty for row in matches],
        "cider": [row.cider for row in matches],
    }
    measured = all(row.expected_precision is not None for row in matches)
    heading = texts.SHARE_COLUMN if measured else texts.CHANCE_COLUMN
    explained = texts.SHARE_HELP if measured else texts.CHANCE_HELP
    state = st.dataframe(
        table,
        key=key,
        on_select="rerun",
        selection_mode="single-row",
        selection_default={"selection": {"rows": [0], "columns": [], "cells": []}},
        hide_index=True,
        row_height=ROW_HEIGHT,
        height=ROW_HEIGHT * MAX_ROWS,
        alt=texts.TABLE,
        column_config={
            "sentence": st.column_config.TextColumn(texts.SENTENCE_COLUMN, width=SENTENCE_WIDTH),
            "certainty": st.column_config.NumberColumn(
                heading, format="%.0f %%", width=CERTAINTY_WIDTH, help=explained
            ),
            "cider": st.column_config.NumberColumn(
                texts.SIMILARITY_COLUMN, format="%.2f", width=NUMBER_WIDTH, help=CIDER_DESCRIPTION
            ),
        },
    )
    rows = state.selection.rows
    return rows[0] if rows and rows[0] < len(matches) else 0


def _details(chosen: ScoredCaption, captions: Sequence[ScoredCaption], example: Example | None) -> None:
    st.markdown(_comparison(chosen, captions))
    if example and example.references:
        st.markdown(f"**{texts.PEOPLE_WROTE}**")
        st.markdown("\n".join(f"- {wording.escape(reference)}" for reference in example.references))


def _comparison(chosen: ScoredCaption, captions: Sequence[ScoredCaption]) -> str:
    """How sure the model was, and how similar to people's the sentence is, compared with all the others."""
    certainty = predictions.describe_rank(
        chosen.certainty, [row.certainty for row in captions], texts.SURE_RANK
    )
    similarity = predictions.describe_rank(chosen.cider, [row.cider for row in captions], texts.SIMILAR_RANK)
    uncalibrated = chosen.expected_precision is None
    return texts.HOW_SURE.format(
        rank=certainty,
        chance=texts.CHANCE.format(percent=wording.percent(chosen.confidence)) if uncalibrated else "",
        similarity=similarity,
        cider=f"{chosen.cider:.2f}",
    )


def show_picture(caption: str, example: Example) -> None:
    """Draw a test picture, with the model's caption for those who cannot see it."""
    from captioner.app.components import resizing

    try:
        image = images.read(example.read())
    except CaptionerError as error:
        show_error(error)
    else:
        st.image(resizing.thumbnail(image, SIZE), width="stretch", alt=caption)


def _scores(chosen: ScoredCaption, captions: Sequence[ScoredCaption]) -> None:
    scored = {key: name for key, name in SCORES.items() if all(key in row.scores for row in captions)}
    medians = [median(row.scores[key] for row in captions) for key in scored]
    table = {
        texts.SCORE_COLUMN: list(scored.values()),
        texts.SENTENCE_SCORE: [f"{chosen.scores[key]:.2f}" for key in scored],
        texts.MEDIAN_SCORE: [f"{value:.2f}" for value in medians],
    }
    st.table(table, hide_index=True, border="horizontal")
    st.caption(
        texts.WHICH_SENTENCE.format(
            caption=wording.escape(chosen.caption), image=wording.escape(chosen.image)
        )
    )
