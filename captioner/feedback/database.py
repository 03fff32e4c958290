"""The database of people's ratings: SQLite or PostgreSQL, its migrations, and what can go wrong with it.

Every fault that is not ours (no connection, a full disk, a lock that others hold) is a ``FeedbackError``
after a few seconds at most: what people say may be lost then, never a caption. As SQLAlchemy takes a while to
import, this module is imported only where it is used.
"""

from __future__ import annotations

import errno
import logging
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Engine, Table, event, exc
from sqlalchemy.dialects import postgresql, sqlite

from captioner.errors import FeedbackError

TIMEOUT = 3  # seconds: to connect, for a lock, for a statement
REVISION = "0002"  # of the newest migration
VERSION_TABLE = "captioner_feedback_version"
MIGRATIONS = Path(__file__).with_name("migrations")
ADVISORY_LOCK = 0x6361_7074  # any number that no other program takes in the same database
WRITES = "captioner_writes"  # execution option of a connection

ADDRESS = "the database of ratings needs an address like postgresql://user@host/name or sqlite:///file"
BUSY = "the database of ratings is busy. Try again."
FULL = "the disk of the database of ratings is full. Whoever runs the app has to make room there."
REFUSED = "the database of ratings may not be written. Whoever runs the app has to permit that."
UNREACHABLE = "the database of ratings cannot be reached at the moment. Try again."
UNUSABLE = "the database of ratings cannot be used. The log of the server says why, to whoever runs the app."
NEWER = "the database of ratings was made by a newer version of captioner. Update this one."
FAULTS = {  # SQLSTATE of PostgreSQL, or primary result code of SQLite
    "53100": FULL,
    "42501": REFUSED,
    "25006": REFUSED,
    "55P03": BUSY,
    "57014": BUSY,
    "40001": BUSY,
    "40P01": BUSY,
    sqlite3.SQLITE_FULL: FULL,
    sqlite3.SQLITE_READONLY: REFUSED,
    sqlite3.SQLITE_BUSY: BUSY,
    sqlite3.SQLITE_LOCKED: BUSY,
}
SYSTEM_FAULTS = {errno.ENOSPC: FULL, errno.EDQUOT: FULL, errno.EROFS: REFUSED, errno.EACCES: REFUSED}
_migrating = threading.Lock()  # Alembic's ``op`` is one for the whole process
log = logging.getLogger(__name__)


