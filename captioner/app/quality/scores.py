"""The test scores of a model, between a constant caption and people, and what its captions are like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import altair as alt
import pandas as pd
import streamlit as st

from captioner.app.components import wording
from captioner.app.components.charts import LABEL_SIZE, in_text_color, layered
from captioner.app.quality import texts
from captioner.bundle import model_card
from captioner.bundle.dataset_info import DatasetInfo
from captioner.bundle.schema import Baseline, Metrics
from captioner.bundle.storage import Bundle
from captioner.metrics import METRICS, display_names

SCORES = display_names(METRICS)


def show(metrics: Metrics | None, baselines: Sequence[Baseline], info: DatasetInfo) -> None:
    """The test scores, between those of a constant caption and of people, and caption statistics.

    Args:
        metrics: of the active model; None where it has not been scored.
        baselines: of other models that were trained for comparison.
        info: from which the pictures are.
    """
    if metrics is None:
        st.info(texts.NO_SCORES, icon=":material/info:")
        return
    who = {texts.THIS_MODEL: metrics.scores, texts.CONSTANT: metrics.constant_baseline}
    if metrics.human_baseline:
        who[texts.PEOPLE] = metrics.human_baseline
    frame = pd.DataFrame(
        [(SCORES[key], name, scores[key]) for key in SCORES for name, scores in who.items() if key in scores],
        columns=["score", "who", "value"],
    )
    frame["label"] = frame["value"].map("{:.2f}  ".format) + frame["who"]
    st.markdown(f"{_summary(metrics)} {texts.SCORES_EXPLAINED}")
    st.altair_chart(scores_chart(frame), width="stretch", alt=f"Test scores. {_summary(metrics)}")
    people = metrics.human_baseline or {}
    if any(metrics.scores.get(key, 0) > people[key] for key in SCORES if key in people):
        st.markdown(texts.ABOVE_PEOPLE)
    st.caption(_measured(metrics, info))
    with st.expander(texts.SCORES_TABLE, icon=":material/table_rows:"):
        rows = [
            [name, decoding, *cells] for name, decoding, cells in model_card.score_rows(metrics, baselines)
        ]
        names = [metric.name for metric in METRICS.values()]
        table = pd.DataFrame(rows, columns=["", texts.DECODING_COLUMN, *names])
        st.table(table, hide_index=True, border="horizontal")
        differs = model_card.decoding_differs(metrics, baselines)
        st.caption(f"{texts.TABLE_EXPLAINED} {texts.DECODING_DIFFERS if differs else ''}")
    _caption_statistics(metrics)


def _summary(metrics: Metrics) -> str:
    human = metrics.human_baseline
    return texts.SCORES_SUMMARY.format(
        images=f"{metrics.images:,}",
        ours=f"{metrics.scores['cider']:.2f}",
        constant=f"{metrics.constant_baseline['cider']:.2f}",
        people=texts.SCORES_OF_PEOPLE.format(people=f"{human['cider']:.2f}") if human else "",
    )


def _measured(metrics: Metrics, info: DatasetInfo) -> str:
    low, high = metrics.cider_interval
    return texts.SCORES_MEASURED.format(
        conditions=wording.score_conditions(metrics),
        split_name=metrics.split_name,
        split=model_card.describe_split(metrics.split_name, info),
        low=f"{low:.2f}",
        high=f"{high:.2f}",
    )


def _caption_statistics(metrics: Metrics) -> None:
    st.subheader(texts.SENTENCES_ARE_LIKE, anchor=False)
    grid = st.grid(4, min_column_width=150)
    figures = (
        (texts.DIFFERENT_SENTENCES, f"{metrics.distinct_captions:,}"),
        (texts.DIFFERENT_WORDS, f"{metrics.words_used:,}"),
        (texts.COPIED, f"{metrics.verbatim_share:.0%}"),
        (texts.TIME, f"{1000 * metrics.seconds_per_image:.0f} ms"),
    )
    for (label, help), figure in figures:
        grid.metric(label, figure, help=help.format(images=f"{metrics.images:,}"))


def show_models(bundles: Mapping[str, Bundle]) -> None:
    """A row for each model, and below the table what each score depends on."""
    metrics = {name: bundle.metrics() for name, bundle in bundles.items()}
    conditions = {_conditions(scored) for scored in metrics.values() if scored}
    if conditions:
        st.markdown(texts.SAME_CONDITIONS if len(conditions) == 1 else texts.DIFFERENT_CONDITIONS)
    rows = [
        {"model": wording.escape(name), **{title: _score(scored, key) for key, title in SCORES.items()}}
        for name, scored in metrics.items()
    ]
    st.table(pd.DataFrame(rows), hide_index=True, border="horizontal")
    st.markdown(
        "\n".join(f"- {_model_summary(name, bundle, metrics[name])}" for name, bundle in bundles.items())
    )


def _model_summary(name: str, bundle: Bundle, metrics: Metrics | None) -> str:
    """What a model is and how it was scored, as Markdown."""
    config = bundle.config
    summary = (
        f"encoder {config.encoder}, decoder {config.decoders}; trained on the {config.split_name} split, "
        f"tokeniser “{config.tokenizer}”; {_conditions(metrics)}."
    )
    return f"**{wording.escape(name)}**: {wording.escape(summary)}"


def _score(metrics: Metrics | None, key: str) -> str:
    return f"{metrics.scores[key]:.3f}" if metrics and key in metrics.scores else "–"


def _conditions(metrics: Metrics | None) -> str:
    if metrics is None:
        return "not scored on test pictures yet"
    return f"scored on {wording.score_conditions(metrics)}"


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
