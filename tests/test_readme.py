"""The README and the model card agree with the files of the committed model and with the tree."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from pathlib import Path

import pytest

import train
from captioner import __main__ as command_line
from captioner.bundle import model_card, ratings
from captioner.bundle.schema import Baseline, Metrics
from captioner.bundle.storage import Bundle

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
COLUMNS = ("bleu1", "bleu4", "rouge_l", "cider")


def test_an_installed_package_has_every_file() -> None:
    patterns = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"][
        "package-data"
    ]
    package = ROOT / "captioner"
    taken = {path for pattern in patterns["captioner"] for path in package.glob(pattern)}
    there = {path for path in package.rglob("*.*") if path.is_file() and path.suffix not in {".py", ".pyc"}}
    assert there - taken == set()


def figures(row: str) -> list[str]:
    """BLEU-1, BLEU-4, ROUGE-L and CIDEr of a row of the results table."""
    return re.findall(r"(?<!\d)\.\d{3}", row)


def three(scores: dict[str, float]) -> list[str]:
    return [f"{scores[column]:.3f}".removeprefix("0") for column in COLUMNS]


def costs(row: str) -> list[str]:
    """Milliseconds a picture, megabytes and hours of a row of the results table."""
    return [cell.strip() for cell in row.split("|")[-4:-1]]


def measured(seconds: float, megabytes: float, hours: float) -> list[str]:
    return [f"{1000 * seconds:.0f}", f"{megabytes:.1f}", f"{hours:.1f} h"]


def decoding(scored: Metrics | Baseline) -> str:
    """As it stands in a row: the length penalty is the same in all, so it stands above the table."""
    whole, penalty = model_card.describe_decoding(scored), f"length penalty {scored.length_penalty:g}"
    assert f"; {penalty}. " in README
    return whole.replace(f", {penalty}", "")


def test_the_models_row_is_what_was_measured(committed: Bundle) -> None:
    metrics = committed.metrics()
    assert metrics
    (row,) = [line for line in README.splitlines() if line.startswith("| **this model")]
    low, high = (f"{bound:.3f}".removeprefix("0") for bound in metrics.cider_interval)
    assert figures(row) == three(metrics.scores)
    assert row.split(" | ")[1] == decoding(metrics)
    megabytes = committed.files["captioner.tflite"].size / 1e6
    hours = sum(epoch.seconds or 0 for epoch in committed.history()) / 3600
    assert costs(row) == measured(metrics.seconds_per_image, megabytes, hours)
    assert f"CIDEr {low}–{high}" in README
    assert f"uses {metrics.words_used} different words" in README
    assert f"and {metrics.verbatim_share:.0%} of its captions" in README.replace(" %", "%")


def test_how_often_it_is_right_is_what_the_check_found(committed: Bundle) -> None:
    check = ratings.human_evaluation(committed)
    assert check
    right, partly, wrong = (part.count for part in (check.right, check.partly, check.wrong))
    sentence = f"{right} were right, {partly} partly right and {wrong} wrong"
    assert f"Of {check.captions} captions" in README
    assert sentence in " ".join(README.split())


def test_every_other_row_is_what_was_measured(committed: Bundle) -> None:
    lines = [line for line in README.splitlines() if line.startswith("| ")]
    table = [[line.split(" | ")[1], *figures(line), *costs(line)] for line in lines]
    for row in committed.baselines():
        spent = measured(row.seconds_per_image, row.megabytes, row.training_hours)
        assert [decoding(row), *three(row.scores), *spent] in table, row


def test_the_false_positives_are_what_was_measured(committed: Bundle) -> None:
    rule = json.loads((committed.folder / "novelty.json").read_text("utf-8"))
    assert f"{rule['false_positives']} false positives among the {rule['images']:,} test pictures" in README


def test_the_card_is_that_of_the_bundle(committed: Bundle) -> None:
    b = committed
    files = (
        b.config,
        b.metrics(),
        b.history(),
        b.dataset(),
        b.baselines(),
        b.calibration_parameters(),
        ratings.read(b),
    )
    assert model_card.render(*files) == b.card()


def test_every_linked_file_is_there() -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)
    assert targets
    assert [target for target in targets if not (ROOT / target).exists()] == []


def modules_by_folder(tree: str) -> dict[str, set[str]]:
    """The modules that a tree names, by the folder that they stand below."""
    named: dict[str, set[str]] = {}
    above: list[tuple[int, str]] = []  # indentation and path of the folders around a line
    for line in tree.splitlines():
        indent = len(line) - len(line.lstrip())
        above = [(far, path) for far, path in above if far < indent]
        if folder := re.match(r" *(\w+)/", line):
            above.append((indent, "/".join([*(path for _, path in above[-1:]), folder[1]])))
        where = above[-1][1] if above else ""
        named.setdefault(where, set()).update(re.findall(r"\b\w+\.py\b", line))
    return {folder: modules for folder, modules in named.items() if modules}


def test_every_module_is_listed_under_its_package() -> None:
    tree = README.partition("## What is where")[2].partition("```")[2].partition("```")[0]
    folders = (ROOT / "captioner", ROOT / "benchmarks")
    paths = [path.relative_to(ROOT) for folder in folders for path in folder.rglob("*.py")]
    modules = {path for path in paths if path.name != "__init__.py"} | {
        Path("train.py"),
        Path("streamlit_app.py"),
    }
    here: dict[str, set[str]] = {}
    for path in modules:
        here.setdefault("" if path.parent == Path() else path.parent.as_posix(), set()).add(path.name)
    assert modules_by_folder(tree) == here


def test_modules_are_listed_by_package() -> None:
    tree = "a.py  x\nroom/  y\n  b.py  z; c.py\n  inner/  d.py\n          e.py\nother/  f.py\n"
    assert modules_by_folder(tree) == {
        "": {"a.py"},
        "room": {"b.py", "c.py"},
        "room/inner": {"d.py", "e.py"},
        "other": {"f.py"},
    }


def test_every_supported_python_version_is_named() -> None:
    bounds = re.search(r'requires-python = ">=3\.(\d+),<3\.(\d+)"', (ROOT / "pyproject.toml").read_text())
    candidates = re.search("CANDIDATES := (.*)", (ROOT / "Makefile").read_text())
    assert bounds
    assert candidates
    will_do = {f"3.{minor}" for minor in range(int(bounds[1]), int(bounds[2]))}
    message = README.partition("## Run it")[2].partition("```")[0]

    assert set(re.findall(r"\b3\.\d+", message)) == will_do
    assert set(candidates[1].split()) == {"python3", *(f"python{version}" for version in will_do)}


def commands() -> list[str]:
    """Every command line of ours that the README prints."""
    blocks = "\n".join(re.findall(r"```sh\n(.*?)```", README, re.DOTALL)).replace("\\\n", " ")
    inline = re.findall(r"`((?:\S*python -m captioner|(?:python )?train\.py) [^`]*)`", README)
    lines = [line.partition("  #")[0] for line in blocks.splitlines()] + [" ".join(i.split()) for i in inline]
    ours = [line for line in lines if re.search(r"(train\.py|-m captioner) ", line)]
    return [line for line in ours if "--help" not in line]


def test_there_are_commands_to_try() -> None:
    assert len(commands()) >= 10


@pytest.mark.parametrize("command", commands())
def test_a_printed_command_is_parsed(command: str) -> None:
    parts = shlex.split(command)
    if "captioner" in parts:
        command_line._parser().parse_args(parts[parts.index("captioner") + 1 :])
    else:
        train.cli.parse_arguments(
            parts[next(i for i, part in enumerate(parts) if part.endswith("train.py")) + 1 :]
        )
