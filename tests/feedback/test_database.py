"""The database of ratings, on SQLite and on PostgreSQL: nothing is lost or doubled, and faults are sentences.

All that needs a database is in this file, so that PostgreSQL is started once.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from captioner.errors import FeedbackError
from captioner.feedback import database as module
from captioner.feedback import ratings_store
from captioner.feedback.database import Database, connect
from captioner.feedback.rating import Rating, Tally
from captioner.feedback.review_store import ReviewStore
from captioner.feedback.session import Item, ReviewSession
from captioner.feedback.tables import metadata, ratings, review_items, review_sessions
from tests.feedback.raters import EACH, FORMER_ROWS, HASH, MODEL, RATERS, SAID, SESSION, expected

ROOT = Path(__file__).resolve().parents[2]
FULL_DISK = """CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql
    AS 'BEGIN RAISE EXCEPTION USING ERRCODE = ''53100'', MESSAGE = ''could not extend file''; END'"""


def test_the_migrations_make_the_tables(database: Database) -> None:
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": module.VERSION_TABLE})
        assert compare_metadata(context, metadata) == []
        assert context.get_current_revision() == module.REVISION
    scripts = ScriptDirectory(str(module.MIGRATIONS), version_locations=[str(module.MIGRATIONS)])
    assert scripts.get_current_head() == module.REVISION


def test_what_earlier_versions_stored_is_kept(database: Database) -> None:
    if database.is_sqlite:
        Path(str(database.engine.url.database)).parent.mkdir()
    with database.engine.begin() as connection:
        module.upgrade(connection, "0001")
        for statement in FORMER_ROWS:
            connection.execute(sa.text(statement))
    (rating,) = ratings_store.all_ratings(database)
    assert rating == Rating("r1", "a dog", "wrong", MODEL, "", "a.jpg", datetime(2026, 1, 1, 12))
    session = ReviewStore(database).by_rater("key")[""]
    item = Item("b.jpg", "", "a cat", -2.5, "", "", "novelty low_confidence", 0.25)
    assert session == ReviewSession(MODEL, (item,), "us")


@pytest.mark.slow
def test_of_servers_that_start_at_the_same_time_one_migrates(address: str) -> None:
    start = (
        "import sys; from captioner.feedback import database, ratings_store as store; import alembic.script; "
    )
    start += "import alembic.runtime.environment; print(flush=True); sys.stdin.read(); "
    start += "print(store.tallies(database.connect(sys.argv[1])))"
    servers = [
        subprocess.Popen(
            [sys.executable, "-c", start, address],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for _ in range(3)
    ]  # fmt: skip
    for server in servers:
        assert server.stdout
        server.stdout.readline()  # it has imported everything
    for server in servers:
        assert server.stdin
        server.stdin.close()  # go
    for server in servers:
        assert server.stdout
        assert server.stdout.read() == "[]\n"
        server.stdout.close()
        assert server.wait(60) == 0


def test_a_rating_is_replaced_withdrawn_and_counted(open_database: Callable[[], Database]) -> None:
    database = open_database()
    ratings_store.save(database, replace(SAID, rating="right", remark=""))
    for _ in range(2):  # a click that is repeated
        ratings_store.save(database, SAID)
    ratings_store.save(database, replace(SAID, id="r2"))
    ratings_store.save(database, replace(SAID, id="r3", caption="a cat", image=""))
    ratings_store.withdraw(database, "r3")
    again = open_database()  # after a restart
    assert ratings_store.all_ratings(again) == [SAID, replace(SAID, id="r2")]
    assert ratings_store.tallies(again) == [Tally(MODEL, "a.jpg", "a dog", "wrong", 2)]


def test_ratings_from_a_file_are_added_once(database: Database) -> None:
    store = ReviewStore(database)
    _, upload, sample = SESSION.items
    one, two = replace(upload, rating="right"), replace(upload, upload_hash="11ff" * 4, rating="wrong")
    session = replace(SESSION, items=(one, two, sample))
    store.open(session, {"Ann": replace(session.unrated(), items=(one, *session.unrated().items[1:]))})
    ratings_store.save(database, SAID)
    exported = ratings_store.all_ratings(database)
    assert len(exported) == 5
    uploads = [one.caption for one in exported if not one.image]
    assert len(uploads) == 3
    assert len(set(uploads)) == 2, "in a file, too, two people's ratings of one picture are of one"
    assert not any("cat" in caption for caption in uploads), "that is for those who have the link"
    assert ratings_store.add(database, exported) == 0
    new = [replace(SAID, rating="right"), replace(SAID, id="r4", source="f")]
    assert ratings_store.add(database, new) == 1
    expected_ids = sorted([*(one.id for one in exported), "r4"])
    assert sorted(one.id for one in ratings_store.all_ratings(database)) == expected_ids
    assert sum(tally.count for tally in ratings_store.tallies(database)) == 6
    others = ratings_store.tallies(database, [one.id for one in exported])
    assert [tally.count for tally in others] == [1], "reviews' ratings have ids, too"


def test_a_session_comes_back_for_those_who_have_its_key(open_database: Callable[[], Database]) -> None:
    named = SESSION.unrated()
    rated = replace(named, items=(*named.items[:2], replace(named.items[2], rating="partly", remark="two")))
    key = ReviewStore(open_database()).open(SESSION, {"Zoë": rated})
    again = ReviewStore(open_database())  # after a restart
    assert again.by_rater(key) == {"": SESSION, "Zoë": rated}
    other = again.open(SESSION)
    assert len({key, other}) == 2
    assert min(map(len, (key, other))) >= 20
    for wrong in ("", "x", key[:-1], key.swapcase(), "\ud800"):
        assert again.by_rater(wrong) == {}
        assert again.rate(wrong, "", replace(SESSION.items[0], rating="right")) is None
    with again.database.read() as connection:
        stored = str(connection.execute(sa.select(review_sessions)).all())
        uploads = connection.execute(sa.select(review_items.c.upload)).scalars().all()
    assert key not in stored, "the database leads into no session"
    assert HASH not in uploads, "nor does it tell which picture was uploaded"
    assert len(set(uploads)) == 3


def test_every_rater_rates_for_themselves_and_may_change_it(database: Database) -> None:
    store = ReviewStore(database)
    key = store.open(SESSION.unrated())
    item = Item("a.jpg", "", "a dog", -3.5, "partly", "", "low_confidence", 0.5)
    store.set_remark(key, "Ann", "a.jpg", "  too\nfar ")
    for rating in ("partly", "wrong", "wrong"):
        assert store.rate(key, "Ann", replace(item, rating=rating))
    changed = store.rate(key, "Ben", replace(item, caption="another one", rating="right"))
    assert changed
    assert changed.items[0] == replace(item, rating="right"), "the caption stays that of the first rating"
    ann = store.by_rater(key)["Ann"]
    assert ann
    assert ann.items[0] == replace(item, rating="wrong", remark="too far")
    assert [tally.count for tally in ratings_store.tallies(database)] == [1, 1]
    with pytest.raises(ValueError, match="good"):
        store.rate(key, "Ann", replace(item, rating="good"))


def take_part(address: str, key: str, before: Iterable[str], stop_after: int | None = None) -> list[str]:
    """What is acknowledged by a process that is killed after so many acknowledgements, or ends by itself."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.feedback.raters", address, key],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdin
    assert process.stdout
    process.stdin.write("\n".join(before))
    process.stdin.close()
    acknowledged = []
    for line in process.stdout:
        acknowledged.append(line.strip())
        if len(acknowledged) == stop_after:
            process.kill()
    process.stdout.close()
    assert process.wait(60) == (0 if stop_after is None else -9)
    return acknowledged


