"""A chart of several trainings: a line a model, told apart by dash as well as by colour. No Streamlit."""

from __future__ import annotations

import altair as alt
import pandas as pd

from captioner.app.components.charts import HEIGHT, inked, layered

MOST = 4  # lines, as many as the theme has colours
DASHES = ([1, 0], [6, 3], [2, 2], [8, 3, 2, 3])


def curves(frame: pd.DataFrame, best: pd.DataFrame, column: str, unit: str) -> alt.LayerChart:
    """Lines of model, epoch and the column, the models in the order of appearance; the best rows marked."""
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
    marks = inked(base).mark_point(shape="diamond", size=120, strokeWidth=2, opacity=1)
    marks.data = best
    chart = layered(HEIGHT, lines, marks)
    # Both or none: a scale of the whole chart and one of a layer would make two legends.
    together: alt.LayerChart = chart.resolve_scale(color="independent", strokeDash="independent")
    return together
