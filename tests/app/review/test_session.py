"""Sittings: ratings, shares with their intervals, the file, and the memory for those going on."""

from __future__ import annotations

import contextlib
import csv
import io
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as some

from captioner.app.review.session import (
    COLUMNS,
    LONGEST,
    MOST,
    VERDICTS,
    Entry,
    Share,
    Sitting,
    Sittings,
    agreement,
    cleaned,
    from_csv,
    shares,
    to_csv,
)
from captioner.errors import CaptionerError
from captioner.inference.warning import UNFAMILIAR, UNSURE

MODEL = "0123456789abcdef" * 4
texts = some.text(max_size=40).map(cleaned)
names = texts.filter(bool)


@some.composite
def entries(draw: some.DrawFn) -> Entry:
    rating = draw(some.sampled_from(("", *VERDICTS)))
    return Entry(
        draw(names),
        draw(some.just("") | some.from_regex(r"[0-9a-f]{16}", fullmatch=True)),
        draw(names if rating else texts),
        draw(some.none() | some.floats(-1e6, 0)),
        rating,
        draw(texts),
        draw(some.sampled_from(("", UNSURE, f"{UNFAMILIAR} {UNSURE}"))),
    )


sittings = some.lists(entries(), min_size=1, max_size=8, unique_by=lambda entry: entry.id).map(
    lambda found: Sitting(MODEL, tuple(found))
)


def sitting(*ratings: str) -> Sitting:
    """Pictures p0, p1, … with these ratings."""
    return Sitting(
        MODEL, tuple(Entry(f"p{i}", caption="a dog", rating=rating) for i, rating in enumerate(ratings))
    )


def table(**changes: str) -> bytes:
    """A file with one row."""
    row = (
        dict(zip(COLUMNS, ["a.jpg", "", "a dog", "-3.5", "", "right", "", "", MODEL], strict=True)) | changes
    )
    return f"{','.join(row)}\n{','.join(row.values())}\n".encode()


@given(sittings)
def test_a_file_brings_back_the_sitting(found: Sitting) -> None:
    assert from_csv(to_csv(found, {})) == found


@given(sittings)
def test_the_automatic_score_is_for_people_only(found: Sitting) -> None:
    assert from_csv(to_csv(found, {entry.id: 0.5 for entry in found.entries})) == found


@pytest.mark.parametrize("remark", ["=1+1", "+4", "-x", "@SUM(A1)", "'=quoted", "''-x"])
def test_a_spreadsheet_computes_no_remark(remark: str) -> None:
    noted = sitting("right").annotate("p0", remark)
    cell = to_csv(noted, {}).decode("utf-8-sig").splitlines()[1].split(",")[COLUMNS.index("remark")]
    assert cell.startswith("'")
    assert from_csv(to_csv(noted, {})).entries[0].remark == remark


def test_a_file_is_read_after_a_spreadsheet_has_saved_it() -> None:
    assert from_csv(table().replace(b",", b";").replace(b"\n", b"\r\n")) == from_csv(table())
    assert from_csv(b"\xef\xbb\xbf" + table(rating="Right")) == from_csv(table())
    local = table().replace(b",", b";").replace(b"-3.5", b"-3,5").replace(b"\n", b"\r\n")
    assert from_csv(b"\xef\xbb\xbf" + local) == from_csv(table())
    assert from_csv(table().replace(b"-3.5", b'"-3,5"')) == from_csv(table())


@given(sittings)
def test_a_spreadsheet_where_the_comma_is_decimal_loses_nothing(found: Sitting) -> None:
    rows = list(csv.DictReader(io.StringIO(to_csv(found, {found.entries[0].id: 0.5}).decode("utf-8-sig"))))
    file = io.StringIO()
    writer = csv.DictWriter(file, COLUMNS, delimiter=";", lineterminator="\r\n")
    writer.writeheader()
    for row in rows:
        writer.writerow(
            row | {"log_prob": row["log_prob"].replace(".", ","), "cider": row["cider"].replace(".", ",")}
        )
    assert from_csv(f"\ufeff{file.getvalue()}".encode()) == found


def test_a_file_from_before_there_were_warnings_is_read() -> None:
    assert from_csv(table().replace(b"warnings,", b"").replace(b"-3.5,,", b"-3.5,")) == from_csv(table())


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "no column"),
        (b"a,b\n1,2\n", "no column caption"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"x" * 1_000_001, "over 1 MB"),
        (b'"', "no column"),
        (table() + b"x\n", "row 3 of the file has not as many cells"),
        (table() + b"," * 10 + b"\n", "row 3 of the file has not as many cells"),
        (table(rating="good"), "row 2 of the file: the rating must be right, partly or wrong, or empty"),
        (table(log_prob="much"), "log_prob must be a number up to 0, or empty; it is “much”"),
        (table(log_prob="0.1"), "log_prob must be"),
        (table(log_prob="nan"), "log_prob must be"),
        (table(digest="../x"), "16 hexadecimal digits"),
        (table(picture=""), "must have a name"),
        (table(caption=""), "needs the caption"),
        (table(model="v2"), "checksum"),
        (table(warnings="loud"), "warnings must be unfamiliar or unsure, or empty; it is “loud”"),
        (table() + table(picture="b.jpg", model="f" * 64).splitlines()[1], "several models"),
        (table() + table().splitlines()[1], "got one twice"),
        (table().splitlines()[0], "1 to 100 pictures; got 0"),
    ],
)
def test_another_file_is_refused_with_a_sentence(data: bytes, said: str) -> None:
    with pytest.raises(CaptionerError, match=said.replace("?", r"\?")) as error:
        from_csv(data)
    assert str(error.value).endswith(".")


