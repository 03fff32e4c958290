"""Several models side by side: how each learned, and what each reached."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from captioner.app.components import wording
from captioner.app.training_report import charts as report_charts
from captioner.app.training_report.history import SCORES, frame
from captioner.bundle.schema import Metrics
from captioner.bundle.storage import Bundle
from captioner.errors import BundleError

CURVES = {
    "val_cider": ("Likeness to people's sentences (CIDEr)", "CIDEr", "Highest"),
    "val_loss": ("Surprise at people's words (loss)", "loss (nats a word)", "Lowest"),
}
READING = (
    "How to read this: a line a model, a diamond at its best epoch, measured on pictures not trained on. "
    "Lines can be compared where these are the same pictures, cut into the same words; below stands what "
    "each model learned from."
)
SAME = "Every score is of the same pictures, measured in the same way, so the rows can be compared."
OTHER = (
    "They were scored on different pictures or in different ways: compare only rows that are measured alike."
)


def show(bundles: Mapping[str, Bundle]) -> None:
    """Curves over each other, then a table with a row a model."""
    history = _histories(bundles)
    drawn = [name for name in CURVES if history[name].notna().any()]
    for column in drawn:
        _curves(history.dropna(subset=[column]), column)
    if drawn:
        st.caption(READING)
    _scores(bundles)


def readable(bundles: Mapping[str, Bundle]) -> tuple[dict[str, Bundle], dict[str, str]]:
    """Those whose history and scores can be read, and a sentence for each of the others."""
    whole, malformed = {}, {}
    for name, bundle in bundles.items():
        try:
            bundle.history()
            bundle.metrics()
            whole[name] = bundle
        except BundleError as error:
            malformed[name] = str(error)
    return whole, malformed


def _histories(bundles: Mapping[str, Bundle]) -> pd.DataFrame:
    """One row an epoch of every model: model, epoch and the columns of ``CURVES``."""
    found = [frame(bundle.history()).assign(model=name) for name, bundle in bundles.items()]
    return pd.concat(found).reset_index(drop=True)[["model", "epoch", *CURVES]]


def _curves(frame: pd.DataFrame, column: str) -> None:
    title, unit, word = CURVES[column]
    values = frame.groupby("model", sort=False)[column]
    best = frame.loc[values.idxmin() if word == "Lowest" else values.idxmax()]
    found = zip(best["model"], best[column], best["epoch"], strict=True)
    sentence = (
        f"{word}: {'; '.join(f'{name} {value:.2f} in epoch {epoch:.0f}' for name, value, epoch in found)}."
    )
    st.subheader(title, anchor=False)
    st.markdown(wording.escaped(sentence))
    names = best["model"].tolist()
    shown, marked = (rows[rows["model"].isin(names[: report_charts.MOST])] for rows in (frame, best))
    st.altair_chart(
        report_charts.curves(shown, marked, column, unit),
        width="stretch",
        alt=f"{title} by epoch, a line a model. {sentence}",
    )
    if len(names) > report_charts.MOST:
        st.caption(f"Drawn are the first {report_charts.MOST} models; the table has all {len(names)}.")
    with st.expander(f"The numbers: {unit}", icon=":material/table_rows:"):
        st.table(_numbers(frame, column), border="horizontal")


def _numbers(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    """A row an epoch, a column a model."""
    table = frame.pivot_table(index="epoch", columns="model", values=column, sort=False).sort_index()
    table = table.map(lambda value: f"{value:.3f}" if pd.notna(value) else "–")
    table.columns = pd.Index([wording.escaped(name) for name in table.columns])
    return table.set_axis([f"{epoch:.0f}" for epoch in table.index]).rename_axis("epoch")


def _scores(bundles: Mapping[str, Bundle]) -> None:
    """A row a model, and below it what each score depends on."""
    st.subheader("Scores on pictures not trained on", anchor=False)
    metrics = {name: bundle.metrics() for name, bundle in bundles.items()}
    measured = {_measured(found) for found in metrics.values() if found}
    if measured:
        st.markdown(SAME if len(measured) == 1 else OTHER)
    rows = [
        {"model": wording.escaped(name), **{title: _score(found, key) for key, title in SCORES.items()}}
        for name, found in metrics.items()
    ]
    st.table(pd.DataFrame(rows), hide_index=True, border="horizontal")
    st.markdown("\n".join(f"- {_told(name, bundle, metrics[name])}" for name, bundle in bundles.items()))


def _told(name: str, bundle: Bundle, metrics: Metrics | None) -> str:
    """What a model is and how it was scored, as Markdown."""
    config = bundle.config
    said = (
        f"encoder {config.encoder}, decoder {config.decoders}; trained on the {config.split_name} split, "
        f"tokeniser “{config.tokenizer}”; {_measured(metrics)}."
    )
    return f"**{wording.escaped(name)}**: {wording.escaped(said)}"


def _score(metrics: Metrics | None, key: str) -> str:
    return f"{getattr(metrics.scores, key):.3f}" if metrics else "–"


def _measured(metrics: Metrics | None) -> str:
    """All that a score depends on."""
    if metrics is None:
        return "not scored on test pictures yet"
    return (
        f"scored on {metrics.images:,} pictures of the {metrics.split} split ({metrics.split_name}), "
        f"tokeniser “{metrics.tokenizer}”, beam {metrics.beams}, length penalty {metrics.length_penalty:g}, "
        f"at most {metrics.max_words} words"
    )
