"""What people said in the model card: only when it is asked for, and then it stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from captioner.__main__ import main
from captioner.bundle import ratings, storage
from captioner.errors import BundleError, FeedbackError
from captioner.feedback import ratings_store, summary
from captioner.feedback.database import Database, connect
from captioner.feedback.rating import Rating, now, rating_id
from tests import tiny
from tests.test_main import artifacts, data

__all__ = ["artifacts", "data"]  # fixtures


def rate(database: Database, model: str, *said: str) -> None:
    for number, rating in enumerate(said):
        id = rating_id(b"", model, str(number))
        one = Rating(id, "a dog", rating, model, "secret remark", f"{number}.jpg", now())
        ratings_store.save(database, one)


def test_the_owner_puts_it_into_the_card(
    artifacts: Path, data: Path, tmp_path: Path, ratings_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = storage.load(artifacts)
    folder = storage.write(tmp_path / "own", {name: artifacts / name for name in before.files}).folder
    url = f"sqlite:///{ratings_file}"
    command = ["evaluate", "--bundle", str(folder), "--data", str(data)]
    assert main([*command, "--write", "--feedback", url]) == 2
    assert "nobody has rated a caption of this bundle" in capsys.readouterr().err
    database = connect(url)
    rate(database, before.checksum, "right", "right", "right", "wrong")
    rate(database, "f" * 64, "wrong")
    assert main([*command, "--feedback", url]) == 2
    assert main([*command, "--feedback", url, "--write", "--beams", "2"]) == 2
    messages = capsys.readouterr().err
    assert "Add --write" in messages
    assert "Leave out --beams" in messages
    assert main([*command, "--write"]) == 0
    assert "What people said" not in storage.load(folder).card(), "never without being asked"
    again = storage.load(folder)
    assert summary_of(again, database) is None, "its checksum is another one"

    rate(database, again.checksum, "right", "right", "right", "wrong")
    assert main([*command, "--write", "--feedback", url]) == 0
    sealed = storage.load(folder)
    assert "## What people said\n\n4 ratings of 4 captions" in sealed.card()
    assert "| 3 | 75% | 30% to 95% |" in sealed.card()
    assert "secret" not in sealed.card()
    rate(database, sealed.checksum, "wrong")
    found = summary_of(sealed, database)
    assert found
    assert (found.right.count, found.wrong.count, found.total) == (3, 2, 5), "both checksums are this model's"
    assert main([*command, "--write"]) == 0
    assert "4 ratings of 4 captions" in storage.load(folder).card(), "it stays"
    found = summary_of(storage.load(folder), database)
    assert found
    assert found.total == 5, "no rating is lost by that"
    assert main([*command, "--write", "--beams", "2"]) == 0
    assert "What people said" not in storage.load(folder).card(), "these captions are others"
    assert ratings.read(storage.load(folder)) is None
    database.engine.dispose()


def summary_of(bundle: storage.Bundle, database: Database) -> ratings.RatingSummary | None:
    try:
        return summary.summarize(bundle, ratings_store.tallies(database))
    except FeedbackError:
        return None


def test_a_check_leads_and_stands_apart_from_what_visitors_say(
    artifacts: Path, data: Path, tmp_path: Path, ratings_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = storage.load(artifacts)
    folder = storage.write(tmp_path / "own", {name: artifacts / name for name in before.files}).folder
    url, who = f"sqlite:///{ratings_file}", "the makers of *this* demo"
    command = ["evaluate", "--bundle", str(folder), "--data", str(data), "--write"]
    database = connect(url)
    rate(database, before.checksum, "right", "right", "partly", "wrong")
    assert main([*command, "--rated-by", who]) == 2
    assert "Add --feedback" in capsys.readouterr().err
    for refused in ("", "x" * 61, "a\u202eb"):
        assert main([*command, "--feedback", url, "--rated-by", refused]) == 2
        assert f"1 to {ratings.MAX_RATED_BY} printable" in capsys.readouterr().err
    assert main([*command, "--feedback", url, "--rated-by", who]) == 0
    assert main(command) == 0
    sealed = storage.load(folder)
    card = sealed.card()
    lead = f"were right, 1 partly\nright and 1 wrong. Rated by {who}.\n\n| | ratings |"
    assert f"In a check of 4 captions of test pictures, picked at random, 2 {lead}" in card, "it stays"
    assert card.index("## How often is it right?") < card.index("## Results")
    assert "What people said" not in card
    check = ratings.read(sealed)
    assert check
    visitor = Rating(rating_id(b"", "visitor"), "a dog", "wrong", before.checksum, image="0.jpg", time=now())
    ratings_store.save(database, visitor)
    assert [tally.rating for tally in ratings_store.tallies(database, check.ids)] == ["wrong"]
    assert main([*command, "--feedback", url]) == 2
    assert "has a human evaluation by the makers" in capsys.readouterr().err
    database.engine.dispose()


def test_a_malformed_file_is_a_sentence(tmp_path: Path) -> None:
    files = tiny.required_files(tiny.config()) | {"ratings.json": '{"right": 3}'}
    with pytest.raises(BundleError, match=r"ratings\.json"):
        ratings.read(storage.write(tmp_path / "artifacts", files))
