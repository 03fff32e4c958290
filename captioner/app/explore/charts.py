"""Charts of many sentences: how a score is spread, and named bars. No Streamlit, no model.

As in ``charts``, nothing is told by colour alone, and every bar of a name has its figure beside it.
"""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import pandas as pd

from captioner.app.components.charts import LABEL, inked, layered

STEP, SEAM = 0.25, 0.01  # CIDEr: the width of a bar, and what is left free on either side
HEIGHT, BAR, GAP = 260, 18, 30  # pixels
RULE = 0.7  # opacity
ROOM = 1.35  # where the axis of bars ends, so that the text after the longest fits


def spread(values: Sequence[float], step: float = STEP) -> pd.DataFrame:
    """How many of at least one score, none of them negative, lie in each step: start, end, sentences."""
    steps = [int(value // step) for value in values]
    starts = range(max(steps) + 1)
    return pd.DataFrame(
        {
            "start": [index * step for index in starts],
            "end": [(index + 1) * step for index in starts],
            "sentences": [steps.count(index) for index in starts],
        }
    )


def histogram(frame: pd.DataFrame, average: float) -> alt.LayerChart:
    """Bars of ``spread`` over the score, a named rule at the average."""
    score = alt.X(
        "from:Q",
        title="likeness to people’s sentences (CIDEr)",
        scale=alt.Scale(domain=[0, frame["end"].max()], nice=False),
        axis=alt.Axis(grid=False, labelOverlap=True),
    )
    drawn = frame.assign(**{"from": frame["start"] + SEAM, "to": frame["end"] - SEAM})
    bars = (
        alt.Chart(drawn)
        .mark_rect()
        .encode(
            x=score,
            x2="to:Q",
            y=alt.Y("sentences:Q", title="sentences"),
            y2=alt.Y2(datum=0),
            tooltip=[alt.Tooltip("start:Q", title="from"), alt.Tooltip("end:Q", title="to"), "sentences:Q"],
        )
    )
    where = pd.DataFrame({"from": [average], "said": [f"average {average:.2f}"]})
    base = inked(alt.Chart(where)).encode(x=score)
    rule = base.mark_rule(strokeDash=[4, 4], opacity=RULE)
    name = base.mark_text(align="left", baseline="top", dx=6, fontSize=LABEL)
    return layered(HEIGHT, bars, rule, name.encode(y=alt.value(0), text="said:N"))


def named(frame: pd.DataFrame) -> alt.LayerChart:
    """Horizontal bars in the order given: name, value, said (as text)."""
    base = alt.Chart(frame).encode(
        y=alt.Y(
            "name:N",
            sort=frame["name"].tolist(),
            title=None,
            axis=alt.Axis(ticks=False, domain=False, labelLimit=160),
        ),
        x=alt.X("value:Q", axis=None, scale=alt.Scale(domain=[0, ROOM * frame["value"].max()])),
    )
    text = inked(base).mark_text(align="left", dx=6, fontSize=LABEL).encode(text="said:N")
    bars = base.mark_bar(cornerRadius=3, height=BAR)
    return layered(GAP * len(frame), bars, text)
