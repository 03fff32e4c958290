"""Several models compared: their learning curves, and their test scores."""

from __future__ import annotations

from collections.abc import Mapping

import altair as alt
import pandas as pd
import streamlit as st

from captioner.app.components import wording
from captioner.app.components.charts import HEIGHT, in_text_color, layered
from captioner.app.training_report.learning_curves import CIDER, LOSS, history_frame
from captioner.app.training_report.scores import SCORES
from captioner.bundle.schema import Metrics
from captioner.bundle.storage import Bundle
from captioner.errors import BundleError

MAX_LINES = 4  # in a chart, as many as the theme has colours
DASHES = ([1, 0], [6, 3], [2, 2], [8, 3, 2, 3])  # so that lines differ by more than colour
CURVES = {
    "val_cider": (CIDER, "CIDEr", "Highest"),
    "val_loss": (LOSS, "loss (nats a word)", "Lowest"),
}
HOW_TO_READ = (
    "How to read this: one line for each model, a diamond at its best epoch, measured on pictures not "
    "trained on. Compare lines only where these are the same pictures, and sentences are split into words in "
    "the same way. What each model learned from is listed below."
)
SAME_CONDITIONS = (
    "Every score is of the same pictures, measured in the same way, so the rows can be compared."
)
DIFFERENT_CONDITIONS = (
    "They were scored on different pictures or in different ways: compare only rows that are measured alike."
)


def show(bundles: Mapping[str, Bundle]) -> None:
    """The learning curves of all models in one chart, then a table with a row for each model."""
    history = _histories(bundles)
    columns = [name for name in CURVES if history[name].notna().any()]
    for column in columns:
        _curves(history.dropna(subset=[column]), column)
    if columns:
        st.caption(HOW_TO_READ)
    _scores(bundles)


def readable(bundles: Mapping[str, Bundle]) -> tuple[dict[str, Bundle], dict[str, str]]:
    """The bundles whose history and scores can be read, and for each other one a sentence that says why."""
    valid, malformed = {}, {}
    for name, bundle in bundles.items():
        try:
            bundle.history()
            bundle.metrics()
            valid[name] = bundle
        except BundleError as error:
            malformed[name] = str(error)
    return valid, malformed


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
    st.subheader(title, anchor=False)
    st.markdown(wording.escape(sentence))
    names = best["model"].tolist()
    shown, marked = (part[part["model"].isin(names[:MAX_LINES])] for part in (frame, best))
    st.altair_chart(
        curves_chart(shown, marked, column, unit),
        width="stretch",
        alt=f"{title} by epoch, one line for each model. {sentence}",
    )
    if len(names) > MAX_LINES:
        st.caption(f"The chart shows the first {MAX_LINES} models, the table all {len(names)}.")
    with st.expander(f"The numbers: {unit}", icon=":material/table_rows:"):
        st.table(_numbers(frame, column), border="horizontal")


def _numbers(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    """A row for each epoch, a column for each model."""
    table = frame.pivot_table(index="epoch", columns="model", values=column, sort=False).sort_index()
    table = table.map(lambda value: f"{value:.3f}" if pd.notna(value) else "–")
    table.columns = pd.Index([wording.escape(name) for name in table.columns])
    return table.set_axis([f"{epoch:.0f}" for epoch in table.index]).rename_axis("epoch")


def _scores(bundles: Mapping[str, Bundle]) -> None:
    """A row for each model, and below the table what each score depends on."""
    st.subheader("Scores on pictures not trained on", anchor=False)
    metrics = {name: bundle.metrics() for name, bundle in bundles.items()}
    conditions = {_conditions(scored) for scored in metrics.values() if scored}
    if conditions:
        st.markdown(SAME_CONDITIONS if len(conditions) == 1 else DIFFERENT_CONDITIONS)
    rows = [
        {"model": wording.escape(name), **{title: _score(scored, key) for key, title in SCORES.items()}}
        for name, scored in metrics.items()
    ]
    st.table(pd.DataFrame(rows), hide_index=True, border="horizontal")
    st.markdown("\n".join(f"- {_summary(name, bundle, metrics[name])}" for name, bundle in bundles.items()))


def _summary(name: str, bundle: Bundle, metrics: Metrics | None) -> str:
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
