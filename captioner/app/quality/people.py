"""What people said about the captions, by model, beside what was computed; all of it as a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from captioner.app.components import rating_buttons, wording
from captioner.app.components.errors import error_boundary, show_error
from captioner.app.quality import ratings_file, texts
from captioner.app.state import other_bundles, ratings_database
from captioner.bundle import ratings
from captioner.bundle.ratings import RatingSummary
from captioner.bundle.schema import CalibrationParameters, Metrics
from captioner.bundle.storage import Bundle
from captioner.errors import CaptionerError
from captioner.evaluation.predictions import ScoredCaption
from captioner.feedback.rating import RATINGS, Tally
from captioner.feedback.statistics import Proportion, concordance, most_frequent, shares_of_tallies

UPLOADER = "ratings file"
MIN_RATINGS = 10  # below, the page says that these are too few to tell
MIN_PAIRS = 50  # of ratings that differ, from which on agreement is judged
AGREES, DISAGREES = 0.65, 0.5  # of such pairs in the same order; a coin gives half


@error_boundary()
def show(
    bundle: Bundle,
    captions: Sequence[ScoredCaption],
    metrics: Metrics | None,
    calibration: CalibrationParameters | None,
) -> None:
    """The owner's check, if there is one; then visitors' shares for the active model, and for others."""
    check = ratings.read(bundle)
    check = check if check and check.rated_by else None
    if check:
        st.header(texts.HOW_OFTEN, anchor=False)
        _show_check(check)
    st.header(texts.PEOPLE_SAID, anchor=False)
    tallies = _tallies(check.ids if check else ())
    own = ratings.checksums(bundle)
    about_active = [tally for tally in tallies if tally.model in own]
    if about_active:
        _show_shares(about_active)
        st.markdown(_comparison(about_active, captions, metrics, calibration))
    else:
        st.markdown(texts.NOBODY_RATED)
    _show_others([tally for tally in tallies if tally.model not in own])
    if durability := ratings_database.durability():
        st.caption(durability)
    _show_files(captions, empty=not tallies)


def _show_check(check: RatingSummary) -> None:
    counts = {rating: f"{getattr(check, rating).count:,}" for rating in RATINGS}
    sentence = texts.CHECKED if check.total == check.captions else texts.CHECKED_OFTEN
    st.markdown(sentence.format(count=f"{check.captions:,}", total=f"{check.total:,}", **counts))
    st.caption(f"{texts.RATED_BY.format(who=wording.escape(check.rated_by))} {rating_buttons.EXPLAINED}")


def _tallies(without: Sequence[str]) -> list[Tally]:
    """Visitors' ratings: those of the check stand apart, also where the database has both."""
    if ratings_database.is_unused():
        return []
    from captioner.feedback import ratings_store

    with st.spinner(texts.READING_RATINGS):
        return ratings_store.tallies(ratings_database.database(), without)


def _show_shares(tallies: Sequence[Tally]) -> None:
    found = shares_of_tallies(tallies)
    total = found["right"].total
    sentences = len({(tally.sample, tally.caption) for tally in tallies})
    st.markdown(
        texts.RATED.format(
            total=_counted(total, texts.RATINGS), sentences=_counted(sentences, texts.RATED_SENTENCES)
        )
    )
    grid = st.grid(3, min_column_width=150, border=True)
    for rating, share in found.items():
        grid.metric(texts.SHARE_LABELS[rating], _percent(share.value))
    intervals = texts.INTERVALS.format(**{rating: _interval(share) for rating, share in found.items()})
    few = f"{texts.TOO_FEW} " if total < MIN_RATINGS else ""
    st.caption(f"{few}{intervals} {rating_buttons.EXPLAINED}")


def _counted(count: int, words: tuple[str, str]) -> str:
    return f"{count:,} {words[count != 1]}"


def _percent(share: float) -> str:
    return f"{share:.0%}".replace("%", "\N{NO-BREAK SPACE}%")


def _interval(share: Proportion) -> str:
    low, high = share.interval
    return f"{100 * low:.0f}–{_percent(high)}"


def _comparison(
    tallies: Sequence[Tally],
    captions: Sequence[ScoredCaption],
    metrics: Metrics | None,
    calibration: CalibrationParameters | None,
) -> str:
    """What was computed of the same model, and whether that puts captions in the same order as people do."""
    computed = []
    if metrics:
        computed.append(texts.COMPUTED_CIDER.format(cider=f"{metrics.scores['cider']:.2f}"))
    if calibration:
        computed.append(texts.COMPUTED_WORDS.format(words=wording.in_10(calibration.words.observed)))
    first = texts.COMPUTED.format(scores="; ".join(computed)) if computed else ""
    return f"{first} {agreement(tallies, captions)}".strip()


