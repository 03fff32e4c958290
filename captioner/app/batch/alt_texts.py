"""The alt texts of several pictures as a table that can be changed, each to be ticked once it is reviewed."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from captioner.app.batch import saved, texts
from captioner.app.batch.job import MAX_TEXT, BatchJob
from captioner.app.components.errors import error_boundary

ROW_HEIGHT, MAX_ROWS = 84, 8  # pixels, so that four lines of text fit; rows seen at once
COLUMNS = ("reviewed", "picture", "alt text", "note", "file")
READ_ONLY = ("picture", "note", "file")


@st.fragment
@error_boundary()
def show(job: BatchJob, key: str) -> None:
    """Draw the table; every change is in the job at once, and in the browser's storage.

    ``key`` is another one than for the job before, whose changes the table would inherit.
    """
    st.markdown(texts.ALT_TEXTS_EXPLAINED)
    neutral = st.toggle(texts.NEUTRAL, job.neutral_words, key="neutral words")
    if key not in st.session_state or neutral != job.neutral_words:
        job.neutral_words = neutral
        job.draw_anew()
    _show_table(job, key)
    reviewed = sum(alt.reviewed for alt in job.touched.values())
    st.markdown(texts.REVIEWED_SO_FAR.format(reviewed=reviewed, count=len(job.results)))
    saved.keep_alt_texts(job)


def _show_table(job: BatchJob, key: str) -> None:
    st.data_editor(
        _frame(job),
        hide_index=True,
        row_height=ROW_HEIGHT,
        height=min(MAX_ROWS, len(job.results)) * ROW_HEIGHT + ROW_HEIGHT // 2 + 4,
        alt=texts.ALT_TEXTS_TABLE,
        disabled=READ_ONLY,
        key=key,
        on_change=_on_edit,
        args=(job, key),
        column_config={
            "reviewed": st.column_config.CheckboxColumn(texts.REVIEWED, width=72),
            "picture": st.column_config.ImageColumn(texts.PICTURE, width=64),
            "alt text": st.column_config.TextColumn(texts.ALT_TEXT, width=200, max_chars=MAX_TEXT),
            "note": st.column_config.TextColumn(texts.NOTE, width=190),
            "file": st.column_config.TextColumn(texts.FILE, width=110),
        },
    )


def _frame(job: BatchJob) -> pd.DataFrame:
    """A row for every file; the widget adds the changes itself as long as it is drawn."""
    rows = [
        (alt.reviewed, result.thumbnail, alt.text, result.problem or result.warning, result.file)
        for result, alt in zip(job.results, job.drawn, strict=True)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _on_edit(job: BatchJob, key: str) -> None:
    job.edit(st.session_state[key]["edited_rows"])
