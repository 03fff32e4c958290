"""The results of tuning as a table and a plot.

``study.trials_dataframe()`` values a stopped trial by its last epoch instead of its best, and lists those
that were repeated; ``optuna.visualization`` needs Plotly (10 MB) and leaves stopped trials out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import altair as alt
import optuna
import pandas as pd
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.trial import TrialState

TABLE, PLOT = "trials.csv", "tuning.html"
FINISHED, STOPPED, FAILED = "finished", "stopped", "failed"
MIN_TRIALS = 4  # finished ones, for importances
PLOT_COLUMNS = 4


@dataclass(frozen=True)
class TrialResult:
    """One trial, with the CIDEr and the loss, in nats a word, of its best epoch; NaN before the first."""

    trial: int
    outcome: str
    val_cider: float
    val_loss: float | None
    epochs: int
    seconds: int
    settings: Mapping[str, Any]

    def row(self) -> dict[str, Any]:
        """Its row of the table, a column a setting."""
        row = asdict(self)
        return row | row.pop("settings")


def table(trials: Sequence[TrialResult]) -> pd.DataFrame:
    """A row a trial: those that were finished, the best first; then the stopped, then the failed."""
    ranked = sorted(trials, key=lambda t: (t.outcome != FINISHED, t.outcome == FAILED, -t.val_cider))
    return pd.DataFrame([trial.row() for trial in ranked])


def importances(study: optuna.Study) -> dict[str, float]:
    """How well each setting separates the better half of the finished trials from the rest; empty if too few.

    S. Watanabe et al., "PED-ANOVA: Efficiently Quantifying Hyperparameter Importance in Arbitrary Subspaces",
    IJCAI 2023. Trials that were stopped early are left out.
    """
    values = sorted((t.value or 0.0 for t in study.get_trials(states=[TrialState.COMPLETE])), reverse=True)
    if len(values) < MIN_TRIALS or values[(len(values) + 1) // 2 - 1] == values[-1]:
        return {}
    return get_param_importances(study, evaluator=PedAnovaImportanceEvaluator(target_quantile=0.5))


def write(
    trials: Sequence[TrialResult],
    importances: Mapping[str, float],
    logarithmic: Collection[str],
    folder: Path,
) -> None:
    """Write ``trials.csv`` and ``tuning.html``.

    Args:
        importances: how much each setting mattered, 0…1; empty if that is not known.
        logarithmic: settings that are drawn on a logarithmic axis.
    """
    table(trials).to_csv(folder / TABLE, index=False, lineterminator="\n")
    (folder / PLOT).write_text(plot(trials, importances, logarithmic).to_html(), encoding="utf-8")


def as_text(trials: Sequence[TrialResult]) -> str:
    """The table as aligned text, the names of its columns first."""
    return table(trials).to_string(index=False, float_format="{:.4g}".format, na_rep="–")


def plot(
    trials: Sequence[TrialResult], importances: Mapping[str, float], logarithmic: Collection[str]
) -> alt.VConcatChart:
    """How much each setting mattered, above val CIDEr over each setting."""
    rows = [trial.row() for trial in trials if trial.epochs]
    plots = [_scatter_plot(name, rows, logarithmic) for name in trials[0].settings]
    return alt.vconcat(_bar_chart(importances), alt.concat(*plots, columns=PLOT_COLUMNS))


def _bar_chart(importances: Mapping[str, float]) -> alt.Chart:
    title = "What mattered" if importances else "What mattered: too few trials to tell"
    bars = [{"setting": name, "share": share} for name, share in importances.items()]
    return (
        alt.Chart(alt.InlineData(values=bars), title=title)
        .mark_bar()
        .encode(
            x=alt.X("share:Q", axis=alt.Axis(format="%"), title=None),
            y=alt.Y("setting:N", sort="-x", title=None),
        )
    )


def _scatter_plot(name: str, rows: list[dict[str, Any]], logarithmic: Collection[str]) -> alt.Chart:
    """Val CIDEr over one setting. Whole numbers are choices of a list, so not on a continuous axis."""
    scale = alt.Scale(type="log" if name in logarithmic else "linear", zero=False)
    x = alt.X(f"{name}:Q", scale=scale)
    if all(isinstance(row[name], int) for row in rows):
        x = alt.X(f"{name}:O")
    return (
        alt.Chart(alt.InlineData(values=rows), width=180, height=140)
        .mark_point()
        .encode(
            x=x.title(name),
            y=alt.Y("val_cider:Q", scale=alt.Scale(zero=False), title="val CIDEr"),
            color=alt.Color("outcome:N", title=None),
            shape=alt.Shape("outcome:N", title=None),
            tooltip=[alt.Tooltip(f"{field}:N") for field in rows[0]] if rows else alt.Undefined,
        )
    )


def describe_settings(settings: Mapping[str, Any]) -> str:
    """Settings in a sentence, numbers to four digits."""
    values = {k: f"{v:.4g}" if isinstance(v, float) else str(v) for k, v in settings.items()}
    return ", ".join(f"{name} {value}" for name, value in values.items())
