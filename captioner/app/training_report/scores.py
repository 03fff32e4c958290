"""The test scores of a model, between a constant caption and people, and what its captions are like."""

from __future__ import annotations

import altair as alt
import pandas as pd
import streamlit as st

from captioner.app.components import wording
from captioner.app.components.charts import LABEL_SIZE, in_text_color, layered
from captioner.bundle.model_card import SPLIT_DESCRIPTIONS
from captioner.bundle.schema import Metrics
from captioner.metrics import METRICS, display_names

SCORES = display_names(METRICS)
HOW_TO_READ = (
    "All scores compare a sentence with those that people wrote about the picture: **CIDEr** by shared "
    "phrases, rare ones counting more; **BLEU-4** by runs of four words; **ROUGE-L** by words in the same "
    "order; **BLEU-1** by single words."
)
ABOVE_PEOPLE = (
    "A higher score than people's does not mean better sentences: safe, common words match somebody's "
    "sentence more often than precise ones. People are also compared with one sentence less."
)
NO_SCORES = "This model has not been scored on test pictures yet."


def show(metrics: Metrics | None) -> None:
    """The test scores, between those of a constant caption and of people, and caption statistics."""
    if metrics is None:
        st.info(NO_SCORES, icon=":material/info:")
        return
    who = {"this model": metrics.scores, "one sentence for all pictures": metrics.constant_baseline}
    if metrics.human_baseline:
        who["people"] = metrics.human_baseline
    frame = pd.DataFrame(
        [(SCORES[key], name, scores[key]) for key in SCORES for name, scores in who.items() if key in scores],
        columns=["score", "who", "value"],
    )
    frame["label"] = frame["value"].map("{:.2f}  ".format) + frame["who"]
    st.markdown(f"{_summary(metrics)} {HOW_TO_READ}")
    st.altair_chart(scores_chart(frame), width="stretch", alt=f"Test scores. {_summary(metrics)}")
    people = metrics.human_baseline or {}
    if any(metrics.scores.get(key, 0) > people[key] for key in SCORES if key in people):
        st.markdown(ABOVE_PEOPLE)
    st.caption(_conditions(metrics))
    with st.expander("The scores as a table", icon=":material/table_rows:"):
        table = frame.assign(value=frame["value"].map("{:.3f}".format))
        names = frame["score"].drop_duplicates()
        table = table.pivot(index="who", columns="score", values="value").loc[list(who), names].fillna("–")
        st.table(table.rename_axis(None, axis="columns").rename_axis(None), border="horizontal")
    _caption_statistics(metrics)


def _summary(metrics: Metrics) -> str:
    ours, constant, human = (
        metrics.scores["cider"],
        metrics.constant_baseline["cider"],
        metrics.human_baseline,
    )
    people = f" People, compared with each other, reach {human['cider']:.2f}." if human else ""
    return (
        f"On {metrics.images:,} pictures that it was not trained on, the model reaches a CIDEr of "
        f"**{ours:.2f}**. Saying the same sentence about every picture gives {constant:.2f}.{people}"
    )


def _conditions(metrics: Metrics) -> str:
    low, high = metrics.cider_interval
    return (
        f"Measured on {wording.score_conditions(metrics)}; {metrics.split_name}: "
        f"{SPLIT_DESCRIPTIONS[metrics.split_name]}. "
        "The scores are those that coco-caption defines. On very many such pictures, CIDEr would likely be "
        f"between {low:.2f} and {high:.2f} (95 % bootstrap)."
    )


def _caption_statistics(metrics: Metrics) -> None:
    st.subheader("What its sentences are like", anchor=False)
    grid = st.grid(4, min_column_width=150)
    grid.metric(
        "different sentences",
        f"{metrics.distinct_captions:,}",
        help=f"about {metrics.images:,} pictures",
    )
    grid.metric("different words", f"{metrics.words_used:,}", help="used in all of them together")
    grid.metric(
        "copied from training",
        f"{metrics.verbatim_share:.0%}",
        help="word for word among the training sentences",
    )
    grid.metric(
        "time for a picture", f"{1000 * metrics.seconds_per_image:.0f} ms", help="when it was measured"
    )


def scores_chart(frame: pd.DataFrame) -> alt.LayerChart:
    """A bar for each row: score, who, value, label (text after the bar); in the order of appearance."""
    order, who = frame["score"].drop_duplicates().tolist(), frame["who"].drop_duplicates().tolist()
    base = alt.Chart(frame).encode(
        y=alt.Y(
            "score:N",
            sort=order,
            title=None,
            axis=alt.Axis(ticks=False, domain=False),
            scale=alt.Scale(paddingInner=0.3),
        ),
        yOffset=alt.YOffset("who:N", sort=who),
        x=alt.X("value:Q", axis=None, scale=alt.Scale(domain=[0, frame["value"].max() * 1.6])),
    )
    bars = base.mark_bar(cornerRadius=3).encode(color=alt.Color("who:N", sort=who, legend=None))
    text = in_text_color(base).mark_text(align="left", dx=6, fontSize=LABEL_SIZE).encode(text="label:N")
    return layered(34 * len(frame), bars, text)
