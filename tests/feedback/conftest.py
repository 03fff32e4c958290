"""A database for each test: SQLite in a file, and a real PostgreSQL where its programs are installed."""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from captioner.feedback.database import Database, connect, url

USERS = ("postgres", "nobody")  # who may run PostgreSQL where root may not
numbers = itertools.count()


def programs() -> Path | None:
    """The folder of PostgreSQL's server programs, the newest."""
    found = [Path(path).resolve().parent for path in [shutil.which("initdb")] if path]
    return next(iter([*found, *sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]), None)


def unprivileged() -> dict[str, Any]:
    """As whom to run them."""
    if os.geteuid() != 0:
        return {}
    names = {entry.pw_name for entry in pwd.getpwall()}
    return {"user": next(name for name in USERS if name in names), "extra_groups": []}


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The address of a server of our own, on a socket in a folder of its own."""
    folder = programs()
    if folder is None:
        pytest.skip("no PostgreSQL: initdb is not installed (Debian: apt install postgresql)")
    who = unprivileged()
    home = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))  # the path of a socket has to be short
    home.chmod(0o700)
    if who:
        shutil.chown(home, who["user"])

    def run(program: str, *arguments: str) -> None:
        done = subprocess.run(
            [folder / program, "-D", home / "data", *arguments],
            cwd=home, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"}, **who,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr

    try:
        run("initdb", "-U", "tester", "-A", "trust", "-E", "UTF8", "--no-sync")
        # It ends when the tests do, so nothing has to survive a loss of power.
        settings = (
            f"-c listen_addresses='' -c unix_socket_directories={home} -c fsync=off -c max_connections=50"
        )
        run("pg_ctl", "start", "-w", "-l", str(home / "log"), "-o", settings)
        yield f"postgresql://tester@/{{name}}?host={home}"
        run("pg_ctl", "stop", "-m", "immediate")
    finally:
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.service)])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a new, empty database is."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/folder/ratings.sqlite"
    template: str = request.getfixturevalue("postgresql")
    name = f"test{next(numbers)}"
    server = sa.create_engine(url(template.format(name="postgres")), isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    server.dispose()
    return template.format(name=name)


@pytest.fixture
def open_database(address: str) -> Iterator[Callable[[], Database]]:
    """Opens the database anew, as another process would."""
    opened: list[Database] = []

    def open_database() -> Database:
        opened.append(connect(address))
        return opened[-1]

    yield open_database
    for database in opened:
        database.engine.dispose()


@pytest.fixture
def database(open_database: Callable[[], Database]) -> Database:
    return open_database()
