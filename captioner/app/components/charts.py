"""DataFrame → Altair chart; no Streamlit, no model. Colours come from the app's theme, in its order.

Nothing is told by colour alone: lines differ in dash, marks in shape, and bars have their names beside them.
"""

from __future__ import annotations

import math

import altair as alt
import pandas as pd

SELF_CRITICAL = "self_critical"  # the phase whose loss is a reward, not nats: never on the axis of the others
HEIGHT, LABEL = 300, 13  # pixels
BAND, RULE, OTHER = 0.08, 0.55, 0.4  # opacities
ROOM = 1.25  # where the axis of probabilities ends, so that the text after a bar fits
# Without a colour, text marks are black in a dark theme, too; the theme's fourth colour is that of its text.
INK = alt.Color("ink:N", legend=None, scale=alt.Scale(domain=["1", "2", "3", "4"]))


def probabilities(frame: pd.DataFrame) -> alt.LayerChart:
    """Bars of what the next word could have been: word, probability, chosen (or other), label (its text)."""
    order = frame["word"].tolist()
    base = alt.Chart(frame).encode(
        y=alt.Y("word:N", sort=order, title=None, axis=alt.Axis(ticks=False, domain=False, labelLimit=160)),
        x=alt.X("probability:Q", title=None, axis=None, scale=alt.Scale(domain=[0, ROOM])),
    )
    shade = alt.Opacity(
        "chosen:N", legend=None, scale=alt.Scale(domain=["chosen", "other"], range=[1, OTHER])
    )
    bars = base.mark_bar(cornerRadius=3, height=16).encode(opacity=shade)
    text = inked(base).mark_text(align="left", dx=6, fontSize=LABEL).encode(text="label:N")
    return layered(34 * len(order), bars, text)


def losses(history: pd.DataFrame) -> alt.LayerChart:
    """Training and validation loss by epoch, the best validation loss marked; no self-critical rewards."""
    training = history["loss"].mask(history["phase"] == SELF_CRITICAL)
    shown = history.assign(training=training, validation=history["val_loss"])
    curves = ["validation", "training"]
    lines = (
        alt.Chart(shown.melt(["epoch", "phase"], curves, "curve", "nats").dropna(subset=["nats"]))
        .mark_line(point=alt.OverlayMarkDef(size=36))
        .encode(
            x=_epochs(history),
            y=alt.Y("nats:Q", title="loss (nats a word)", scale=alt.Scale(zero=False)),
            color=alt.Color("curve:N", sort=curves, legend=alt.Legend(title=None, orient="top", offset=22)),
            strokeDash=alt.StrokeDash("curve:N", sort=curves, legend=None),
            tooltip=["epoch:Q", "phase:N", "curve:N", alt.Tooltip("nats:Q", format=".3f")],
        )
    )
    return _framed(history, lines, *_best(history, "val_loss", smallest=True))


def ciders(history: pd.DataFrame) -> alt.LayerChart:
    """CIDEr of the development pictures by epoch, the best one marked."""
    line = (
        alt.Chart(history.dropna(subset=["val_cider"]))
        .mark_line(point=alt.OverlayMarkDef(size=36))
        .encode(
            x=_epochs(history),
            y=alt.Y("val_cider:Q", title="CIDEr"),
            tooltip=["epoch:Q", "phase:N", alt.Tooltip("val_cider:Q", title="CIDEr", format=".3f")],
        )
    )
    return _framed(history, line, *_best(history, "val_cider", smallest=False))


def rates(history: pd.DataFrame) -> alt.LayerChart:
    """Learning rate by epoch, on a logarithmic axis, the drops marked."""
    axis = alt.Y(
        "rate:Q",
        title="learning rate",
        scale=alt.Scale(type="log", nice=False),
        axis=alt.Axis(format="~e", values=_steps(history["learning_rate"]), grid=False),
    )
    tooltip = ["epoch:Q", "phase:N", alt.Tooltip("rate:Q", format=".1e")]
    line = alt.Chart(history.dropna(subset=["learning_rate"])).mark_line(interpolate="step")
    lowered = alt.Chart(drops(history)).mark_point(shape="triangle-down", filled=True, size=110, opacity=1)
    return _framed(
        history, *(part.encode(x=_epochs(history), y=axis, tooltip=tooltip) for part in (line, lowered))
    )


