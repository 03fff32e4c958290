"""The CSV file of a review session: what comes back from it, and what is refused."""

from __future__ import annotations

import contextlib
import csv
import io
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as some

from captioner.app.review.session_file import COLUMNS, MAX_BYTES, from_csv, to_csv
from captioner.errors import CaptionerError
from captioner.feedback.csv_table import FORMER_COLUMNS
from captioner.feedback.rating import RATINGS, clean_text
from captioner.feedback.session import Item, ReviewSession
from captioner.inference.warning import LOW_CONFIDENCE, NOVELTY
from tests.feedback.test_session import MODEL, session

texts = some.text(max_size=40).map(clean_text)
names = texts.filter(bool)


@some.composite
def items(draw: some.DrawFn) -> Item:
    rating = draw(some.sampled_from(("", *RATINGS)))
    return Item(
        draw(names),
        draw(some.just("") | some.from_regex(r"[0-9a-f]{16}", fullmatch=True)),
        draw(names if rating else texts),
        draw(some.none() | some.floats(-1e6, 0)),
        rating,
        draw(texts),
        draw(some.sampled_from(("", LOW_CONFIDENCE, f"{NOVELTY} {LOW_CONFIDENCE}"))),
        draw(some.none() | some.floats(0, 1)),
    )


sessions = some.lists(items(), min_size=1, max_size=8, unique_by=lambda item: item.id).map(
    lambda items: ReviewSession(MODEL, tuple(items))
)


def table(**changes: str) -> bytes:
    """A file with one row."""
    row = (
        dict(
            zip(COLUMNS[:-1], ["a.jpg", "", "a dog", "-3.5", "", "right", "", "", MODEL, "0.5"], strict=True)
        )
        | changes
    )
    return f"{','.join(row)}\n{','.join(row.values())}\n".encode()


@given(sessions, some.data())
def test_a_file_brings_back_the_session_of_every_rater(saved: ReviewSession, data: some.DataObject) -> None:
    said = some.tuples(some.sampled_from(RATINGS), texts)
    others = data.draw(some.dictionaries(names, some.lists(said, min_size=8, max_size=8), max_size=2))
    everybody = {"": saved}
    for name, ratings in others.items():
        pairs = zip(saved.items, ratings, strict=False)
        items = (
            replace(item, caption=item.caption or "a dog", rating=one[0], remark=one[1])
            for item, one in pairs
        )
        everybody[name] = replace(saved, items=tuple(items))
    assert from_csv(to_csv(everybody, {})) == everybody


@given(sessions)
def test_the_automatic_score_in_a_file_is_not_read(saved: ReviewSession) -> None:
    assert from_csv(to_csv({"": saved}, {item.id: 0.5 for item in saved.items})) == {"": saved}


@pytest.mark.parametrize("remark", ["=1+1", "+4", "-x", "@SUM(A1)", "'=quoted", "''-x"])
def test_a_spreadsheet_computes_no_remark(remark: str) -> None:
    (item,) = session("right").items
    saved = to_csv({"": ReviewSession(MODEL, (replace(item, remark=remark),))}, {})
    cell = saved.decode("utf-8-sig").splitlines()[1].split(",")[COLUMNS.index("remark")]
    assert cell.startswith("'")
    assert from_csv(saved)[""].items[0].remark == remark


def test_a_file_is_read_after_a_spreadsheet_has_saved_it() -> None:
    assert from_csv(table().replace(b",", b";").replace(b"\n", b"\r\n")) == from_csv(table())
    assert from_csv(b"\xef\xbb\xbf" + table(rating="Right")) == from_csv(table())
    local = table().replace(b",", b";").replace(b"-3.5", b"-3,5").replace(b"\n", b"\r\n")
    assert from_csv(b"\xef\xbb\xbf" + local) == from_csv(table())
    assert from_csv(table().replace(b"-3.5", b'"-3,5"')) == from_csv(table())


@given(sessions)
def test_a_spreadsheet_where_the_comma_is_decimal_loses_nothing(saved: ReviewSession) -> None:
    data = to_csv({"": saved}, {saved.items[0].id: 0.5})
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))
    file = io.StringIO()
    writer = csv.DictWriter(file, COLUMNS, delimiter=";", lineterminator="\r\n")
    writer.writeheader()
    for row in rows:
        writer.writerow(
            row | {"log_prob": row["log_prob"].replace(".", ","), "cider": row["cider"].replace(".", ",")}
        )
    assert from_csv(f"\ufeff{file.getvalue()}".encode()) == {"": saved}


def test_a_file_with_the_names_of_earlier_versions_is_read() -> None:
    today = table(warnings="novelty low_confidence", expected_precision="0.5")
    former = today.replace(b"novelty low_confidence", b"unfamiliar unsure")
    for old, new in FORMER_COLUMNS.items():
        former = former.replace(f"{new},".encode(), f"{old},".encode(), 1)
    assert b"image" not in former
    assert from_csv(former) == from_csv(today)


def test_a_file_from_before_there_were_warnings_is_read() -> None:
    assert from_csv(table().replace(b"warnings,", b"").replace(b"-3.5,,", b"-3.5,")) == from_csv(table())


def test_a_file_from_before_there_was_calibration_is_read() -> None:
    (item,) = from_csv(table().replace(b",expected_precision", b"").replace(b",0.5", b""))[""].items
    assert (item.caption, item.expected_precision) == ("a dog", None)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "no column"),
        (b"a,b\n1,2\n", "no column bundle_checksum"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"x" * (MAX_BYTES + 1), "over 5 MB"),
        (b"rater," + table().replace(b"\n", b"\nAnn,", 1), "1 to 100 pictures; got 0"),
        (
            b"rater," + table().replace(b"\n", b"\n,", 1) + b"Ann," + table(image="b.jpg").splitlines()[1],
            "must also stand in a row without a rater; b.jpg does not",
        ),
        (b'"', "no column"),
        (table() + b"x\n", "row 3 of the file does not have as many cells"),
        (table() + b"," * 10 + b"\n", "row 3 of the file does not have as many cells"),
        (table(rating="good"), "row 2 of the file: the rating must be right, partly or wrong, or empty"),
        (table(log_prob="much"), "log_prob must be a number up to 0, or empty; it is “much”"),
        (table(log_prob="0.1"), "log_prob must be"),
        (table(log_prob="nan"), "log_prob must be"),
        (table(upload_hash="../x"), "16 hexadecimal digits"),
        (table(image=""), "must be the name of a picture"),
        (table(caption=""), "needs the caption"),
        (table(bundle_checksum="v2"), "checksum"),
        (table(warnings="loud"), "warnings must be novelty or low_confidence, or empty; it is “loud”"),
        (table() + table(image="b.jpg", bundle_checksum="f" * 64).splitlines()[1], "several models"),
        (table() + table().splitlines()[1], "got one twice"),
        (table().splitlines()[0], "1 to 100 pictures; got 0"),
    ],
)
def test_another_file_is_refused_with_a_sentence(data: bytes, expected: str) -> None:
    with pytest.raises(CaptionerError, match=expected.replace("?", r"\?")) as error:
        from_csv(data)
    assert str(error.value).endswith(".")


@given(some.binary(max_size=200))
def test_no_file_raises_another_error(data: bytes) -> None:
    for tried in (data, table() + data):
        with contextlib.suppress(CaptionerError):
            from_csv(tried)
