"""Arguments of the command line: numbers within bounds, flags between positional arguments."""

from __future__ import annotations

from typing import get_args

import pytest

from captioner.__main__ import main
from captioner.arguments import MAX_BEAMS, MAX_LENGTH_PENALTY, MAX_SAMPLES, IntermixedParser, add_push
from captioner.bundle import schema


@pytest.mark.parametrize(
    "arguments",
    [
        ["--beams", "0"],
        ["--beams", "two"],
        ["--beams", "9" * 5000],
        ["--beams", "00000000101"],
        ["--beams", "00000010099999"],
        ["--alpha", "nan"],
        ["--samples", "-1"],
        ["--samples", "1001"],
        ["--length-penalty", "-1"],
    ],
)
def test_impossible_options_are_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["caption", "a.jpg", *arguments])
    assert "must be a" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [["--dry-run", "a", "me/b"], ["a", "--dry-run", "me/b"], ["a", "me/b", "--dry-run"]]
)
def test_flags_may_stand_anywhere(arguments: list[str]) -> None:
    parser = IntermixedParser()
    add_push(parser)
    parsed = parser.parse_args(arguments)
    assert (str(parsed.folder), parsed.repo, parsed.dry_run) == ("a", "me/b", True)


@pytest.mark.parametrize(
    "command",
    ["caption", "evaluate", "novelty", "frequencies", "baselines", "verify", "serve", "push", "pull"],
)
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main([command, "--help"])
    assert f"python -m captioner {command}" in capsys.readouterr().out


def test_the_bounds_are_those_of_a_bundle() -> None:
    stored = [get_args(kind)[1].le for kind in (schema.Beams, schema.Samples, schema.LengthPenalty)]
    assert stored == [MAX_BEAMS, MAX_SAMPLES, MAX_LENGTH_PENALTY]