@given(some.binary(max_size=200))
def test_no_file_at_all_makes_it_fail_otherwise(data: bytes) -> None:
    for tried in (data, table() + data):
        with contextlib.suppress(CaptionerError):
            from_csv(tried)


def test_ratings_and_remarks_stand_by_themselves() -> None:
    start = sitting("", "")
    noted = start.annotate("p1", "  too\nfar ").rate("p1", "partly", "a cat", -2.0)
    assert noted.entries[1] == Entry("p1", "", "a cat", -2.0, "partly", "too far")
    assert noted.rate("p1", "wrong", "a cat", -2.0).entries[1].remark == "too far"
    assert start.rated == ()
    assert noted.rated == noted.entries[1:]
    with pytest.raises(ValueError, match="good"):
        start.rate("p0", "good", "a dog", None)


@given(some.lists(some.sampled_from(("", "right")), min_size=1, max_size=9), some.integers(-1, 8))
def test_every_unrated_picture_comes_up(ratings: list[str], position: int) -> None:
    position = min(position, len(ratings) - 1)
    found = sitting(*ratings)
    following = found.following(position)
    if found.done:
        assert following == position
    else:
        assert found.entries[following].rating == ""


def test_a_sitting_has_bounds() -> None:
    for count in (0, MOST + 1):
        with pytest.raises(ValueError, match=f"got {count}"):
            sitting(*[""] * count)
    with pytest.raises(ValueError, match="twice"):
        Sitting(MODEL, (Entry("a"), Entry("a")))
    assert Sitting(MODEL, (Entry("a", "0" * 16), Entry("a", "1" * 16)))


@given(some.text(max_size=2 * LONGEST))
def test_cleaned_text_is_one_short_printable_line(text: str) -> None:
    once = cleaned(text)
    assert cleaned(once) == once
    assert len(once) <= LONGEST
    assert once.isprintable()


@given(some.integers(1, 500), some.data())
def test_an_interval_holds_its_share_and_narrows_with_more_pictures(
    total: int, data: some.DataObject
) -> None:
    count = data.draw(some.integers(0, total))
    low, high = Share(count, total).interval
    assert 0 <= low <= count / total <= high <= 1
    wider = Share(4 * count, 4 * total).interval
    assert wider[1] - wider[0] < high - low


@pytest.mark.parametrize(
    ("count", "total", "low", "high"),
    # Solutions of (p - share)² = Z² p (1 - p) / total, which the interval's ends are by definition.
    [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (15, 20, 0.5313, 0.8881), (20, 20, 0.8389, 1.0)],
)
def test_the_interval_is_wilsons(count: int, total: int, low: float, high: float) -> None:
    assert Share(count, total).interval == pytest.approx((low, high), abs=1e-4)


def test_nothing_is_known_without_a_rating() -> None:
    assert Share(0, 0).interval == (0, 1)
    assert {share.total for share in shares(sitting("", "").entries).values()} == {0}


def test_shares_count_what_is_rated() -> None:
    found = shares(sitting("right", "", "wrong", "right").entries)
    assert [(share.count, share.total) for share in found.values()] == [(2, 3), (0, 3), (1, 3)]


def test_agreement_is_the_share_of_pairs_in_the_same_order() -> None:
    assert agreement([("right", 3.0), ("partly", 2.0), ("wrong", 1.0)]) == (1.0, 3)
    assert agreement([("right", 1.0), ("wrong", 2.0)]) == (0.0, 1)
    assert agreement([("right", 1.0), ("wrong", 1.0)]) == (0.5, 1)
    assert agreement([("right", 1.0), ("right", 2.0)]) is None
    assert agreement([]) is None


def test_a_sitting_is_forgotten_after_its_time_since_the_last_change() -> None:
    now = [0.0]
    kept = Sittings(seconds=10, clock=lambda: now[0])
    key = kept.open(sitting(""))
    now[0] = 9
    assert kept.change(key, lambda found: found.annotate("p0", "x")) == kept.find(key)
    now[0] = 19
    assert kept.find(key) is not None
    now[0] = 19.1
    assert kept.find(key) is None
    assert kept.change(key, lambda found: found) is None


def test_the_one_left_alone_longest_makes_room() -> None:
    kept = Sittings(most=2)
    first, second = kept.open(sitting("")), kept.open(sitting("", ""))
    kept.change(first, lambda found: found)
    third = kept.open(sitting(""))
    assert [kept.find(key) is not None for key in (first, second, third)] == [True, False, True]


def test_keys_cannot_be_guessed_and_lead_to_one_sitting_only() -> None:
    kept = Sittings()
    one, other = kept.open(sitting("")), kept.open(sitting("", ""))
    assert len({one, other}) == 2
    assert min(map(len, (one, other))) >= 20
    assert kept.find(one) == sitting("")
    assert kept.find("") is None


def test_a_group_that_rates_at_once_loses_no_rating() -> None:
    kept = Sittings()
    key = kept.open(sitting("", ""))
    begun, go_on = threading.Event(), threading.Event()

    def slowly(found: Sitting) -> Sitting:
        begun.set()
        assert go_on.wait(60)
        return found.rate("p0", "right", "a dog", None)

    with ThreadPoolExecutor() as people:
        first = people.submit(kept.change, key, slowly)
        assert begun.wait(60)
        second = people.submit(kept.change, key, lambda found: found.rate("p1", "right", "a dog", None))
        with pytest.raises(TimeoutError):
            second.result(0.1)
        go_on.set()
        first.result()
        second.result()
    found = kept.find(key)
    assert found
    assert found.done
