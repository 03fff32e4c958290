"""The results as JSON, a plot and a page: ``docs/benchmarks.json``, ``.svg`` and ``.md``.

The JSON holds the last two runs of each measure, so that the page can say how well they agree.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median

import altair as alt
import msgspec
from msgspec import Struct, field

from benchmarks.result import Result

REPEATABLE = 0.15  # how much a ratio may differ between two runs


class Run(Struct, frozen=True):
    """The results of one measure, and when they were taken."""

    date: str
    results: tuple[Result, ...]


class Runs(Struct):
    """What ``benchmarks.json`` holds."""

    machine: dict[str, str] = field(default_factory=dict)
    data: str = ""
    measures: dict[str, list[Run]] = field(default_factory=dict)  # the last two of each, the newest last

    def add(self, measure: str, run: Run) -> None:
        """Take up a run, and forget the last but one."""
        self.measures[measure] = [*self.measures.get(measure, ()), run][-2:]


def read(folder: Path) -> Runs:
    """The runs so far; none if there is no file."""
    path = folder / "benchmarks.json"
    return msgspec.json.decode(path.read_bytes(), type=Runs) if path.exists() else Runs()


def write(runs: Runs, folder: Path, order: Sequence[str]) -> None:
    """Write the three files.

    Args:
        order: of the measures on the page.
    """
    runs.measures = {name: runs.measures[name] for name in order if name in runs.measures}
    (folder / "benchmarks.json").write_bytes(msgspec.json.format(msgspec.json.encode(runs), indent=1) + b"\n")
    (folder / "benchmarks.md").write_text(page(runs), encoding="utf-8")
    plot(runs.measures).save(folder / "benchmarks.svg")


def page(runs: Runs) -> str:
    """The page in Markdown."""
    machine = "\n".join(f"- {name}: {value}" for name, value in runs.machine.items())
    return f"""# Benchmarks

Ours beside the reference way, alternating on the same machine. `make bench` measures everything again, in at
most a quarter of an hour on two cores, and writes this page; `python -m benchmarks training` takes one of
the measures
({", ".join(f"`{name}`" for name in runs.measures)}).

{_table(runs.measures)}
Values are medians of the rounds, with the lowest and the highest; the ratio is the median of each round's.
“Runs differ” compares it with that of the run before: {_repeatable(runs.measures)}

![Ratios](benchmarks.svg)

- Training: the network of the recipe `inject`, random features of DenseNet201's shape, all captions of 960
  pictures. The reference notebook's way, written from its description: a generator that expands 64 captions
  at a time, in random order, into padded prefixes with one-hot targets, and `fit`.
- The Keras model has the committed bundle's architecture with random weights, which take as long. It says as
  many words as ours, one `predict` on the whole padded prefix for each, as the notebook does.
- Memory counts the pages of files that are mapped, too.
- Pictures and captions: {runs.data}.

## Machine

{machine}
"""


def plot(measures: Mapping[str, list[Run]]) -> alt.LayerChart:
    """The ratios as bars, on a logarithmic axis, from 1."""
    rows = [
        {
            "measure": result.name,
            "ratio": result.ratio,
            "text": _ratio(result),
        }
        for _, result, _ in _lines(measures)
    ]
    base = alt.Chart(alt.InlineData(values=rows), width=420).encode(
        y=alt.Y("measure:N", sort=None, title=None, axis=alt.Axis(labelLimit=300)),
        x=alt.X("ratio:Q", scale=alt.Scale(type="log"), title="ratio", axis=alt.Axis(labelFlush=False)),
    )
    bars = base.mark_bar().encode(x2=alt.datum(1))
    texts = base.mark_text(align="left", dx=4).encode(text="text:N", x=alt.X("ratio:Q"))
    # Room, because a viewer's font may be wider than the one that the size was computed with.
    return (bars + texts).properties(padding={"left": 70, "top": 5, "right": 70, "bottom": 5})


def _lines(measures: Mapping[str, list[Run]]) -> Iterator[tuple[str, Result, Result | None]]:
    """Each newest result, its date before it, behind it the one of the run before."""
    for runs in measures.values():
        earlier = {result.name: result for result in runs[0].results} if len(runs) > 1 else {}
        for result in runs[-1].results:
            yield runs[-1].date, result, earlier.get(result.name)


def _table(measures: Mapping[str, list[Run]]) -> str:
    rows = [
        ("measure", "ours", "compared with", "", "ratio", "wanted", "runs differ", "date"),
        ("---", "--:", "---", "--:", "--:", "--:", "--:", "---"),
    ]
    for date, result, before in _lines(measures):
        name = f"{result.name}, {result.unit}"
        differ = "" if before is None else f"{_difference(result, before):.0%}"
        ours, other = _values(result.ours), _values(result.other)
        rows.append((name, ours, result.other_name, other, _ratio(result), result.bar, differ, date))
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _ratio(result: Result) -> str:
    return result.ratio_name.format(_short(result.ratio))


def _values(values: tuple[float, ...]) -> str:
    return f"{_short(median(values))} ({_short(min(values))}–{_short(max(values))})"


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _difference(result: Result, before: Result) -> float:
    return abs(result.ratio / before.ratio - 1)


def _repeatable(measures: Mapping[str, list[Run]]) -> str:
    pairs = [(result, before) for _, result, before in _lines(measures) if before]
    if not pairs:
        return "there is none yet."
    apart = [result.name for result, before in pairs if _difference(result, before) > REPEATABLE]
    if not apart:
        return f"all {len(pairs)} ratios agree within {REPEATABLE:.0%}."
    agree = f"{len(pairs) - len(apart)} of {len(pairs)} ratios agree within {REPEATABLE:.0%}"
    return f"{agree}, not: {'; '.join(apart)}."
