"""The CSV file of all ratings: what comes back from it, and what is refused."""

from __future__ import annotations

import contextlib
import csv
import io
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as some

from captioner.app.quality.ratings_file import COLUMNS, MAX_BYTES, from_csv, to_csv
from captioner.errors import CaptionerError
from captioner.evaluation.predictions import ScoredCaption
from captioner.feedback.rating import RATINGS, Rating, clean_text

MODEL = "0123456789abcdef" * 4
texts = some.text(max_size=40).map(clean_text)
ratings = some.builds(
    Rating,
    some.from_regex(r"r[0-9a-f]{31}", fullmatch=True),
    texts,
    some.sampled_from(RATINGS),
    some.just(MODEL),
    texts,
    texts,
    some.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)).map(lambda time: time.replace(microsecond=0)),
)
many = some.lists(ratings, max_size=6, unique_by=lambda one: one.id)


def table(**changes: str) -> bytes:
    """A file with one row that somebody made."""
    row = {"caption": "a dog", "rating": "right", "bundle_checksum": MODEL} | changes
    return f"{','.join(row)}\n{','.join(row.values())}\n".encode()


def without_source(read: list[Rating]) -> list[tuple[object, ...]]:
    return [(r.id, r.caption, r.rating, r.bundle_checksum, r.remark, r.image, r.time) for r in read]


@given(many)
def test_a_file_brings_back_the_ratings(saved: list[Rating]) -> None:
    assert without_source(from_csv(to_csv(saved, {}))) == without_source(saved)


@given(many)
def test_a_spreadsheet_where_the_comma_is_decimal_loses_nothing(saved: list[Rating]) -> None:
    scored = {
        (one.image, one.caption): ScoredCaption("x.jpg", "a dog", 0.5, {"cider": 0.5}, 0.25) for one in saved
    }
    rows = list(csv.DictReader(io.StringIO(to_csv(saved, scored).decode("utf-8-sig"))))
    file = io.StringIO()
    writer = csv.DictWriter(file, COLUMNS, delimiter=";", lineterminator="\r\n")
    writer.writeheader()
    for row in rows:
        assert (row["cider"], row["expected_precision"]) == ("0.5", "0.25")
        time = datetime.fromisoformat(row["time"]).strftime("%d.%m.%Y %H:%M:%S")
        writer.writerow(row | {"time": time, "cider": "0,5", "expected_precision": "0,25"})
    assert without_source(from_csv(f"\ufeff{file.getvalue()}".encode())) == without_source(saved)


def test_rows_that_people_wrote_get_the_same_ids_each_time() -> None:
    twice = table() + table(rating="Right").splitlines()[1] + b"\n" + table().splitlines()[1]
    first, second = from_csv(twice), from_csv(twice)
    assert [one.id for one in first] == [one.id for one in second]
    assert len({one.id for one in first}) == 3, "two people may say the same"
    assert from_csv(table())[0].id == first[0].id


@pytest.mark.parametrize("remark", ["=1+1", "+4", "-x", "@SUM(A1)", "'=quoted"])
def test_a_spreadsheet_computes_no_remark(remark: str) -> None:
    saved = to_csv([Rating("r" + "0" * 31, "a dog", "right", MODEL, remark, "", datetime(2026, 1, 1))], {})
    assert f",'{remark}," in saved.decode("utf-8-sig")
    assert from_csv(saved)[0].remark == remark


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"a,b\n1,2\n", "no file of ratings: it has no column bundle_checksum"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"x" * (MAX_BYTES + 1), "over 5 MB"),
        (table() + b"x\n", "row 3 of the file does not have as many cells"),
        (table(rating="good"), "row 2 of the file: the rating must be right, partly or wrong; it is “good”"),
        (table(caption=""), "needs the caption"),
        (table(bundle_checksum="v2"), "checksum"),
        (table(id="1"), "id must be"),
        (table(time="yesterday"), "time must be like"),
        (table(cider="11"), "cider must be"),
        (table(expected_precision="nan"), "expected_precision must be"),
    ],
)
def test_another_file_is_refused_with_a_sentence(data: bytes, expected: str) -> None:
    with pytest.raises(CaptionerError, match=expected) as error:
        from_csv(data)
    assert str(error.value).endswith(".")


@given(some.binary(max_size=200))
def test_no_file_raises_another_error(data: bytes) -> None:
    for tried in (data, table() + data):
        with contextlib.suppress(CaptionerError):
            from_csv(tried)
