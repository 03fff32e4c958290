"""What the captions of the test pictures have in common: similarity, confidence, words never used."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean, median

import altair as alt
import pandas as pd
import streamlit as st

from captioner.app.components import wording
from captioner.app.components.charts import LABEL_SIZE, in_text_color, layered
from captioner.bundle.storage import Bundle
from captioner.evaluation import predictions
from captioner.evaluation.predictions import ScoredCaption

QUARTERS = ("surest quarter", "second quarter", "third quarter", "least sure quarter")
MAX_WORDS = 12  # in the chart
BIN_WIDTH, BIN_MARGIN = 0.25, 0.01  # CIDEr: the width of a bar, and what is left free on either side
HEIGHT, BAR_HEIGHT, ROW_HEIGHT = 260, 18, 30  # pixels
RULE_OPACITY = 0.7  # opacity
MAX_X = 1.35  # where the axis of bars ends, so that the text after the longest fits
CONFIDENCE_HELPS = (
    "Where it was unsure, a second look is worth while; where it was sure, it can still be wrong."
)
CONFIDENCE_SAYS_LITTLE = "So how sure it is says little about how good a sentence is."
HOW_TO_READ_WORDS = (
    "How to read this: the number after each word is how often people wrote it in the training sentences. "
    "The model used it in none of its own."
)


def show_similarity(captions: Sequence[ScoredCaption]) -> None:
    """How the similarity of the sentences to people's is distributed."""
    ciders = [row.cider for row in captions]
    st.header("How similar are its sentences to people’s?", anchor=False)
    bins, average = histogram(ciders), fmean(ciders)
    dissimilar, similar = bins["sentences"].iloc[0], sum(value >= 4 * BIN_WIDTH for value in ciders)
    sentence = (
        f"{dissimilar:,} of {len(ciders):,} sentences share little with what people wrote (a CIDEr below "
        f"{BIN_WIDTH}), {similar:,} share a lot (1 and more). Half of all are below {median(ciders):.2f}."
    )
    st.markdown(sentence)
    st.altair_chart(
        histogram_chart(bins, average),
        width="stretch",
        alt=f"How many sentences have which CIDEr. {sentence} The average is {average:.2f}.",
    )
    st.caption(
        "How to read this: every bar counts sentences; the farther to the right, the more phrases they share "
        f"with people’s. The average, {average:.2f}, is the model’s test score (CIDEr)."
    )
    with st.expander("The bars as a table", icon=":material/table_rows:"):
        ranges = [f"{row.start:.2f} to under {row.end:.2f}" for row in bins.itertuples()]
        table = {"similarity (CIDEr)": ranges, "sentences": bins["sentences"].tolist()}
        st.table(table, hide_index=True, border="horizontal")


def show_similarity_by_confidence(captions: Sequence[ScoredCaption]) -> None:
    """Whether the sentences that the model is surer of are the better ones."""
    st.header("Is it right when it is sure?", anchor=False)
    ordered = sorted(captions, key=lambda row: -row.confidence)
    bounds = [index * len(ordered) // len(QUARTERS) for index in range(len(QUARTERS) + 1)]
    means = [fmean(row.cider for row in ordered[start:end]) for start, end in pairwise(bounds)]
    st.markdown(
        f"The quarter of its sentences that it was surest of has an average CIDEr of {means[0]:.2f}, the "
        f"quarter that it was least sure of {means[-1]:.2f}. "
        f"{CONFIDENCE_HELPS if means[0] > means[-1] else CONFIDENCE_SAYS_LITTLE}"
    )
    labels = [f"{mean:.2f}" for mean in means]
    frame = pd.DataFrame({"name": QUARTERS, "value": means, "label": labels})
    alt_text = ", ".join(f"{name} {label}" for name, label in zip(QUARTERS, labels, strict=True))
    st.altair_chart(bar_chart(frame), width="stretch", alt=f"Average CIDEr: {alt_text}.")


def show_unused_words(bundle: Bundle, captions: Sequence[ScoredCaption]) -> None:
    """Frequent words of the training captions that the model never used."""
    unused = predictions.frequent_words_unused(bundle, captions)
    if not unused:
        return
    st.header("Words it never says", anchor=False)
    st.markdown(
        f"The model has learned {len(bundle.vocabulary) - 4:,} words. In these sentences it used "
        f"{len(predictions.words_used(captions)):,} of them. Of the "
        f"{len(predictions.frequent_words(bundle)):,} words that people used most in the training sentences, "
        f"{len(unused):,} never came up. It looks for the likeliest sentence, and there a common word nearly "
        "always beats a more exact one."
    )
    first = unused[:MAX_WORDS]
    frame = pd.DataFrame(first, columns=["name", "value"]).assign(label=[f"{count:,}" for _, count in first])
    st.altair_chart(
        bar_chart(frame),
        width="stretch",
        alt=f"Frequent words that the model never used, and how often people wrote them: {_listed(first)}.",
    )
    st.caption(HOW_TO_READ_WORDS)
    with st.expander(f"All {len(unused):,} words", icon=":material/list:"):
        st.markdown(wording.escape(_listed(unused)))


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
        title="similarity to people’s sentences (CIDEr)",
        scale=alt.Scale(domain=[0, bins["end"].max()], nice=False),
        axis=alt.Axis(grid=False, labelOverlap=True),
    )
    bars = (
        alt.Chart(bins.assign(**{"from": bins["start"] + BIN_MARGIN, "to": bins["end"] - BIN_MARGIN}))
        .mark_rect()
        .encode(
            x=score,
            x2="to:Q",
            y=alt.Y("sentences:Q", title="sentences"),
            y2=alt.Y2(datum=0),
            tooltip=[alt.Tooltip("start:Q", title="from"), alt.Tooltip("end:Q", title="to"), "sentences:Q"],
        )
    )
    mean = pd.DataFrame({"from": [average], "label": [f"average {average:.2f}"]})
    base = in_text_color(alt.Chart(mean)).encode(x=score)
    rule = base.mark_rule(strokeDash=[4, 4], opacity=RULE_OPACITY)
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
