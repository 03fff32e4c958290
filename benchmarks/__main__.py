"""``python -m benchmarks [MEASURE …]``: each measure in a process of its own, into ``docs/benchmarks.*``."""

from __future__ import annotations

import argparse
import datetime
import importlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec

from benchmarks.result import Result

# In the order of the page, with how many rounds.
MEASURES = {"training": 4, "greedy": 3, "start": 3, "caption": 3, "folder": 2, "visitors": 2}


def main() -> None:
    """Run the measures named, or all."""
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    parser.add_argument("measures", nargs="*", metavar="MEASURE", help=f"of {', '.join(MEASURES)}; all")
    parser.add_argument("--docs", type=Path, default=Path("docs"), help="folder of the results")
    parser.add_argument("--tiny", action="store_true", help="one round of very little, to try the code")
    parser.add_argument("--into", type=Path, help=argparse.SUPPRESS)  # in the process of one measure
    arguments = parser.parse_args()
    if unknown := set(arguments.measures) - set(MEASURES):
        parser.error(f"there is no measure {', '.join(sorted(unknown))}")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if arguments.into:
        arguments.into.write_bytes(msgspec.json.encode(_measure(arguments.measures[0], arguments.tiny)))
        return
    for measure in arguments.measures or MEASURES:
        print(f"{measure} …", flush=True)
        _record(measure, _in_own_process(measure, arguments.tiny), arguments.docs)


def _measure(measure: str, tiny: bool) -> list[Result]:
    results: list[Result] = importlib.import_module(f"benchmarks.{measure}").measure(
        1 if tiny else MEASURES[measure], tiny
    )
    return results


def _in_own_process(measure: str, tiny: bool) -> tuple[Result, ...]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "results.json"
        command = [sys.executable, "-m", "benchmarks", measure, "--into", str(path), *(["--tiny"] * tiny)]
        subprocess.run(command, check=True)
        return msgspec.json.decode(path.read_bytes(), type=tuple[Result, ...])


def _record(measure: str, results: tuple[Result, ...], folder: Path) -> None:
    from benchmarks import data, machine, report  # late: they import much

    folder.mkdir(exist_ok=True)
    runs = report.read(folder)
    runs.machine, runs.data = machine.describe(), data.source()
    runs.add(measure, report.Run(datetime.date.today().isoformat(), results))
    report.write(runs, folder, tuple(MEASURES))
    for result in results:
        print(f"{result.name}: {result.ratio_name.format(f'{result.ratio:.3g}')}", flush=True)


if __name__ == "__main__":
    main()
