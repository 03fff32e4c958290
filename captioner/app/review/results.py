"""The result of a review session: how often the model was right, and whether automatic scores agree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

import altair as alt
import pandas as pd
import streamlit as st

from captioner.app.components import charts, wording
from captioner.app.review import texts
from captioner.app.review.session_file import to_csv
from captioner.app.state import serving
from captioner.bundle.storage import Bundle
from captioner.feedback.rating import RATINGS
from captioner.feedback.session import Item, ReviewSession
from captioner.feedback.statistics import MIN_RATINGS, Proportion, concordance, most_frequent, proportions
from captioner.inference.confidence import caption_confidence
from captioner.inference.warning import SENTENCES

CIDER = "CIDEr"
ROW_HEIGHT, AXIS_HEIGHT = 40, 60  # pixels


Rated: TypeAlias = Sequence[tuple[str, Item]]  # by whom, what


def show(everybody: Mapping[str, ReviewSession], bundle: Bundle) -> None:
    """The result of all raters, its comparison with automatic scores, and every rating; at least one."""
    rated = [(rater, item) for rater, session in everybody.items() for item in session.rated]
    raters = {rater for rater, _ in rated}
    shares = proportions(item for _, item in rated)
    labels = {rating: _with_interval(share) for rating, share in shares.items()}
    done = all(everybody[rater].done for rater in raters)
    st.header(texts.RESULT if done else texts.RESULT_SO_FAR, anchor=False)
    if len(raters) > 1:
        st.caption(texts.RATERS.format(count=len(raters), names=wording.escape(_listed(raters))))
    st.markdown(_summary(shares))
    listed = "; ".join(f"{rating} {label}" for rating, label in labels.items())
    chart = proportions_chart(shares, labels)
    st.altair_chart(chart, width="stretch", alt=texts.RESULT_CHART.format(shares=listed))
    st.caption(f"{texts.HOW_TO_READ} {texts.CLUSTERED if len(raters) > 1 else ''}")
    ciders, certainties = _ciders(rated, bundle), _certainties(rated, bundle)
    _compare_with_scores(rated, ciders, certainties)
    _table(rated, ciders, certainties)


def to_file(everybody: Mapping[str, ReviewSession], bundle: Bundle) -> bytes:
    """The session as a CSV file."""
    rated = [(rater, item) for rater, session in everybody.items() for item in session.rated]
    return to_csv(everybody, _ciders(rated, bundle))


def _listed(raters: Iterable[str]) -> str:
    return ", ".join(sorted(rater or texts.NO_NAME for rater in raters))


def _ciders(rated: Rated, bundle: Bundle) -> dict[str, float]:
    """CIDEr by item id, where the bundle's predictions have the same sentence for the same picture."""
    known = _predicted_ciders(bundle)
    ciders = {item.id: known.get((item.image, item.caption)) for _, item in rated if not item.upload_hash}
    return {id: cider for id, cider in ciders.items() if cider is not None}


@st.cache_resource(show_spinner=False, max_entries=2, hash_funcs=serving.HASH_FUNCS)
def _predicted_ciders(bundle: Bundle) -> dict[tuple[str, str], float]:
    return {(row.image, row.caption): row.cider for row in bundle.predictions()}


def _certainties(rated: Rated, bundle: Bundle) -> dict[str, float]:
    """How sure the model was by item id: expected precision if all have it, else confidence."""
    items = {item.id: item for _, item in rated}.values()
    shares = {item.id: item.expected_precision for item in items if item.expected_precision is not None}
    if len(shares) == len(items):
        return shares
    return {
        item.id: caption_confidence(item.caption, item.log_prob, bundle.config.max_words)
        for item in items
        if item.log_prob is not None
    }


def _summary(shares: dict[str, Proportion]) -> str:
    right, total = shares["right"], shares["right"].total
    acceptable = Proportion(right.count + shares["partly"].count, total)
    low, high = right.interval
    summary = texts.SUMMARY.format(
        right=right.count,
        total=total,
        captions=texts.ONE_CAPTION if total == 1 else texts.CAPTIONS,
        share=f"{right.value:.0%}",
        low=f"{low:.0%}",
        high=f"{high:.0%}",
        acceptable=acceptable.count,
        acceptable_share=f"{acceptable.value:.0%}",
    )
    return _without_line_breaks(summary)


def _with_interval(share: Proportion) -> str:
    low, high = share.interval
    return _without_line_breaks(f"{share.value:.0%} ({100 * low:.0f}–{high:.0%})")


def _without_line_breaks(text: str) -> str:
    return text.replace("%", "\N{NO-BREAK SPACE}%")


def _compare_with_scores(rated: Rated, ciders: dict[str, float], certainties: dict[str, float]) -> None:
    """Whether what a program can compute agrees with people."""
    by_item = most_frequent((item.id, item.rating, 1) for _, item in rated)
    by_cider, by_certainty = (
        [(rating, scores[id]) for id, rating in by_item.items() if id in scores]
        for scores in (ciders, certainties)
    )
    st.subheader(texts.AGREEMENT, anchor=False)
    lines = [
        _concordance_line(texts.HIGHER_CIDER, by_cider),
        _concordance_line(texts.HIGHER_ESTIMATE, by_certainty),
    ]
    if not any(lines):
        st.markdown(texts.TOO_FEW)
        return
    st.markdown("\n".join([texts.AGREEMENT_TEXT, *filter(None, lines), "", texts.COIN]))
    if len(rated) > len(by_item):
        st.caption(texts.MOST_FREQUENT)
    if not by_cider:
        st.caption(texts.NO_CIDER)
    elif concordance(by_cider):
        averages = _averages(by_cider)
        chart = scores_chart(by_cider, CIDER)
        st.altair_chart(chart, width="stretch", alt=texts.CIDER_CHART.format(averages=averages))
        st.caption(texts.CIDER_EXPLAINED.format(averages=averages))