def _steps(values: pd.Series[float]) -> list[float]:
    """Labels of a logarithmic axis: 1, 2 and 5 times powers of ten; where none lies between, a value."""
    known = sorted(value for value in values if value > 0)
    if not known:
        return []
    powers = range(math.floor(math.log10(known[0])), math.ceil(math.log10(known[-1])) + 1)
    steps = [step * 10.0**power for power in powers for step in (1, 2, 5)]
    return [step for step in steps if known[0] <= step <= known[-1]] or known[:1]


def drops(history: pd.DataFrame) -> pd.DataFrame:
    """The rows whose learning rate is lower than in the epoch before, within a phase."""
    before = history.groupby("phase", sort=False)["learning_rate"].shift()
    return history[history["learning_rate"] < 0.95 * before]


def scores(frame: pd.DataFrame) -> alt.LayerChart:
    """Who reaches how much: score, who, value, label (its text); bars in the order of appearance."""
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
    text = inked(base).mark_text(align="left", dx=6, fontSize=LABEL).encode(text="label:N")
    return layered(34 * len(frame), bars, text)


def _framed(history: pd.DataFrame, *layers: alt.Chart) -> alt.LayerChart:
    """Layers over a band behind every other phase, each phase with its name above."""
    spans = history.groupby("phase", sort=False)["epoch"].agg(["min", "max"]).reset_index()
    spans = spans.assign(start=spans["min"] - 0.5, end=spans["max"] + 0.5, shade=spans.index % 2)
    base = alt.Chart(spans).encode(x=_epochs(history, "start"))
    bands = base.mark_rect(opacity=BAND).encode(x2="end:Q").transform_filter("datum.shade == 1")
    names = inked(base).mark_text(align="left", baseline="bottom", dx=2, dy=-4, fontSize=LABEL)
    named = names.encode(y=alt.value(0), text="phase:N")
    return layered(HEIGHT, bands, named, *layers)


def layered(height: int, *layers: alt.Chart) -> alt.LayerChart:
    """One over the other, each with its own colours: those of text are none of the legend's.

    Axes and legends get the ink of the first layer that has it. Left to Streamlit, they would be of a grey
    that is too pale for small type, and a theme cannot change it.
    """
    chart: alt.LayerChart = alt.layer(*layers).resolve_scale(color="independent")
    first = next(number for number, layer in enumerate(layers) if layer.encoding.color == INK)
    ink = alt.ExprRef(f"scale('layer_{first}_color', '4')")  # as Vega-Lite names that layer's scale
    chart = chart.configure_axis(labelColor=ink, titleColor=ink)
    chart = chart.configure_legend(labelColor=ink, titleColor=ink)
    return chart.properties(height=height)


def inked(chart: alt.Chart) -> alt.Chart:
    """A chart of text, or of what has to stand out as much, in the colour of the theme's text."""
    drawn: alt.Chart = chart.transform_calculate(ink="'4'").encode(color=INK)
    return drawn


def _epochs(history: pd.DataFrame, column: str = "epoch") -> alt.X:
    domain = [history["epoch"].min() - 0.5, history["epoch"].max() + 0.5]
    axis = alt.Axis(values=history["epoch"].tolist(), format="d", grid=False, labelOverlap=True)
    return alt.X(f"{column}:Q", title="epoch", axis=axis, scale=alt.Scale(domain=domain, nice=False))


def _best(history: pd.DataFrame, column: str, *, smallest: bool) -> tuple[alt.Chart, ...]:
    """A rule at the best epoch, named where the curve is not."""
    known = history.dropna(subset=[column])
    best = known.loc[[known[column].idxmin() if smallest else known[column].idxmax()]]
    best = best.assign(label=[f"best: epoch {epoch:.0f}" for epoch in best["epoch"]])
    base = inked(alt.Chart(best)).encode(x=_epochs(history))
    rule = base.mark_rule(strokeDash=[2, 4], opacity=RULE)
    point = base.mark_point(shape="diamond", size=160, strokeWidth=2, opacity=1).encode(y=f"{column}:Q")
    text = base.mark_text(align="right", dx=-6, dy=12 if smallest else -12, fontSize=LABEL)
    named = text.encode(y=alt.value(0 if smallest else "height"), text="label:N")
    return rule, point, named
