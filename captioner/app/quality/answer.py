"""How often it is right: by what visitors said, then by people whom its makers name; else by computation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from captioner.app.components import rating_buttons, wording
from captioner.app.quality import texts
from captioner.bundle.ratings import RatingSummary
from captioner.bundle.schema import CalibrationParameters, Metrics
from captioner.feedback.rating import RATINGS, Tally
from captioner.feedback.statistics import MIN_RATINGS, shares_of_tallies

Interval = tuple[float, float]


def show(
    evaluation: RatingSummary | None,
    visitors: Sequence[Tally],
    metrics: Metrics | None,
    calibration: CalibrationParameters | None,
) -> None:
    """The answer, and how certain it is."""
    if enough(visitors):
        _show_visitors(visitors)
    if evaluation:
        _show_human_evaluation(evaluation, explained=enough(visitors))
    elif enough(visitors):
        return
    elif calibration:
        st.markdown(texts.ONLY_WORDS)
        show_words(calibration)
    elif metrics:
        st.markdown(f"{texts.ONLY_SIMILARITY} {_similarity(metrics)}")
    else:
        st.markdown(texts.NOT_KNOWN)


def enough(tallies: Sequence[Tally]) -> bool:
    """Whether these are enough ratings to make shares of."""
    return total(tallies) >= MIN_RATINGS


def _show_human_evaluation(evaluation: RatingSummary, *, explained: bool) -> None:
    parts = {rating: getattr(evaluation, rating) for rating in RATINGS}
    st.markdown(wording.human_evaluation_sentence(evaluation))
    if evaluation.total >= MIN_RATINGS:
        total = evaluation.total
        _show_tiles({rating: (part.count / total, part.interval) for rating, part in parts.items()})
    rated_by = texts.RATED_BY.format(who=wording.escape(evaluation.rated_by))
    st.caption(rated_by if explained else f"{rated_by} {_explanation()}")


def _show_visitors(visitors: Sequence[Tally]) -> None:
    found = shares_of_tallies(visitors)
    sentences = len({(tally.image, tally.caption) for tally in visitors})
    st.markdown(
        texts.VISITORS_RATED.format(
            total=counted(total(visitors), texts.RATINGS),
            sentences=counted(sentences, texts.RATED_SENTENCES),
        )
    )
    _show_tiles({rating: (share.value, share.interval) for rating, share in found.items()})
    st.caption(f"{texts.VISITORS_CHOOSE} {_explanation()}")


def _show_tiles(shares: Mapping[str, tuple[float, Interval]]) -> None:
    """Each share with its interval."""
    grid = st.grid(3, min_column_width=150, border=True)
    for rating, (share, ends) in shares.items():
        likely = texts.LIKELY.format(interval=interval(ends))
        label, value = texts.SHARE_LABELS[rating], share_percent(share)
        grid.metric(label, value, likely, delta_color="off", delta_arrow="off")


def _explanation() -> str:
    return f"{texts.LIKELY_EXPLAINED} {rating_buttons.EXPLAINED}"


def show_words(calibration: CalibrationParameters) -> None:
    """How many of its words people used, too, beside how many of each other's they use."""
    shares = [(texts.WORDS, calibration.words.observed)]
    if (people := calibration.words.human_share) is not None:
        shares.append((texts.WORDS_OF_PEOPLE, people))
    grid = st.grid(2, min_column_width=220, border=True)
    for label, share in shares:
        grid.metric(label, wording.in_10(share))
    with st.expander(texts.WORDS_DETAILS, icon=":material/info:"):
        st.markdown(texts.WORDS_EXPLAINED)


def _similarity(metrics: Metrics) -> str:
    people = metrics.human_baseline
    return texts.SIMILARITY_IN_SHORT.format(
        constant=f"{metrics.constant_baseline['cider']:.2f}",
        model=f"{metrics.scores['cider']:.2f}",
        people=texts.SIMILARITY_OF_PEOPLE.format(people=f"{people['cider']:.2f}") if people else "",
    )


def total(tallies: Sequence[Tally]) -> int:
    """How many ratings were counted."""
    return sum(tally.count for tally in tallies)


def counted(count: int, words: tuple[str, str]) -> str:
    """A number with the word for one or for many."""
    return f"{count:,} {words[count != 1]}"


def share_percent(share: float) -> str:
    """A share as "75 %", which does not break."""
    return f"{share:.0%}".replace("%", "\N{NO-BREAK SPACE}%")


def interval(ends: Interval) -> str:
    """ "41–93 %"."""
    return f"{100 * ends[0]:.0f}–{share_percent(ends[1])}"
