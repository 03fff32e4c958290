"""The learning curves of several models in one chart."""

from __future__ import annotations

from collections.abc import Mapping

import altair as alt
import pandas as pd
import streamlit as st

from captioner.app.components import wording
from captioner.app.components.charts import HEIGHT, in_text_color, layered
from captioner.app.how_it_works import texts
from captioner.app.how_it_works.learning_curves import history_frame
from captioner.bundle.storage import Bundle

MAX_LINES = 4  # in a chart, as many as the theme has colours
DASHES = ([1, 0], [6, 3], [2, 2], [8, 3, 2, 3])  # so that lines differ by more than colour
CURVES = {
    "val_cider": (texts.CIDER, "CIDEr", "Highest"),
    "val_loss": (texts.LOSS, "loss (nats a word)", "Lowest"),
}


def show(bundles: Mapping[str, Bundle]) -> None:
    """A chart with a line for each model, and its numbers."""
    history = _histories(bundles)
    columns = [name for name in CURVES if history[name].notna().any()]
    if not columns:
        return
    with st.expander(texts.OTHER_MODELS, icon=":material/compare:"):
        for column in columns:
            _curves(history.dropna(subset=[column]), column)
        st.caption(texts.CURVES_EXPLAINED)


def _histories(bundles: Mapping[str, Bundle]) -> pd.DataFrame:
    """A row for each epoch of each model: model, epoch and the columns of ``CURVES``."""
    histories = [history_frame(bundle.history()).assign(model=name) for name, bundle in bundles.items()]
    return pd.concat(histories).reset_index(drop=True)[["model", "epoch", *CURVES]]


def _curves(frame: pd.DataFrame, column: str) -> None:
    title, unit, extreme = CURVES[column]
    values = frame.groupby("model", sort=False)[column]
    best = frame.loc[values.idxmin() if extreme == "Lowest" else values.idxmax()]
    rows = zip(best["model"], best[column], best["epoch"], strict=True)
    sentence = (
        f"{extreme}: {'; '.join(f'{name} {value:.2f} in epoch {epoch:.0f}' for name, value, epoch in rows)}."
    )
    st.markdown(f"**{title}**")
    st.markdown(wording.escape(sentence))
    names = best["model"].tolist()
    shown, marked = (part[part["model"].isin(names[:MAX_LINES])] for part in (frame, best))
    st.altair_chart(
        curves_chart(shown, marked, column, unit),
        width="stretch",
        alt=texts.MODEL_CHART.format(title=title, sentence=sentence),
    )
    if len(names) > MAX_LINES:
        st.caption(texts.MORE_MODELS.format(shown=MAX_LINES, all=len(names)))
    with st.expander(texts.MODEL_NUMBERS.format(unit=unit), icon=":material/table_rows:"):
        st.table(_numbers(frame, column), border="horizontal")


def _numbers(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    """A row for each epoch, a column for each model."""
    table = frame.pivot_table(index="epoch", columns="model", values=column, sort=False).sort_index()
    table = table.map(lambda value: f"{value:.3f}" if pd.notna(value) else "–")
    table.columns = pd.Index([wording.escape(name) for name in table.columns])
    return table.set_axis([f"{epoch:.0f}" for epoch in table.index]).rename_axis("epoch")


def curves_chart(frame: pd.DataFrame, best: pd.DataFrame, column: str, unit: str) -> alt.LayerChart:
    """A line for each model in the order of appearance, by epoch; the rows of ``best`` marked."""
    models = frame["model"].drop_duplicates().tolist()
    legend = alt.Legend(
        title=None, orient="top", columns=2, labelLimit=150, symbolType="stroke", symbolSize=300
    )
    base = alt.Chart(frame).encode(
        x=alt.X(
            "epoch:Q",
            title="epoch",
            axis=alt.Axis(format="d", grid=False, tickMinStep=1),
            scale=alt.Scale(domain=[frame["epoch"].min() - 0.5, frame["epoch"].max() + 0.5], nice=False),
        ),
        y=alt.Y(f"{column}:Q", title=unit, scale=alt.Scale(zero=False)),
        tooltip=["model:N", "epoch:Q", alt.Tooltip(f"{column}:Q", title=unit, format=".3f")],
    )
    lines = base.mark_line().encode(
        color=alt.Color("model:N", sort=models, legend=legend),
        strokeDash=alt.StrokeDash("model:N", sort=models, scale=alt.Scale(range=DASHES), legend=legend),
    )
    marks = in_text_color(base).mark_point(shape="diamond", size=120, strokeWidth=2, opacity=1)
    marks.data = best
    chart = layered(HEIGHT, lines, marks)
    # Both or none: a scale of the whole chart and one of a layer would make two legends.
    combined: alt.LayerChart = chart.resolve_scale(color="independent", strokeDash="independent")
    return combined
