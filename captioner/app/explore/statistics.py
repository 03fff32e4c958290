"""What the sentences about the test pictures have in common: likeness, sureness, words never said."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean, median

import pandas as pd
import streamlit as st

from captioner.app.components import wording
from captioner.app.explore import charts as explore_charts
from captioner.bundle.storage import Bundle
from captioner.evaluation import predictions
from captioner.evaluation.predictions import Said

QUARTERS = ("surest quarter", "second quarter", "third quarter", "least sure quarter")
UNSAID = 12  # words drawn


def spread(everything: Sequence[Said]) -> None:
    """How many sentences are how much like people's."""
    likeness = [said.like for said in everything]
    st.header("How alike are its sentences to people’s?", anchor=False)
    frame, average, step = explore_charts.spread(likeness), fmean(likeness), explore_charts.STEP
    least, most = frame["sentences"].iloc[0], sum(value >= 4 * step for value in likeness)
    sentence = (
        f"{least:,} of {len(likeness):,} sentences share little with what people wrote (below "
        f"{step}), {most:,} share a lot (1 and more). Half of all stay below {median(likeness):.2f}."
    )
    st.markdown(sentence)
    st.altair_chart(
        explore_charts.histogram(frame, average),
        width="stretch",
        alt=f"How CIDEr is spread over the sentences. {sentence} The average is {average:.2f}.",
    )
    st.caption(
        "How to read this: every bar counts sentences; the farther to the right, the more phrases they share "
        f"with people’s. The average, {average:.2f}, is the model’s test score (CIDEr)."
    )
    with st.expander("The bars as a table", icon=":material/table_rows:"):
        ranges = [f"{row.start:.2f} to under {row.end:.2f}" for row in frame.itertuples()]
        table = {"likeness (CIDEr)": ranges, "sentences": frame["sentences"].tolist()}
        st.table(table, hide_index=True, border="horizontal")


def trust(everything: Sequence[Said]) -> None:
    """Whether the sentences that the model is surer of are the better ones."""
    st.header("Is it right to be sure?", anchor=False)
    ordered = sorted(everything, key=lambda said: -said.sure)
    cuts = [index * len(ordered) // len(QUARTERS) for index in range(len(QUARTERS) + 1)]
    means = [fmean(said.like for said in ordered[a:b]) for a, b in pairwise(cuts)]
    frame = pd.DataFrame({"name": QUARTERS, "value": means, "said": [f"{mean:.2f}" for mean in means]})
    verdict = (
        "Where it was unsure, a second look is worth while; where it was sure, it can still be wrong."
        if means[0] > means[-1]
        else "So how sure it is says little about how good a sentence is."
    )
    sentence = (
        f"The quarter of its sentences that it was surest of has an average likeness of {means[0]:.2f} to "
        f"people’s, the quarter that it was least sure of {means[-1]:.2f}. {verdict}"
    )
    st.markdown(sentence)
    said = ", ".join(f"{name} {mean:.2f}" for name, mean in zip(QUARTERS, means, strict=True))
    st.altair_chart(explore_charts.named(frame), width="stretch", alt=f"Average CIDEr: {said}.")


def unsaid(bundle: Bundle, everything: Sequence[Said]) -> None:
    """Frequent words that never came up."""
    missing, asked = predictions.unsaid(bundle, everything), len(predictions.common(bundle))
    if not missing:
        return
    st.header("Words it never says", anchor=False)
    st.markdown(
        f"The model has learned {len(bundle.vocabulary) - 4:,} words. In these sentences it used "
        f"{len(predictions.used(everything)):,} of them. Of the {asked:,} words that people used most in "
        f"the training sentences, {len(missing):,} never came up. It looks for the likeliest sentence, "
        "and there a common word nearly always beats a more exact one."
    )
    first = missing[:UNSAID]
    frame = pd.DataFrame(first, columns=["name", "value"]).assign(said=[f"{count:,}" for _, count in first])
    st.altair_chart(
        explore_charts.named(frame),
        width="stretch",
        alt=f"Frequent words that the model never said, and how often people wrote them: {_listed(first)}.",
    )
    st.caption(
        "How to read this: beside each word stands how often people wrote it in the training sentences. The "
        "model said it in none of its own."
    )
    with st.expander(f"All {len(missing):,} words", icon=":material/list:"):
        st.markdown(wording.escaped(_listed(missing)))


def _listed(counts: Sequence[tuple[str, int]]) -> str:
    return ", ".join(f"{word} ({count:,})" for word, count in counts)
