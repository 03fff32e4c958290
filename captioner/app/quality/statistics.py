"""What the captions of the test pictures have in common: similarity, certainty, words never used."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean, median

import altair as alt
import pandas as pd
import streamlit as st

from captioner.app.components import wording
from captioner.app.components.charts import LABEL_SIZE, in_text_color, layered
from captioner.app.quality import texts
from captioner.bundle.storage import Bundle
from captioner.evaluation import predictions
from captioner.evaluation.predictions import ScoredCaption
from captioner.text import SPECIALS

MAX_WORDS = 12  # in the chart
BIN_WIDTH, BIN_MARGIN = 0.25, 0.01  # CIDEr: the width of a bar, and what is left free on either side
HEIGHT, BAR_HEIGHT, ROW_HEIGHT = 260, 18, 30  # pixels
AVERAGE_OPACITY = 0.7  # of the line
MAX_X = 1.35  # where the axis of bars ends, so that the text after the longest fits


def show_similarity(captions: Sequence[ScoredCaption]) -> None:
    """How the similarity of the sentences to people's is distributed."""
    ciders = [row.cider for row in captions]
    st.subheader(texts.SIMILARITY, anchor=False)
    bins, average = histogram(ciders), fmean(ciders)
    sentence = texts.SIMILARITY_SUMMARY.format(
        dissimilar=f"{bins['sentences'].iloc[0]:,}",
        count=f"{len(ciders):,}",
        low=BIN_WIDTH,
        similar=f"{sum(value >= 4 * BIN_WIDTH for value in ciders):,}",
        median=f"{median(ciders):.2f}",
    )
    st.markdown(sentence)
    st.altair_chart(
        histogram_chart(bins, average),
        width="stretch",
        alt=texts.SIMILARITY_CHART.format(summary=sentence, average=f"{average:.2f}"),
    )
    st.caption(texts.SIMILARITY_EXPLAINED.format(average=f"{average:.2f}"))
    with st.expander(texts.SIMILARITY_TABLE, icon=":material/table_rows:"):
        ranges = [f"{row.start:.2f} to under {row.end:.2f}" for row in bins.itertuples()]
        table = {"similarity (CIDEr)": ranges, "sentences": bins["sentences"].tolist()}
        st.table(table, hide_index=True, border="horizontal")


