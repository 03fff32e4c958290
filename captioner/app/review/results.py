"""The result of a review session: how often the model was right, and whether automatic scores agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import altair as alt
import pandas as pd
import streamlit as st

from captioner.app.components import charts, wording
from captioner.app.review.session import RATINGS, RatingSession
from captioner.app.review.session_file import to_csv
from captioner.app.review.statistics import Proportion, concordance, proportions
from captioner.app.state import serving
from captioner.bundle.storage import Bundle
from captioner.inference.confidence import caption_confidence
from captioner.inference.warning import SENTENCES

CIDER = "CIDEr"
ROW_HEIGHT, AXIS_HEIGHT = 40, 60  # pixels
HOW_TO_READ = (
    "Bars: your ratings. Lines: the range in which each share would likely lie if you rated very many "
    "pictures of this kind (95 % Wilson interval). Four times as many pictures halve a line."
)
HIGHER_CIDER = "a higher CIDEr, which compares it with what people wrote"
HIGHER_CONFIDENCE = "more confidence from the model itself"


def show(session: RatingSession, bundle: Bundle) -> None:
    """The result so far, its comparison with automatic scores, and every rating; needs at least one."""
    shares = proportions(session.items)
    labels = {rating: _with_interval(share) for rating, share in shares.items()}
    st.header("Your result" if session.done else "So far", anchor=False)
    st.markdown(_summary(shares))
    st.altair_chart(
        proportions_chart(shares, labels),
        width="stretch",
        alt=f"Shares of the ratings: {'; '.join(f'{rating} {label}' for rating, label in labels.items())}.",
    )
    st.caption(HOW_TO_READ)
    ciders, confidences = _ciders(session, bundle), _confidences(session, bundle)
    _compare_with_scores(session, ciders, confidences)
    _table(session, ciders, confidences)


def to_file(session: RatingSession, bundle: Bundle) -> bytes:
    """The session as a CSV file."""
    return to_csv(session, _ciders(session, bundle))


def _ciders(session: RatingSession, bundle: Bundle) -> dict[str, float]:
    """CIDEr by item id, where the bundle's predictions have the same sentence for the same picture."""
    known = _predicted_ciders(bundle)
    ciders = {
        item.id: known.get((item.picture, item.caption)) for item in session.rated if not item.upload_hash
    }
    return {id: cider for id, cider in ciders.items() if cider is not None}


@st.cache_resource(show_spinner=False, max_entries=2, hash_funcs=serving.HASH_FUNCS)
def _predicted_ciders(bundle: Bundle) -> dict[tuple[str, str], float]:
    return {(row.image, row.caption): row.cider for row in bundle.predictions()}


def _confidences(session: RatingSession, bundle: Bundle) -> dict[str, float]:
    """How sure the model was by item id: calibrated if all are, else by word probability, as far as known."""
    shares = {item.id: item.expected_share for item in session.rated if item.expected_share is not None}
    if len(shares) == len(session.rated):
        return shares
    return {
        item.id: caption_confidence(item.caption, item.log_prob, bundle.config.max_words)
        for item in session.rated
        if item.log_prob is not None
    }


def _summary(shares: dict[str, Proportion]) -> str:
    right, total = shares["right"], shares["right"].total
    acceptable = Proportion(right.count + shares["partly"].count, total)
    low, high = right.interval
    captions = "caption" if total == 1 else "captions"
    return _without_line_breaks(
        f"**{right.count} of {total} {captions} right: {right.value:.0%}.** If you rated very many pictures "
        f"of this kind, it would likely be between {low:.0%} and {high:.0%}. Right or partly right: "
        f"{acceptable.count} of {total}, {acceptable.value:.0%}."
    )


def _with_interval(share: Proportion) -> str:
    low, high = share.interval
    return _without_line_breaks(f"{share.value:.0%} ({100 * low:.0f}–{high:.0%})")


def _without_line_breaks(text: str) -> str:
    return text.replace("%", "\N{NO-BREAK SPACE}%")


def _compare_with_scores(
    session: RatingSession, ciders: dict[str, float], confidences: dict[str, float]
) -> None:
    """Whether what a program can compute agrees with people."""
    by_cider, by_confidence = (
        [(item.rating, scores[item.id]) for item in session.rated if item.id in scores]
        for scores in (ciders, confidences)
    )
    st.subheader("Do automatic scores agree with you?", anchor=False)
    lines = [_agreement(HIGHER_CIDER, by_cider), _agreement(HIGHER_CONFIDENCE, by_confidence)]
    if not any(lines):
        st.markdown("You will see that here once you have given two captions different ratings.")
        return
    st.markdown(
        "Take any two captions that you rated differently. The better one had …\n"
        + "\n".join(f"- {line}" for line in lines if line)
        + "\n\nTossing a coin would give 50 %."
    )
    if not by_cider:
        st.caption("There is no CIDEr for the pictures of this review session.")
    elif concordance(by_cider):
        averages = _averages(by_cider)
        chart = scores_chart(by_cider, CIDER)
        st.altair_chart(chart, width="stretch", alt=f"CIDEr by rating. {averages}")
        st.caption(f"Each dot is a caption, each diamond an average. {averages}")


def _agreement(score: str, scores: list[tuple[str, float]]) -> str:
    """In how many pairs the better caption had the higher score; empty without a pair."""
    index, pairs = concordance(scores) or (0.0, 0)
    if not pairs:
        return ""
    return _without_line_breaks(
        f"{score}, in **{index:.0%}** of {pairs:,} {'pair' if pairs == 1 else 'pairs'}"
    )


def _averages(scores: list[tuple[str, float]]) -> str:
    means = pd.DataFrame(scores, columns=["rating", "cider"]).groupby("rating", sort=False)["cider"].mean()
    parts = [f"{means[rating]:.2f} ({rating})" for rating in RATINGS if rating in means]
    return f"Average CIDEr: {', '.join(parts)}."


def _table(session: RatingSession, ciders: dict[str, float], confidences: dict[str, float]) -> None:
    with st.expander("All ratings", icon=":material/table_rows:"):
        rows = [
            {
                "rating": item.rating,
                "caption": wording.escape(item.caption),
                "remark": wording.escape(item.remark) or "–",
                CIDER: f"{ciders[item.id]:.2f}" if item.id in ciders else "–",
                "how sure": wording.percent(confidences[item.id]) if item.id in confidences else "–",
                "warnings": item.warnings.replace(" ", ", ") or "–",
                "picture": wording.escape(item.picture),
            }
            for item in session.rated
        ]
        st.table(pd.DataFrame(rows), hide_index=True, border="horizontal")
        st.caption(
            "“How sure”: the share of its words that people are expected to use, too. Where that has not "
            "been measured: the model’s average word probability (geometric mean)."
        )
        for code in sorted({code for item in session.rated for code in item.warnings.split()}):
            st.caption(f"“{code.capitalize()}”: {SENTENCES[code]}")


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
