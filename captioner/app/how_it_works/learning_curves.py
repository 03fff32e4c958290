"""The learning curves of a training: loss, CIDEr and learning rate by epoch, each with a sentence."""

from __future__ import annotations

import math
from collections.abc import Sequence

import altair as alt
import pandas as pd
import streamlit as st
from msgspec.structs import asdict

from captioner.app.components.charts import HEIGHT, LABEL_SIZE, RULE_OPACITY, in_text_color, layered
from captioner.app.how_it_works import texts
from captioner.bundle.schema import Epoch
from captioner.bundle.storage import Bundle

COLUMNS = ["epoch", "phase", "loss", "val_loss", "val_cider", "learning_rate", "seconds"]
PHASE_NAMES = {recorded: name for recorded, (name, _) in texts.PHASES.items()}
SELF_CRITICAL = PHASE_NAMES["self_critical"]  # its loss is a reward: never on an axis of nats
MAX_NATS = 20  # half a billion words: more than there are
BAND_OPACITY = 0.08  # opacity


def show(bundle: Bundle) -> None:
    """How long it took; the phases, a chart with a sentence for each curve, and all numbers as a table."""
    history = history_frame(bundle.history())
    if history.empty:
        st.info(texts.NO_HISTORY, icon=":material/info:")
        return
    st.markdown(_describe_length(history))
    with st.expander(texts.CURVES, icon=":material/monitoring:"):
        st.markdown(_describe_phases(history))
        if history["val_loss"].notna().any():
            _chart(texts.LOSS, loss_chart(history), _describe_loss(history))
        if history["val_cider"].notna().any():
            _chart(texts.CIDER, cider_chart(history), _describe_cider(history))
        if history["learning_rate"].notna().any():
            _chart(texts.LEARNING_RATE, learning_rate_chart(history), _describe_learning_rate(history))
        with st.expander(texts.NUMBERS, icon=":material/table_rows:"):
            st.table(_numbers(history), hide_index=True, border="horizontal")
            if (history["phase"] == SELF_CRITICAL).any():
                st.caption(texts.REWARD_EXPLAINED)


def history_frame(history: Sequence[Epoch]) -> pd.DataFrame:
    """A row for each epoch with ``COLUMNS``; what was not measured is NaN."""
    rows = pd.DataFrame([asdict(epoch) for epoch in history], columns=COLUMNS).replace({"phase": PHASE_NAMES})
    return rows.astype({column: float for column in COLUMNS if column != "phase"})


def _chart(title: str, chart: alt.LayerChart, sentence: str) -> None:
    st.subheader(title, anchor=False)
    st.markdown(sentence)
    st.altair_chart(chart, width="stretch", alt=texts.CHART.format(title=title, sentence=sentence))


def _describe_length(history: pd.DataFrame) -> str:
    hours = history["seconds"].sum() / 3600
    took = texts.HOURS.format(hours=f"{hours:.1f}") if hours else ""
    return texts.EPOCHS.format(count=len(history), took=took)


def _describe_phases(history: pd.DataFrame) -> str:
    lines, known = [], dict(texts.PHASES.values())
    for name, rows in history.groupby("phase", sort=False):
        first, last = rows["epoch"].min(), rows["epoch"].max()
        epochs = f"epoch {first:.0f}" if first == last else f"epochs {first:.0f} to {last:.0f}"
        what = known.get(str(name), texts.OTHER_PHASE)
        lines.append(texts.PHASE.format(name=name, epochs=epochs, what=what))
    return "\n".join(lines)


def _describe_loss(history: pd.DataFrame) -> str:
    best = history.iloc[int(history["val_loss"].argmin())]
    return texts.LOSS_TEXT.format(
        epoch=f"{best['epoch']:.0f}",
        loss=f"{best['val_loss']:.2f}",
        words=f"{math.exp(min(best['val_loss'], MAX_NATS)):.0f}",
        higher=texts.WHY_TRAINING_LOSS_IS_HIGHER if best["loss"] > best["val_loss"] else "",
    )


def _describe_cider(history: pd.DataFrame) -> str:
    best = history.iloc[int(history["val_cider"].argmax())]
    return texts.CIDER_TEXT.format(epoch=f"{best['epoch']:.0f}", cider=f"{best['val_cider']:.2f}")


def _describe_learning_rate(history: pd.DataFrame) -> str:
    epochs = learning_rate_reductions(history)["epoch"].astype(int).tolist()
    lowered = texts.LOWERED.format(epochs=_epoch_ranges(epochs)) if epochs else texts.NEVER_LOWERED
    return texts.LEARNING_RATE_TEXT.format(lowered=lowered)


def _epoch_ranges(epochs: list[int]) -> str:
    """Epochs in words, neighbours as a range."""
    runs: list[list[int]] = []
    for epoch in epochs:
        if runs and runs[-1][-1] == epoch - 1:
            runs[-1].append(epoch)
        else:
            runs.append([epoch])
    parts = [f"{run[0]}" if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs]
    return f"epoch{'s' if len(epochs) > 1 else ''} {', '.join(parts)}"


def _numbers(history: pd.DataFrame) -> pd.DataFrame:
    formats = {
        "epoch": "{:.0f}",
        "loss": "{:.3f}",
        "val_loss": "{:.3f}",
        "val_cider": "{:.3f}",
        "learning_rate": "{:.1e}",
    }
    table = history.drop(columns="seconds").astype(object)
    for column, form in formats.items():
        table[column] = [form.format(value) if pd.notna(value) else "–" for value in history[column]]
    names = {"val_loss": "validation loss", "val_cider": "validation CIDEr", "learning_rate": "learning rate"}
    return table.rename(columns=names)