def show_similarity_by_certainty(captions: Sequence[ScoredCaption]) -> None:
    """Whether the sentences that the model is surer of are the better ones."""
    st.header(texts.CERTAINTY, anchor=False)
    ordered = sorted(captions, key=lambda row: -row.certainty)
    quarters = texts.QUARTERS
    bounds = [index * len(ordered) // len(quarters) for index in range(len(quarters) + 1)]
    means = [fmean(row.cider for row in ordered[start:end]) for start, end in pairwise(bounds)]
    helps = texts.CERTAINTY_HELPS if means[0] > means[-1] else texts.CERTAINTY_SAYS_LITTLE
    st.markdown(helps)
    labels = [f"{mean:.2f}" for mean in means]
    frame = pd.DataFrame({"name": quarters, "value": means, "label": labels})
    alt_text = ", ".join(f"{name} {label}" for name, label in zip(quarters, labels, strict=True))
    with st.expander(texts.CERTAINTY_DETAILS, icon=":material/bar_chart:"):
        st.markdown(texts.CERTAINTY_SUMMARY.format(first=f"{means[0]:.2f}", last=f"{means[-1]:.2f}"))
        st.altair_chart(bar_chart(frame), width="stretch", alt=f"Average CIDEr: {alt_text}.")


def show_unused_words(bundle: Bundle, captions: Sequence[ScoredCaption]) -> None:
    """Frequent words of the training captions that the model never used."""
    unused = predictions.frequent_words_unused(bundle, captions)
    if not unused:
        return
    st.subheader(texts.UNUSED_WORDS, anchor=False)
    st.markdown(
        texts.UNUSED_WORDS_SUMMARY.format(
            frequent=f"{len(predictions.frequent_words(bundle)):,}",
            unused=f"{len(unused):,}",
        )
    )
    with st.expander(texts.UNUSED_WORDS_DETAILS, icon=":material/list:"):
        st.markdown(
            texts.UNUSED_WORDS_WHY.format(
                known=f"{len(bundle.vocabulary) - len(SPECIALS):,}",
                used=f"{len(predictions.words_used(captions)):,}",
            )
        )
        first = unused[:MAX_WORDS]
        frame = pd.DataFrame(first, columns=["name", "value"])
        frame["label"] = frame["value"].map("{:,}".format)
        alt_text = texts.UNUSED_WORDS_CHART.format(words=_listed(first))
        st.altair_chart(bar_chart(frame), width="stretch", alt=alt_text)
        st.caption(texts.UNUSED_WORDS_EXPLAINED)
        everything = texts.ALL_UNUSED_WORDS.format(count=f"{len(unused):,}", words=_listed(unused))
        st.markdown(wording.escape(everything))


def _listed(counts: Sequence[tuple[str, int]]) -> str:
    return ", ".join(f"{word} ({count:,})" for word, count in counts)


def histogram(values: Sequence[float], width: float = BIN_WIDTH) -> pd.DataFrame:
    """Bins of at least one value, none negative: start, end, sentences (how many are in the bin)."""
    bins = [int(value // width) for value in values]
    starts = range(max(bins) + 1)
    return pd.DataFrame(
        {
            "start": [index * width for index in starts],
            "end": [(index + 1) * width for index in starts],
            "sentences": [bins.count(index) for index in starts],
        }
    )


def histogram_chart(bins: pd.DataFrame, average: float) -> alt.LayerChart:
    """Bars of ``histogram``, and a labelled rule at the average."""
    score = alt.X(
        "from:Q",
        title=texts.SIMILARITY_AXIS,
        scale=alt.Scale(domain=[0, bins["end"].max()], nice=False),
        axis=alt.Axis(grid=False, labelOverlap=True),
    )
    bars = (
        alt.Chart(bins.assign(**{"from": bins["start"] + BIN_MARGIN, "to": bins["end"] - BIN_MARGIN}))
        .mark_rect()
        .encode(
            x=score,
            x2="to:Q",
            y=alt.Y("sentences:Q", title=texts.SENTENCES_AXIS),
            y2=alt.Y2(datum=0),
            tooltip=[alt.Tooltip("start:Q", title="from"), alt.Tooltip("end:Q", title="to"), "sentences:Q"],
        )
    )
    mean = pd.DataFrame({"from": [average], "label": [f"average {average:.2f}"]})
    base = in_text_color(alt.Chart(mean)).encode(x=score)
    rule = base.mark_rule(strokeDash=[4, 4], opacity=AVERAGE_OPACITY)
    label = base.mark_text(align="left", baseline="top", dx=6, fontSize=LABEL_SIZE)
    return layered(HEIGHT, bars, rule, label.encode(y=alt.value(0), text="label:N"))


def bar_chart(frame: pd.DataFrame) -> alt.LayerChart:
    """Horizontal bars in the order of the rows: name, value, label (text after the bar)."""
    base = alt.Chart(frame).encode(
        y=alt.Y(
            "name:N",
            sort=frame["name"].tolist(),
            title=None,
            axis=alt.Axis(ticks=False, domain=False, labelLimit=160),
        ),
        x=alt.X("value:Q", axis=None, scale=alt.Scale(domain=[0, MAX_X * frame["value"].max()])),
    )
    text = in_text_color(base).mark_text(align="left", dx=6, fontSize=LABEL_SIZE).encode(text="label:N")
    bars = base.mark_bar(cornerRadius=3, height=BAR_HEIGHT)
    return layered(ROW_HEIGHT * len(frame), bars, text)
