"""What a search found, as a table and as a plot; how trials are proposed and trained is not known here."""

from __future__ import annotations

import csv
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import altair as alt

TABLE, PLOT = "trials.csv", "search.html"
FINISHED, STOPPED, FAILED = "finished", "stopped", "failed"
COLUMNS = 4  # of plots


@dataclass(frozen=True)
class Tried:
    """One trial. CIDEr is that of its best epoch, NaN before the first; the loss, in nats a word, as well."""

    trial: int
    outcome: str
    val_cider: float
    val_loss: float | None
    epochs: int
    seconds: int
    settings: Mapping[str, Any]

    def row(self) -> dict[str, Any]:
        """Its line of the table."""
        row = asdict(self)
        return row | row.pop("settings")


def order(trials: Sequence[Tried]) -> list[Tried]:
    """Those that came to their end, the best first; then the others."""
    return sorted(trials, key=lambda one: (one.outcome != FINISHED, one.outcome == FAILED, -one.val_cider))


def write(
    trials: Sequence[Tried], shares: Mapping[str, float], logarithmic: Collection[str], folder: Path
) -> None:
    """``trials.csv`` and ``search.html``. ``shares`` says how much each setting mattered, 0…1."""
    rows = [one.row() for one in order(trials)]
    with (folder / TABLE).open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    (folder / PLOT).write_text(plot(trials, shares, logarithmic).to_html(), encoding="utf-8")


def lines(trials: Sequence[Tried]) -> list[str]:
    """The table as text, the names of its columns first."""
    rows = [{name: short(value) for name, value in one.row().items()} for one in order(trials)]
    cells = [list(rows[0]), *(list(row.values()) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return ["  ".join(cell.rjust(w) for cell, w in zip(line, widths, strict=True)) for line in cells]


def plot(
    trials: Sequence[Tried], shares: Mapping[str, float], logarithmic: Collection[str]
) -> alt.VConcatChart:
    """How much each setting mattered, above val CIDEr over each setting."""
    dots = [one.row() for one in trials if one.epochs]
    each = [_dots(name, dots, logarithmic) for name in trials[0].settings]
    return alt.vconcat(_bars(shares), alt.concat(*each, columns=COLUMNS))


def _bars(shares: Mapping[str, float]) -> alt.Chart:
    title = "What mattered" if shares else "What mattered: too few trials to tell"
    bars = [{"setting": name, "share": share} for name, share in shares.items()]
    return (
        alt.Chart(alt.InlineData(values=bars), title=title)
        .mark_bar()
        .encode(
            x=alt.X("share:Q", axis=alt.Axis(format="%"), title=None),
            y=alt.Y("setting:N", sort="-x", title=None),
        )
    )


def _dots(name: str, rows: list[dict[str, Any]], logarithmic: Collection[str]) -> alt.Chart:
    """Val CIDEr over one setting. Whole numbers were drawn from a list, so they are not on a scale."""
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


def told(settings: Mapping[str, Any]) -> str:
    """Settings in a sentence."""
    return ", ".join(f"{name} {short(value)}" for name, value in settings.items())


def short(value: Any) -> str:
    """A value as people read it."""
    return f"{value:.4g}" if isinstance(value, float) else "–" if value is None else str(value)
