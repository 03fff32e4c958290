"""What visitors said about the captions, by model, beside what was computed; all of it as a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from captioner.app.components import layout, wording
from captioner.app.components.errors import error_boundary, show_error
from captioner.app.quality import answer, ratings_file, texts
from captioner.app.quality.answer import counted, share_percent
from captioner.app.state import other_bundles, ratings_database
from captioner.bundle import ratings
from captioner.bundle.schema import CalibrationParameters, Metrics
from captioner.errors import CaptionerError
from captioner.evaluation.predictions import ScoredCaption
from captioner.feedback.rating import Tally
from captioner.feedback.statistics import concordance, most_frequent, shares_of_tallies

UPLOADER = "ratings file"
MIN_PAIRS = 50  # of ratings that differ, from which on agreement is judged
AGREES, DISAGREES = 0.65, 0.5  # of such pairs in the same order; a coin gives half


def read(without: Sequence[str]) -> list[Tally]:
    """All that was said, counted, except the ratings of these ids.

    Raises:
        FeedbackError: as ``Database.read``.
    """
    if ratings_database.is_unused():
        return []
    from captioner.feedback import ratings_store

    with st.spinner(texts.READING_RATINGS):
        return ratings_store.tallies(ratings_database.database(), without)


@error_boundary()
def show(
    tallies: Sequence[Tally],
    about_active: Sequence[Tally],
    captions: Sequence[ScoredCaption],
    computed: str,
) -> None:
    """What visitors said of the active model, then of others.

    Args:
        tallies: of all models; ``about_active`` of the active one.
        captions: of test images, with which visitors' ratings are compared.
        computed: ``describe_computed``.
    """
    st.header(texts.PEOPLE_SAID, anchor=False)
    total = counted(answer.total(about_active), texts.RATINGS)
    compared = f"{computed} {describe_concordance(about_active, captions)}".strip()
    if answer.enough(about_active):
        st.markdown(f"{texts.SEE_ABOVE.format(total=total)} {compared}")
    elif about_active:
        st.markdown(texts.FEW_RATED.format(total=total, shares=_shares(about_active)))
    else:
        st.markdown(texts.NOBODY_RATED)
    layout.link("review", texts.TO_REVIEW)
    if about_active and not answer.enough(about_active):
        with st.expander(texts.COMPUTED_DETAILS, icon=":material/info:"):
            st.markdown(compared)
    if others := [tally for tally in tallies if tally not in about_active]:
        with st.expander(texts.OTHERS_DETAILS, icon=":material/info:"):
            _show_others(others)
    _show_files(captions, empty=not tallies)


def _shares(tallies: Sequence[Tally]) -> str:
    """As counts where they are too few for shares."""
    enough = answer.enough(tallies)
    return ", ".join(
        f"{share_percent(one.value)} {texts.SHARE_LABELS[rating]} ({answer.interval(one.interval)})"
        if enough
        else f"{one.count} {texts.SHARE_LABELS[rating]}"
        for rating, one in shares_of_tallies(tallies).items()
    )


def describe_computed(metrics: Metrics | None, calibration: CalibrationParameters | None) -> str:
    """What was computed of the model that people rated."""
    scores = []
    if metrics:
        scores.append(texts.CIDER_SCORE.format(cider=f"{metrics.scores['cider']:.2f}"))
    if calibration:
        scores.append(texts.SHARE_OF_WORDS.format(words=wording.in_10(calibration.words.observed)))
    return texts.COMPUTED.format(scores="; ".join(scores)) if scores else ""


def describe_concordance(tallies: Sequence[Tally], captions: Sequence[ScoredCaption]) -> str:
    """Whether CIDEr and the calibrated estimate rank captions of test images as people do."""
    scored = {(row.image, row.caption): row for row in captions}
    by_caption = most_frequent(((tally.image, tally.caption), tally.rating, tally.count) for tally in tallies)
    rated = [(rating, scored[caption]) for caption, rating in by_caption.items() if caption in scored]
    by_cider = concordance((rating, row.cider) for rating, row in rated)
    by_estimate = concordance(
        (rating, row.expected_precision) for rating, row in rated if row.expected_precision is not None
    )
    known = {texts.BY_CIDER: by_cider, texts.BY_ESTIMATE: by_estimate}
    found = {clause: one[0] for clause, one in known.items() if one and one[1] >= MIN_PAIRS}
    if not found:
        return texts.AGREEMENT_UNKNOWN
    clauses = (
        clause.format(share=share_percent(index), agrees=_verdict(index)) for clause, index in found.items()
    )
    return texts.AGREEMENT.format(clauses=" ".join(clauses))


def _verdict(index: float) -> str:
    return texts.AGREES if index >= AGREES else texts.HARDLY_AGREES if index > DISAGREES else texts.DISAGREES


def _show_others(tallies: Sequence[Tally]) -> None:
    """A line for every other model that was rated."""
    bundles, _ = other_bundles.readable()
    names = {model: name for name, bundle in bundles.items() for model in ratings.checksums(bundle)}
    by_model: dict[tuple[bool, str], list[Tally]] = {}  # those that are here come first
    for tally in tallies:
        model = tally.bundle_checksum not in names, names.get(tally.bundle_checksum, tally.bundle_checksum)
        by_model.setdefault(model, []).append(tally)
    lines = []
    for (is_elsewhere, name), rated in sorted(by_model.items()):
        scores = None if is_elsewhere else bundles[name].metrics()
        shown = texts.MODEL_NOT_HERE.format(checksum=name[:12]) if is_elsewhere else name
        lines.append(
            texts.OTHER_MODEL_RATED.format(
                model=wording.escape(shown),
                total=counted(answer.total(rated), texts.RATINGS),
                shares=_shares(rated),
                cider=texts.OTHER_MODEL_CIDER.format(cider=f"{scores.scores['cider']:.2f}") if scores else "",
            )
        )
    st.markdown("\n".join(lines))


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
            if durability := ratings_database.durability():
                st.caption(durability)
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
        total = counted(len(read), texts.RATINGS)
        st.session_state["ratings added"] = texts.LOADED.format(new=f"{new:,}", total=total)
