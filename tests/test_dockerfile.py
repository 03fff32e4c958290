"""The Dockerfile copies what is there, and its commands are commands of this project."""

from __future__ import annotations

import ast
import json
import re
import shlex
import subprocess
from pathlib import Path

from starlette.routing import Route
from streamlit import config

from captioner import __main__ as command_line
from captioner.app.state import caption_api

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "Dockerfile").read_text(encoding="utf-8")
LINES = [line for line in TEXT.replace("\\\n", " ").splitlines() if line and not line.startswith("#")]


def arguments(instruction: str) -> list[str]:
    """What stands after each line's instruction."""
    return [line.partition(" ")[2] for line in LINES if line.startswith(f"{instruction} ")]


def test_what_it_copies_is_there_and_is_sent_to_docker() -> None:
    sources = [source for copied in arguments("COPY") for source in copied.split()[:-1]]
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert {*sources} == {line.removeprefix("!") for line in ignored if line.startswith("!")}
    assert ignored[1] == "*"
    for source in sources:
        assert (ROOT / source).exists(), source
        tracked = ["git", "-C", str(ROOT), "ls-files", "--error-unmatch", source]
        if (ROOT / ".git").exists():
            subprocess.run(tracked, check=True, capture_output=True)


def test_python_is_one_that_the_app_runs_on() -> None:
    (image,) = arguments("FROM")
    bounds = re.search(r'requires-python = ">=3\.(\d+),<3\.(\d+)"', (ROOT / "pyproject.toml").read_text())
    version = re.fullmatch(r"python:3\.(\d+)-slim", image)
    assert bounds
    assert version
    assert int(bounds[1]) <= int(version[1]) < int(bounds[2])


def test_it_starts_the_app_without_rights() -> None:
    *python, script, address, port, headless = json.loads(arguments("CMD")[0])
    assert python == ["python", "-m", "streamlit", "run"]
    assert (ROOT / script).is_file()
    for option in (address, port, headless):
        assert option.removeprefix("--").partition("=")[0] in config._config_options_template
    assert port == f"--server.port={arguments('EXPOSE')[0]}"
    unprivileged = [line.partition(" ")[0] for line in LINES[LINES.index("USER captioner") + 1 :]]
    assert "CMD" in unprivileged
    assert {"RUN", "USER"}.isdisjoint(unprivileged)


def test_its_other_command_serves_the_api_on_the_same_port() -> None:
    (command,) = re.findall(r"python -m captioner (.*)", TEXT)
    parsed = command_line._parser().parse_args(shlex.split(command))
    assert parsed.run is command_line.serve
    assert (parsed.host, str(parsed.port)) == ("0.0.0.0", arguments("EXPOSE")[0])


def test_its_health_check_asks_an_address_of_the_app() -> None:
    (check,) = arguments("HEALTHCHECK")
    program = json.loads(check.partition("CMD ")[2])[2]
    ast.parse(program)
    host = f"http://127.0.0.1:{arguments('EXPOSE')[0]}"
    (mount,) = caption_api.routes
    addresses = [f"{host}{mount.path}{route.path}" for route in mount.routes if isinstance(route, Route)]
    assert re.findall("'(.*)'", program) == [f"{host}/api/v1/health"]
    assert f"{host}/api/v1/health" in addresses