class Database:
    """A pool of connections to a database with the newest tables, made at the first use. Thread-safe."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._is_current = False
        self._writer = (
            threading.Lock()
        )  # SQLite has one writer at a time: better to wait here than to be refused
        if self.is_sqlite and not event.contains(engine, "connect", _configure_sqlite):
            event.listen(engine, "connect", _configure_sqlite)
            event.listen(engine, "begin", _begin_sqlite)

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that only reads.

        Raises:
            FeedbackError: the database cannot be reached, is busy, or is newer than this program.
        """
        with _faults():
            self._migrate()
            with self._transaction() as connection:
                yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that is on disk when the block ends, or not there at all.

        Raises:
            FeedbackError: as ``read``, or the disk is full, or nobody may write.
        """
        with _faults(), self._write_lock():
            self._migrate()
            with self._transaction(writes=True) as connection:
                yield connection

    def upsert(
        self, connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], change: Sequence[str]
    ) -> None:
        """Insert rows; of those whose primary key is there, change these columns, or leave them alone."""
        insert = (sqlite if self.is_sqlite else postgresql).insert(table)
        keys = list(table.primary_key)
        statement = (
            insert.on_conflict_do_update(
                index_elements=keys, set_={name: insert.excluded[name] for name in change}
            )
            if change
            else insert.on_conflict_do_nothing(index_elements=keys)
        )
        if rows:
            connection.execute(statement, rows)

    @contextmanager
    def _transaction(self, *, writes: bool = False) -> Iterator[Connection]:
        with self.engine.connect().execution_options(**{WRITES: writes}) as connection, connection.begin():
            if not self.is_sqlite:  # for this transaction, as a pooler may hand the session to others
                for name in ("lock_timeout", "statement_timeout"):
                    connection.exec_driver_sql(f"SET LOCAL {name} = {1000 * TIMEOUT}")
            yield connection

    @contextmanager
    def _write_lock(self) -> Iterator[None]:
        if not self.is_sqlite:
            yield
            return
        if not self._writer.acquire(timeout=TIMEOUT):
            raise FeedbackError(BUSY)
        try:
            yield
        finally:
            self._writer.release()

    def _migrate(self) -> None:
        """Make or change the tables, once; of several processes that start at the same time, one does it."""
        if self._is_current:
            return
        with _migrating:
            if self.is_sqlite and (file := self.engine.url.database):
                Path(file).parent.mkdir(parents=True, exist_ok=True)
            with self._transaction() as connection:
                current = _revision(connection) == REVISION
            if not current:
                with self._transaction(writes=True) as connection:  # locks the whole of an SQLite file
                    if not self.is_sqlite:
                        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(ADVISORY_LOCK)))
                    upgrade(connection)
        self._is_current = True


def connect(address: str) -> Database:
    """The database at an address, for programs other than the app.

    Raises:
        FeedbackError: it is no address, or of another kind of database.
    """
    return Database(sa.create_engine(url(address), **engine_options(address)))


def url(address: str) -> str:
    """An address as SQLAlchemy takes it, with the driver that is installed.

    Raises:
        FeedbackError: it is no address, or of another kind of database.
    """
    scheme, separator, rest = address.strip().partition("://")
    driver = {"sqlite": "sqlite", "postgres": "postgresql+psycopg", "postgresql": "postgresql+psycopg"}
    address = f"{driver.get(scheme, scheme)}{separator}{rest}"
    try:
        parsed = sa.make_url(address)
    except exc.ArgumentError as error:
        raise FeedbackError(f"{ADDRESS}.") from error  # without what it is: that may have a password
    if parsed.drivername not in driver.values():
        raise FeedbackError(f"{ADDRESS}; it begins with “{scheme[:20]}”.")
    return address


def engine_options(address: str) -> dict[str, Any]:
    """What ``create_engine`` needs for an address, besides that."""
    shared = {"hide_parameters": True}  # so that no log has a remark
    if address.startswith("sqlite"):
        return {**shared, "connect_args": {"timeout": TIMEOUT}}
    arguments = {
        "connect_timeout": TIMEOUT,
        "tcp_user_timeout": 1000 * TIMEOUT,  # milliseconds, after which a lost network is noticed
        "prepare_threshold": None,  # poolers such as PgBouncer keep no prepared statements
    }
    return {
        **shared,
        "connect_args": arguments,
        "pool_pre_ping": True,
        "pool_recycle": 300,
        "pool_timeout": TIMEOUT,
    }


def upgrade(connection: Connection, to: str = "head") -> None:
    """Run the migrations that the database lacks, up to a revision, inside of its transaction."""
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    scripts = ScriptDirectory(str(MIGRATIONS), version_locations=[str(MIGRATIONS)])

    def missing(revision: Any, _: Any) -> Any:
        return scripts._upgrade_revs(to, revision)

    try:
        with EnvironmentContext(Config(), scripts, fn=missing) as environment:
            environment.configure(connection=connection, version_table=VERSION_TABLE)
            environment.run_migrations()
    except CommandError as error:  # it has a revision that is not among ours
        raise FeedbackError(NEWER) from error


def _revision(connection: Connection) -> str | None:
    """What the database has, found without Alembic, whose import takes a while."""
    if not sa.inspect(connection).has_table(VERSION_TABLE):
        return None
    version = sa.table(VERSION_TABLE, sa.column("version_num"))
    return connection.execute(sa.select(version.c.version_num)).scalar()


def _configure_sqlite(connection: sqlite3.Connection, _: object) -> None:
    connection.isolation_level = None  # SQLAlchemy begins the transactions, below
    _use_write_ahead_log(connection)
    for setting in ("synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {setting}").close()


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    """Change the journal mode; SQLite itself does not wait for another process that is changing it, too."""
    give_up = time.monotonic() + TIMEOUT
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").close()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                raise
            time.sleep(0.01)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    # One that reads first and writes later is refused, not made to wait, if another has written meanwhile.
    writes = connection.get_execution_options().get(WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def _faults() -> Iterator[None]:
    """Turn what is not our fault into a sentence; what is, such as a wrong statement, stays what it is."""
    try:
        yield
    except (exc.DBAPIError, exc.TimeoutError, sqlite3.Error, OSError) as error:
        cause = getattr(error, "orig", error)
        code = getattr(cause, "sqlstate", None) or getattr(cause, "sqlite_errorcode", 0) & 0xFF
        ours = isinstance(error, exc.ProgrammingError | exc.IntegrityError | exc.DataError)
        if code not in FAULTS and (ours or code == sqlite3.SQLITE_ERROR):
            raise
        log.warning("ratings: %s %s", type(cause).__name__, str(cause).partition("\n")[0])
        sentence = SYSTEM_FAULTS.get(error.errno or 0) if isinstance(error, OSError) else FAULTS.get(code)
        is_on_disk = isinstance(cause, sqlite3.Error | OSError)  # a damaged file, no such folder: it stays so
        raise FeedbackError(sentence or (UNUSABLE if is_on_disk else UNREACHABLE)) from error
