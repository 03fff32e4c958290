"""DataFrame → Altair chart; no Streamlit, no model. Colours come from the app's theme, in its order.

Nothing depends on colour alone: lines differ in dash, marks in shape, and bars are labelled.
"""

from __future__ import annotations

import altair as alt
import pandas as pd

HEIGHT, LABEL_SIZE = 300, 13  # pixels
RULE_OPACITY, PALE_OPACITY = 0.55, 0.4  # opacities
MAX_X = 1.25  # where the axis of probabilities ends, so that the text after a bar fits
# Without a colour, text marks are black in a dark theme, too; the theme's fourth colour is that of its text.
TEXT_COLOR = alt.Color("ink:N", legend=None, scale=alt.Scale(domain=["1", "2", "3", "4"]))


def probabilities(frame: pd.DataFrame) -> alt.LayerChart:
    """Bars of what the next word could have been: word, probability, chosen (or other), label (its text)."""
    order = frame["word"].tolist()
    base = alt.Chart(frame).encode(
        y=alt.Y("word:N", sort=order, title=None, axis=alt.Axis(ticks=False, domain=False, labelLimit=160)),
        x=alt.X("probability:Q", title=None, axis=None, scale=alt.Scale(domain=[0, MAX_X])),
    )
    shade = alt.Opacity(
        "chosen:N", legend=None, scale=alt.Scale(domain=["chosen", "other"], range=[1, PALE_OPACITY])
    )
    bars = base.mark_bar(cornerRadius=3, height=16).encode(opacity=shade)
    text = in_text_color(base).mark_text(align="left", dx=6, fontSize=LABEL_SIZE).encode(text="label:N")
    return layered(34 * len(order), bars, text)


def layered(height: int, *layers: alt.Chart) -> alt.LayerChart:
    """Layers with separate colour scales, so that the colour of text is not in the legend.

    Axes and legends get the text colour, which the first layer that has it defines. Streamlit's own grey is
    too pale for small type, and a theme cannot change it.
    """
    chart: alt.LayerChart = alt.layer(*layers).resolve_scale(color="independent")
    first = next(number for number, layer in enumerate(layers) if layer.encoding.color == TEXT_COLOR)
    ink = alt.ExprRef(f"scale('layer_{first}_color', '4')")  # as Vega-Lite names that layer's scale
    chart = chart.configure_axis(labelColor=ink, titleColor=ink)
    chart = chart.configure_legend(labelColor=ink, titleColor=ink)
    return chart.properties(height=height)


def in_text_color(chart: alt.Chart) -> alt.Chart:
    """A chart in the colour of the theme's text: for text and for marks of the same contrast."""
    drawn: alt.Chart = chart.transform_calculate(ink="'4'").encode(color=TEXT_COLOR)
    return drawn


def reliability_diagram(frame: pd.DataFrame) -> alt.LayerChart:
    """Reliability diagram (Guo et al. 2017): predicted, observed, of (what), count; the diagonal is ideal."""
    domain = alt.Scale(domain=[0, 1])
    share = alt.Axis(format="%", tickCount=5)
    x = alt.X("predicted:Q", title="calibrated probability", scale=domain, axis=share)
    y = alt.Y("observed:Q", title="share that people used, too", scale=domain, axis=share)
    ends = pd.DataFrame({"predicted": [0.0, 1.0], "observed": [0.0, 1.0]})
    diagonal = in_text_color(alt.Chart(ends)).mark_line(
        strokeDash=[4, 4], strokeWidth=1.5, opacity=RULE_OPACITY
    )
    kinds = frame["of"].drop_duplicates().tolist()
    legend = alt.Legend(title=None, orient="top", labelFontSize=LABEL_SIZE)
    marks = (
        alt.Chart(frame)
        .mark_point(filled=True, size=110, opacity=1)
        .encode(
            x=x,
            y=y,
            shape=alt.Shape("of:N", sort=kinds, legend=legend, scale=alt.Scale(range=["circle", "square"])),
            color=alt.Color("of:N", sort=kinds, legend=legend),
            tooltip=[
                "of:N",
                alt.Tooltip("predicted:Q", format=".0%"),
                alt.Tooltip("observed:Q", format=".0%"),
                "count:Q",
            ],
        )
    )
    chart = layered(HEIGHT, diagonal.encode(x=x, y=y), marks)
    # Both scales in one layer, so that shape and colour share a legend.
    combined: alt.LayerChart = chart.resolve_scale(color="independent", shape="independent")
    return combined