def _concordance_line(score: str, scores: list[tuple[str, float]]) -> str:
    """In how many pairs the better caption had the higher score; empty where there are too few."""
    index, pairs = concordance(scores) or (0.0, 0)
    if pairs < MIN_RATINGS:
        return ""
    line = texts.AGREEMENT_LINE.format(score=score, share=f"{index:.0%}", pairs=f"{pairs:,}")
    return _without_line_breaks(line)


def _averages(scores: list[tuple[str, float]]) -> str:
    means = pd.DataFrame(scores, columns=["rating", "cider"]).groupby("rating", sort=False)["cider"].mean()
    parts = [f"{means[rating]:.2f} ({rating})" for rating in RATINGS if rating in means]
    return texts.AVERAGES.format(averages=", ".join(parts))


def _table(rated: Rated, ciders: dict[str, float], certainties: dict[str, float]) -> None:
    several = len({rater for rater, _ in rated}) > 1
    measured = all(item.expected_precision is not None for _, item in rated)
    certainty = texts.SHARE_COLUMN if measured else texts.CHANCE_COLUMN
    with st.expander(texts.ALL_RATINGS, icon=":material/table_rows:"):
        rows = [
            {
                "rating": item.rating,
                "caption": wording.escape(item.caption),
                "remark": wording.escape(item.remark) or "–",
                texts.SIMILARITY_COLUMN: f"{ciders[item.id]:.2f}" if item.id in ciders else "–",
                certainty: wording.percent(certainties[item.id]) if item.id in certainties else "–",
                "warnings": item.warnings.replace(" ", ", ").replace("_", " ") or "–",
                "picture": wording.escape(item.image),
                **({"who": wording.escape(rater or texts.NO_NAME)} if several else {}),
            }
            for rater, item in rated
        ]
        st.table(pd.DataFrame(rows), hide_index=True, border="horizontal")
        st.caption(texts.SHARE_EXPLAINED if measured else texts.CHANCE_EXPLAINED)
        if ciders:
            st.caption(texts.SIMILARITY_EXPLAINED)
        for code in sorted({code for _, item in rated for code in item.warnings.split()}):
            st.caption(f"“{code.replace('_', ' ').capitalize()}”: {SENTENCES[code]}")


def proportions_chart(shares: Mapping[str, Proportion], labels: Mapping[str, str]) -> alt.LayerChart:
    """A bar for each rating, its interval as a line, and its label as text."""
    frame = pd.DataFrame(
        [
            (rating, share.value, *share.interval, labels[rating], max(share.value, share.interval[1]))
            for rating, share in shares.items()
        ],
        columns=["rating", "share", "low", "high", "label", "end"],
    )
    base = alt.Chart(frame).encode(y=_rating_axis())
    scale = alt.Scale(domain=[0, 1.45])  # room for the text after a long line
    bars = base.mark_bar(cornerRadius=3, height=20, opacity=charts.RULE_OPACITY).encode(
        x=alt.X("share:Q", axis=None, scale=scale)
    )
    ink = charts.in_text_color(base)
    lines = ink.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q", scale=scale), x2="high:Q")
    ends = [ink.mark_tick(height=12, thickness=2).encode(x=alt.X(f"{end}:Q")) for end in ("low", "high")]
    text = ink.mark_text(align="left", dx=8, fontSize=charts.LABEL_SIZE).encode(x="end:Q", text="label:N")
    return charts.layered(ROW_HEIGHT * len(RATINGS), bars, lines, *ends, text)


def scores_chart(scores: Sequence[tuple[str, float]], title: str) -> alt.LayerChart:
    """A point for each caption, a row for each rating, along an automatic score; a diamond at the average."""
    frame = pd.DataFrame(scores, columns=["rating", "score"])
    means = frame.groupby("rating", as_index=False)["score"].mean()
    axis = alt.X("score:Q", title=title, scale=alt.Scale(zero=True), axis=alt.Axis(tickCount=6))
    points = (
        alt.Chart(frame).mark_circle(size=90, opacity=charts.PALE_OPACITY).encode(y=_rating_axis(), x=axis)
    )
    diamonds = (
        charts.in_text_color(alt.Chart(means))
        .mark_point(shape="diamond", size=170, strokeWidth=2, opacity=1)
        .encode(y=_rating_axis(), x=axis)
    )
    return charts.layered(ROW_HEIGHT * len(RATINGS) + AXIS_HEIGHT, points, diamonds)


def _rating_axis() -> alt.Y:
    axis = alt.Axis(ticks=False, domain=False, labelFontSize=charts.LABEL_SIZE)
    return alt.Y("rating:N", title=None, axis=axis, scale=alt.Scale(domain=list(RATINGS)))