def loss_chart(history: pd.DataFrame) -> alt.LayerChart:
    """Training and validation loss by epoch, the best validation loss marked; no self-critical rewards."""
    training = history["loss"].mask(history["phase"] == SELF_CRITICAL)
    shown = history.assign(training=training, validation=history["val_loss"])
    curves = ["validation", "training"]
    lines = (
        alt.Chart(shown.melt(["epoch", "phase"], curves, "curve", "nats").dropna(subset=["nats"]))
        .mark_line(point=alt.OverlayMarkDef(size=36))
        .encode(
            x=_epoch_axis(history),
            y=alt.Y("nats:Q", title="loss (nats a word)", scale=alt.Scale(zero=False)),
            color=alt.Color("curve:N", sort=curves, legend=alt.Legend(title=None, orient="top", offset=22)),
            strokeDash=alt.StrokeDash("curve:N", sort=curves, legend=None),
            tooltip=["epoch:Q", "phase:N", "curve:N", alt.Tooltip("nats:Q", format=".3f")],
        )
    )
    return _with_phases(history, lines, *_best_epoch_marks(history, "val_loss", smallest=True))


def cider_chart(history: pd.DataFrame) -> alt.LayerChart:
    """CIDEr of the development pictures by epoch, the best one marked."""
    line = (
        alt.Chart(history.dropna(subset=["val_cider"]))
        .mark_line(point=alt.OverlayMarkDef(size=36))
        .encode(
            x=_epoch_axis(history),
            y=alt.Y("val_cider:Q", title="CIDEr"),
            tooltip=["epoch:Q", "phase:N", alt.Tooltip("val_cider:Q", title="CIDEr", format=".3f")],
        )
    )
    return _with_phases(history, line, *_best_epoch_marks(history, "val_cider", smallest=False))


def learning_rate_chart(history: pd.DataFrame) -> alt.LayerChart:
    """Learning rate by epoch, on a logarithmic axis, the drops marked."""
    axis = alt.Y(
        "learning_rate:Q",
        title="learning rate",
        scale=alt.Scale(type="log", nice=False),
        axis=alt.Axis(format="~e", values=_log_axis_values(history["learning_rate"]), grid=False),
    )
    tooltip = ["epoch:Q", "phase:N", alt.Tooltip("learning_rate:Q", format=".1e")]
    line = alt.Chart(history.dropna(subset=["learning_rate"])).mark_line(interpolate="step")
    lowered = alt.Chart(learning_rate_reductions(history)).mark_point(
        shape="triangle-down", filled=True, size=110, opacity=1
    )
    return _with_phases(
        history, *(part.encode(x=_epoch_axis(history), y=axis, tooltip=tooltip) for part in (line, lowered))
    )


def _log_axis_values(values: pd.Series[float]) -> list[float]:
    """Values on a log axis: 1, 2 and 5 times powers of ten; if none is in range, the smallest value."""
    known = sorted(value for value in values if value > 0)
    if not known:
        return []
    powers = range(math.floor(math.log10(known[0])), math.ceil(math.log10(known[-1])) + 1)
    steps = [step * 10.0**power for power in powers for step in (1, 2, 5)]
    return [step for step in steps if known[0] <= step <= known[-1]] or known[:1]


def learning_rate_reductions(history: pd.DataFrame) -> pd.DataFrame:
    """The rows whose learning rate is lower than in the epoch before, within a phase."""
    before = history.groupby("phase", sort=False)["learning_rate"].shift()
    return history[history["learning_rate"] < 0.95 * before]


def _with_phases(history: pd.DataFrame, *layers: alt.Chart) -> alt.LayerChart:
    """Layers over a band behind every other phase, each phase with its name above."""
    spans = history.groupby("phase", sort=False)["epoch"].agg(["min", "max"]).reset_index()
    spans = spans.assign(start=spans["min"] - 0.5, end=spans["max"] + 0.5, shade=spans.index % 2)
    base = alt.Chart(spans).encode(x=_epoch_axis(history, "start"))
    bands = base.mark_rect(opacity=BAND_OPACITY).encode(x2="end:Q").transform_filter("datum.shade == 1")
    names = in_text_color(base).mark_text(align="left", baseline="bottom", dx=2, dy=-4, fontSize=LABEL_SIZE)
    named = names.encode(y=alt.value(0), text="phase:N")
    return layered(HEIGHT, bands, named, *layers)


def _epoch_axis(history: pd.DataFrame, column: str = "epoch") -> alt.X:
    domain = [history["epoch"].min() - 0.5, history["epoch"].max() + 0.5]
    axis = alt.Axis(values=history["epoch"].tolist(), format="d", grid=False, labelOverlap=True)
    return alt.X(f"{column}:Q", title="epoch", axis=axis, scale=alt.Scale(domain=domain, nice=False))


def _best_epoch_marks(history: pd.DataFrame, column: str, *, smallest: bool) -> tuple[alt.Chart, ...]:
    """A rule at the best epoch, named where the curve is not."""
    known = history.dropna(subset=[column])
    best = known.loc[[known[column].idxmin() if smallest else known[column].idxmax()]]
    best = best.assign(label=[f"best: epoch {epoch:.0f}" for epoch in best["epoch"]])
    base = in_text_color(alt.Chart(best)).encode(x=_epoch_axis(history))
    rule = base.mark_rule(strokeDash=[2, 4], opacity=RULE_OPACITY)
    point = base.mark_point(shape="diamond", size=160, strokeWidth=2, opacity=1).encode(y=f"{column}:Q")
    text = base.mark_text(align="right", dx=-6, dy=12 if smallest else -12, fontSize=LABEL_SIZE)
    named = text.encode(y=alt.value(0 if smallest else "height"), text="label:N")
    return rule, point, named
