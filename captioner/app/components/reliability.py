"""How well calibrated probabilities hold: what they promised and what came true, on pictures kept apart."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from captioner.app.components import charts, wording
from captioner.bundle.schema import CalibrationParameters, Calibrator

WORDS, CAPTIONS = "words", "whole sentences"
TITLE = "How often people used its words, too"
SUMMARY = (
    "Of the tenth of its words that the model was surest of, people used **{surest}**, too; of the tenth "
    "that it was least sure of, **{least}**. Of its whole sentences, **{captions}** have only words that "
    "people used{people}."
)
PEOPLE = " (of people’s own sentences: {share})"
STRICT = (
    "That is a strict measure: a word counts if one of the five people who described the photo used exactly "
    "it. Many others are right as well. Words like “a” and “in” do not count."
)
HOW_TO_READ = (
    "How to read this: each mark stands for a tenth of the words or sentences, from the least sure to the "
    "surest. On the dashed line, as many come true as promised; below it, fewer."
)
DETAILS = "Details: how far promise and outcome are apart"
MEASURED = (
    "Fitted on {fitted} photos of the dev split, measured on {images} others of the {split} split "
    "({split_name}), for the model’s own settings; bins of equal mass. `{command}` measures it again."
)
NUMBERS = {  # field of a ``Calibrator`` → how the table calls it
    "expected_calibration_error": "average gap (expected calibration error)",
    "auc": "right one surer than wrong one (AUC)",
    "mean_right": "average if right",
    "mean_wrong": "average if wrong",
}


def show(calibration: CalibrationParameters | None) -> None:
    """A sentence, the reliability diagram, and the numbers as a table; nothing where nothing was measured."""
    if calibration is None:
        return
    st.subheader(TITLE, anchor=False)
    summary = _summary(calibration)
    st.markdown(f"{summary} {STRICT}")
    chart = charts.reliability_diagram(frame(calibration))
    st.altair_chart(chart, width="stretch", alt=f"Reliability diagram. {summary.replace('**', '')}")
    st.caption(HOW_TO_READ)
    with st.expander(DETAILS, icon=":material/table_rows:"):
        rows = {WORDS: calibration.words, CAPTIONS: calibration.captions}
        st.table(pd.DataFrame({name: _numbers(part) for name, part in rows.items()}), border="horizontal")
        st.caption(
            MEASURED.format(
                fitted=f"{calibration.fitted_images:,}",
                images=f"{calibration.images:,}",
                split=calibration.split,
                split_name=calibration.split_name,
                command=calibration.command.replace("`", "'"),
            )
        )


def frame(calibration: CalibrationParameters) -> pd.DataFrame:
    """A row for every bin: of (``WORDS`` or ``CAPTIONS``), predicted, observed, count."""
    rows = [
        (kind, bin.predicted, bin.observed, bin.count)
        for kind, part in ((WORDS, calibration.words), (CAPTIONS, calibration.captions))
        for bin in part.bins
    ]
    return pd.DataFrame(rows, columns=["of", "predicted", "observed", "count"])


def _summary(calibration: CalibrationParameters) -> str:
    words = sorted(calibration.words.bins, key=lambda bin: bin.predicted)
    human = calibration.captions.human_share
    return SUMMARY.format(
        surest=wording.percent(words[-1].observed),
        least=wording.percent(words[0].observed),
        captions=wording.percent(calibration.captions.observed),
        people="" if human is None else PEOPLE.format(share=wording.percent(human)),
    )


def _numbers(part: Calibrator) -> dict[str, str]:
    values = {name: getattr(part, key) for key, name in NUMBERS.items()}
    numbers = {name: "–" if value is None else f"{value:.3f}" for name, value in values.items()}
    return {"how many": f"{part.count:,}", "bins": f"{len(part.bins)}", **numbers}