def stored(database: Database, key: str) -> dict[str, list[str]]:
    """All ratings by "rater number"; a list of more than one would be a doubled one."""
    found: dict[str, list[str]] = {}
    for rater, session in ReviewStore(database).by_rater(key).items():
        for item in session.rated:
            found.setdefault(f"{rater.split()[-1]} {item.image.partition('.')[0]}", []).append(item.rating)
    for one in ratings_store.all_ratings(database):
        if one.remark:
            found.setdefault(one.remark, []).append(one.rating)
    return found


@pytest.mark.slow
def test_twenty_raters_lose_nothing_when_the_server_is_killed(
    address: str, open_database: Callable[[], Database]
) -> None:
    everything = {f"{r} {n}": [expected(r, n)] for r in range(RATERS) for n in range(EACH)}
    pictures = tuple(Item(f"{number}.jpg") for number in range(EACH))
    key = ReviewStore(open_database()).open(ReviewSession(MODEL, pictures))
    before = take_part(address, key, (), stop_after=len(everything) // 2)
    assert len(before) < len(everything), "it was killed in the middle"
    left = stored(open_database(), key)
    assert set(before) <= set(left), "what was acknowledged is there"
    assert left.items() <= everything.items()
    after = take_part(address, key, before)
    assert len(before) + len(after) == len(everything)
    assert stored(open_database(), key) == everything


def test_a_locked_database_is_given_up_soon(
    open_database: Callable[[], Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TIMEOUT", 0.1)
    database, other = open_database(), open_database()
    ratings_store.save(database, SAID)
    locked, release = threading.Event(), threading.Event()

    def lock() -> None:
        with other.write() as connection:
            if not other.is_sqlite:
                connection.execute(sa.text("LOCK TABLE captioner_ratings"))
            locked.set()
            assert release.wait(60)

    with ThreadPoolExecutor() as threads:
        holding = threads.submit(lock)
        assert locked.wait(60)
        with pytest.raises(FeedbackError, match="is busy"):
            ratings_store.save(database, replace(SAID, rating="right"))
        release.set()
        holding.result()
    assert ratings_store.all_ratings(database) == [SAID]
    ratings_store.save(database, replace(SAID, rating="right"))  # the next click


def test_a_full_disk_costs_the_rating_and_nothing_that_was_there(database: Database) -> None:
    ratings_store.save(database, SAID)
    with database.engine.connect() as connection:
        if database.is_sqlite:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        else:  # as the server would say it
            connection.exec_driver_sql(FULL_DISK)
            connection.exec_driver_sql(
                "CREATE TRIGGER full_disk BEFORE INSERT ON captioner_ratings EXECUTE FUNCTION full_disk()"
            )
            connection.commit()
    with pytest.raises(FeedbackError, match="disk of the database of ratings is full"):
        ratings_store.add(database, [replace(SAID, id=f"r{n}", caption="x" * 5000) for n in range(5, 100)])
    assert ratings_store.all_ratings(database) == [SAID]


def test_a_database_of_a_newer_version_is_left_alone(
    database: Database, open_database: Callable[[], Database]
) -> None:
    ratings_store.save(database, SAID)
    with database.write() as connection:
        connection.execute(sa.text(f"UPDATE {module.VERSION_TABLE} SET version_num = '9999'"))
    with pytest.raises(FeedbackError, match="newer version"):
        ratings_store.save(open_database(), SAID)
    with database.read() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(ratings)).scalar() == 1


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("nonsense", "needs an address"),
        ("mysql://u:secret@h/n", "begins with “mysql”"),
        ("postgresql://user:secret@127.0.0.1:1/name", "cannot be reached"),
        ("postgres://user:secret@127.0.0.1:1/name", "cannot be reached"),
        ("sqlite:////proc/nowhere/ratings.sqlite", "cannot be used. The log of the server says why"),
    ],
)
def test_a_database_that_is_not_there_is_one_sentence(
    address: str, sentence: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(FeedbackError, match=sentence) as error:
        ratings_store.save(connect(address), SAID)
    assert "secret" not in f"{error.value}{caplog.text}"


def test_a_file_that_is_no_database_is_not_called_out_of_reach(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "ratings.sqlite"
    file.write_bytes(b"no database " * 1000)
    with pytest.raises(FeedbackError, match="cannot be used"):
        ratings_store.tallies(connect(f"sqlite:///{file}"))
    assert "file is not a database" in caplog.text
    folder = tmp_path / "folder.sqlite"
    folder.mkdir()
    with pytest.raises(FeedbackError, match="cannot be used"):
        ratings_store.save(connect(f"sqlite:///{folder}"), SAID)


def test_a_mistake_of_ours_is_not_called_a_fault_of_the_database(database: Database) -> None:
    with pytest.raises(sa.exc.DBAPIError), database.write() as connection:
        connection.execute(sa.text("SELECT nothing FROM nowhere"))