def agreement(tallies: Sequence[Tally], captions: Sequence[ScoredCaption]) -> str:
    """Whether CIDEr and the calibrated estimate rank captions of samples as people do."""
    scored = {(row.image, row.caption): row for row in captions}
    said = most_frequent(((tally.sample, tally.caption), tally.rating, tally.count) for tally in tallies)
    rated = [(rating, scored[caption]) for caption, rating in said.items() if caption in scored]
    by_cider = concordance((rating, row.cider) for rating, row in rated)
    by_estimate = concordance(
        (rating, row.expected_share) for rating, row in rated if row.expected_share is not None
    )
    known = {texts.BY_CIDER: by_cider, texts.BY_ESTIMATE: by_estimate}
    found = {clause: one[0] for clause, one in known.items() if one and one[1] >= MIN_PAIRS}
    if not found:
        return texts.AGREEMENT_UNKNOWN
    clauses = (
        clause.format(share=_percent(index), agrees=_verdict(index)) for clause, index in found.items()
    )
    return texts.AGREEMENT.format(clauses=" ".join(clauses))


def _verdict(index: float) -> str:
    return texts.AGREES if index >= AGREES else texts.HARDLY_AGREES if index > DISAGREES else texts.DISAGREES


def _show_others(tallies: Sequence[Tally]) -> None:
    """A line for every other model that was rated."""
    if not tallies:
        return
    bundles, _ = other_bundles.readable()
    names = {model: name for name, bundle in bundles.items() for model in ratings.checksums(bundle)}
    by_model: dict[tuple[bool, str], list[Tally]] = {}  # those that are here come first
    for tally in tallies:
        model = tally.model not in names, names.get(tally.model, tally.model)
        by_model.setdefault(model, []).append(tally)
    lines = []
    for (is_elsewhere, name), said in sorted(by_model.items()):
        found = shares_of_tallies(said)
        scores = None if is_elsewhere else bundles[name].metrics()
        shown = texts.MODEL_NOT_HERE.format(checksum=name[:12]) if is_elsewhere else name
        lines.append(
            texts.OTHER_MODEL_RATED.format(
                model=wording.escape(shown),
                total=_counted(found["right"].total, texts.RATINGS),
                shares=", ".join(
                    f"{_percent(one.value)} {texts.SHARE_LABELS[rating]} ({_interval(one)})"
                    for rating, one in found.items()
                ),
                cider=texts.OTHER_MODEL_CIDER.format(cider=f"{scores.scores['cider']:.2f}") if scores else "",
            )
        )
    st.markdown("\n".join([texts.OTHER_MODELS_RATED, *lines]))


def _show_files(captions: Sequence[ScoredCaption], *, empty: bool) -> None:
    """All ratings as a file, and the way back."""
    with st.expander(texts.RATINGS_FILES, icon=":material/table_view:"):
        st.markdown(texts.RATINGS_FILES_TEXT)
        if not empty:
            st.download_button(
                texts.DOWNLOAD_RATINGS,
                lambda: _file(captions),
                "captioner-people.csv",
                "text/csv",
                on_click="ignore",
                icon=":material/download:",
            )
        st.file_uploader(texts.LOAD_RATINGS, ["csv"], key=UPLOADER, on_change=_add)
        if error := st.session_state.pop("ratings refused", None):
            show_error(error)
        if sentence := st.session_state.pop("ratings added", None):
            st.success(sentence, icon=":material/check:")


def _file(captions: Sequence[ScoredCaption]) -> bytes:
    """Made at the click."""
    from captioner.feedback import ratings_store

    scored: Mapping[tuple[str, str], ScoredCaption] = {(row.image, row.caption): row for row in captions}
    return ratings_file.to_csv(ratings_store.all_ratings(ratings_database.database()), scored)


def _add() -> None:
    """Add the ratings of the file that just came: before the page is drawn, so that it has them."""
    file = st.session_state[UPLOADER]
    if file is None:  # it was removed
        return
    from captioner.feedback import ratings_store

    try:
        read = ratings_file.from_csv(file.getvalue())
        new = ratings_store.add(ratings_database.database(), read)
    except CaptionerError as error:
        st.session_state["ratings refused"] = error
    else:
        total = _counted(len(read), texts.RATINGS)
        st.session_state["ratings added"] = texts.LOADED.format(new=f"{new:,}", total=total)
