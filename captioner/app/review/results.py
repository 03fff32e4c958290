"""What a sitting found: how often the model was right, and whether automatic scores would have told."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from captioner.app.components import wording
from captioner.app.review import charts as review_charts
from captioner.app.review.session import Share, Sitting, agreement, shares, to_csv
from captioner.app.state import resources
from captioner.bundle.storage import Bundle
from captioner.inference.confidence import caption_confidence
from captioner.inference.warning import SENTENCES

CIDER = "CIDEr"


def show(sitting: Sitting, bundle: Bundle) -> None:
    """The result so far, its comparison with automatic scores, and every rating; at least one is there."""
    found = shares(sitting.entries)
    st.header("What you found" if sitting.done else "So far", anchor=False)
    st.markdown(verdict(found))
    st.altair_chart(
        review_charts.shares(found, {name: said(share) for name, share in found.items()}),
        width="stretch",
        alt=f"Shares of the ratings: {'; '.join(f'{name} {said(share)}' for name, share in found.items())}.",
    )
    st.caption(
        "Bars: your ratings. Lines: where each share would likely lie, had you rated a great many pictures "
        "of this kind (95 % interval after Wilson). Four times as many pictures halve a line."
    )
    known, sure = ciders(sitting, bundle), surenesses(sitting, bundle)
    _automatic(sitting, known, sure)
    _table(sitting, known, sure)


def file(sitting: Sitting, bundle: Bundle) -> bytes:
    """The sitting as CSV."""
    return to_csv(sitting, ciders(sitting, bundle))


def ciders(sitting: Sitting, bundle: Bundle) -> dict[str, float]:
    """CIDEr by entry, where the bundle's test scores have the same picture with the same sentence."""
    known = _scored(bundle)
    found = {
        entry.id: known.get((entry.picture, entry.caption)) for entry in sitting.rated if not entry.digest
    }
    return {id: cider for id, cider in found.items() if cider is not None}


def surenesses(sitting: Sitting, bundle: Bundle) -> dict[str, float]:
    """By entry, how sure the model was of each word on average, as far as known."""
    return {
        entry.id: caption_confidence(entry.caption, entry.log_prob, bundle.config.max_words)
        for entry in sitting.rated
        if entry.log_prob is not None
    }


@st.cache_resource(show_spinner=False, max_entries=2, hash_funcs=resources.BY_CHECKSUM)
def _scored(bundle: Bundle) -> dict[tuple[str, str], float]:
    return {(row.image, row.caption): row.cider for row in bundle.predictions()}


def verdict(found: dict[str, Share]) -> str:
    """The shares as sentences."""
    right, total = found["right"], found["right"].total
    fair = Share(right.count + found["partly"].count, total)
    low, high = right.interval
    captions = "caption" if total == 1 else "captions"
    return (
        f"**{right.count} of {total} {captions} right: {right.value:.0%}.** Had you rated a great many "
        f"pictures of this kind, it would likely be between {low:.0%} and {high:.0%}. Right or "
        f"partly right: {fair.count} of {total}, {fair.value:.0%}."
    ).replace("%", "\N{NO-BREAK SPACE}%")


def said(share: Share) -> str:
    """A share with its interval, for a chart."""
    low, high = share.interval
    return f"{share.value:.0%} ({100 * low:.0f}–{high:.0%})".replace("%", "\N{NO-BREAK SPACE}%")


def _automatic(sitting: Sitting, known: dict[str, float], sure: dict[str, float]) -> None:
    """Does what a program can compute agree with people?"""
    scored = [(entry.rating, known[entry.id]) for entry in sitting.rated if entry.id in known]
    trusted = [(entry.rating, sure[entry.id]) for entry in sitting.rated if entry.id in sure]
    st.subheader("Would the automatic score have told?", anchor=False)
    lines = [
        _agreeing("the higher CIDEr, which compares it with what people wrote", scored),
        _agreeing("more trust from the model itself (its average word probability)", trusted),
    ]
    if not any(lines):
        st.markdown("That shows once two captions are rated differently.")
        return
    st.markdown(
        "Take any two captions that you rated differently. The one you found better had …\n"
        + "\n".join(f"- {line}" for line in lines if line)
        + "\n\nBy tossing a coin, it would be 50 %."
    )
    if not scored:
        st.caption("No picture of this sitting is among those that the bundle has a CIDEr for.")
    elif agreement(scored):
        average = _averages(scored)
        st.altair_chart(
            review_charts.against(scored, CIDER), width="stretch", alt=f"CIDEr by rating. {average}"
        )
        st.caption(f"Each dot is a caption, each diamond an average. {average}")


def _agreeing(what: str, rated: list[tuple[str, float]]) -> str:
    found = agreement(rated)
    if found is None:
        return ""
    share, pairs = found
    return f"{what}, in **{share:.0%}** of {pairs:,} {'pair' if pairs == 1 else 'pairs'}".replace(
        "%", "\N{NO-BREAK SPACE}%"
    )


def _averages(scored: list[tuple[str, float]]) -> str:
    means = pd.DataFrame(scored, columns=["rating", "cider"]).groupby("rating", sort=False)["cider"].mean()
    parts = [f"{means[name]:.2f} ({name})" for name in ("right", "partly", "wrong") if name in means]
    return f"Average CIDEr: {', '.join(parts)}."


def _table(sitting: Sitting, known: dict[str, float], sure: dict[str, float]) -> None:
    with st.expander("All ratings", icon=":material/table_rows:"):
        rows = [
            {
                "rating": entry.rating,
                "caption": wording.escaped(entry.caption),
                "remark": wording.escaped(entry.remark) or "–",
                CIDER: f"{known[entry.id]:.2f}" if entry.id in known else "–",
                "sure": wording.percent(sure[entry.id]) if entry.id in sure else "–",
                "warnings": entry.warnings.replace(" ", ", ") or "–",
                "picture": wording.escaped(entry.picture),
            }
            for entry in sitting.rated
        ]
        st.table(pd.DataFrame(rows), hide_index=True, border="horizontal")
        st.caption("“Sure”: the model’s average word probability (geometric mean).")
        for code in sorted({code for entry in sitting.rated for code in entry.warnings.split()}):
            st.caption(f"“{code.capitalize()}”: {SENTENCES[code]}")
