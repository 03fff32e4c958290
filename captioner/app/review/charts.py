"""What a sitting found → Altair charts; no Streamlit, no model. Colours come from the app's theme.

Every mark has its name on an axis or its figure beside it, so nothing is told by colour.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import altair as alt
import pandas as pd

from captioner.app.components import charts
from captioner.app.review.session import VERDICTS, Share

ROW, AXIS = 40, 60  # pixels


def shares(found: Mapping[str, Share], said: Mapping[str, str]) -> alt.LayerChart:
    """A bar for each verdict's share, its interval as a line, what is said about it beside."""
    frame = pd.DataFrame(
        [
            (verdict, share.value, *share.interval, said[verdict], max(share.value, share.interval[1]))
            for verdict, share in found.items()
        ],
        columns=["verdict", "share", "low", "high", "said", "end"],
    )
    base = alt.Chart(frame).encode(y=_verdicts())
    scale = alt.Scale(domain=[0, 1.45])  # room for the text after a long line
    bars = base.mark_bar(cornerRadius=3, height=20, opacity=charts.RULE).encode(
        x=alt.X("share:Q", axis=None, scale=scale)
    )
    ink = charts.inked(base)
    lines = ink.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q", scale=scale), x2="high:Q")
    ends = [ink.mark_tick(height=12, thickness=2).encode(x=alt.X(f"{end}:Q")) for end in ("low", "high")]
    text = ink.mark_text(align="left", dx=8, fontSize=charts.LABEL).encode(x="end:Q", text="said:N")
    return charts.layered(ROW * len(VERDICTS), bars, lines, *ends, text)


def against(rated: Sequence[tuple[str, float]], title: str) -> alt.LayerChart:
    """One point a caption, by verdict, along an automatic score; a diamond where the average of a row is."""
    frame = pd.DataFrame(rated, columns=["verdict", "score"])
    means = frame.groupby("verdict", as_index=False)["score"].mean()
    axis = alt.X("score:Q", title=title, scale=alt.Scale(zero=True), axis=alt.Axis(tickCount=6))
    points = alt.Chart(frame).mark_circle(size=90, opacity=charts.OTHER).encode(y=_verdicts(), x=axis)
    diamonds = (
        charts.inked(alt.Chart(means))
        .mark_point(shape="diamond", size=170, strokeWidth=2, opacity=1)
        .encode(y=_verdicts(), x=axis)
    )
    return charts.layered(ROW * len(VERDICTS) + AXIS, points, diamonds)


def _verdicts() -> alt.Y:
    axis = alt.Axis(ticks=False, domain=False, labelFontSize=charts.LABEL)
    return alt.Y("verdict:N", title=None, axis=axis, scale=alt.Scale(domain=list(VERDICTS)))
