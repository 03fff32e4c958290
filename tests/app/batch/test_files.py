"""The files of a batch job: a table that a spreadsheet opens, and a ZIP that equals the page and is safe."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as some

from captioner.app.batch import files
from captioner.app.batch.job import AltText, BatchJob, PictureResult
from captioner.text import unescape_formula

pytestmark = pytest.mark.hypothesis
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝")
formulas = some.sampled_from(["=1+1", "+4", "-x", "@SUM(A1)", "'=quoted", "''-x", "\t=1", "＝1"])
names = some.text(some.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)
hostile = some.sampled_from(
    [
        "../../x.png",
        "C:\\x.png",
        "/etc/x",
        "CON.png",
        "aux",
        "a?.png",
        "A.jpg",
        "a.png",
        "a.warning.png",
        "..",
        "",
    ]
)


def rows(job: BatchJob) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(files.to_csv(job).removeprefix("\ufeff"))))


def unzipped(job: BatchJob) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(files.to_zip(job))) as archive:
        assert archive.testzip() is None
        assert len(set(archive.namelist())) == len(archive.namelist())
        return {name: archive.read(name).decode() for name in archive.namelist()}


@given(some.lists(some.tuples(formulas | names, formulas | names, formulas | names), max_size=5))
def test_the_csv_holds_every_file_once_and_computes_nothing(texts: list[tuple[str, str, str]]) -> None:
    results = [PictureResult(name, caption, 0.75, 0.5, -1.5) for name, caption, _ in texts]
    touched = {index: AltText(alt, reviewed=True) for index, (*_, alt) in enumerate(texts)}
    bad = PictureResult("bad.png", error="It is broken, sadly.")
    table = rows(BatchJob(results=[*results, bad], touched=touched))
    cells = [tuple(row[name] for name in ("image", "caption", "alt_text")) for row in table[:-1]]
    assert [tuple(map(unescape_formula, row)) for row in cells] == texts
    assert not any(cell.startswith(FORMULA) for row in cells for cell in row)
    assert (table[-1]["error"], table[-1]["alt_text"]) == ("It is broken, sadly.", "")
    assert [row["reviewed"] for row in table] == ["yes"] * len(texts) + ["no"]
    assert all((row["expected_precision"], row["confidence"]) == ("0.7500", "0.5000") for row in table[:-1])
    assert all(row["verdict"].startswith("Probably right") for row in table[:-1])


@given(some.lists(hostile | names, max_size=8))
def test_names_in_the_zip_are_safe_and_each_is_there_once(given_names: list[str]) -> None:
    found = files.text_names(given_names)
    written = [name for base in found for name in (f"{base}.txt", f"{base}.warning.txt")]
    assert len({name.casefold() for name in written}) == 2 * len(given_names)
    for name in found:
        assert re.fullmatch(r'[^\x00-\x1f<>:"/\\|?*]{1,110}', name)
        assert name.strip(" .") == name
        assert not re.fullmatch(r"(?i)con|aux", name)


def test_names_are_those_of_the_pictures_and_numbered() -> None:
    names = ["a/b/Zoë.jpg", "zoë.png", "C:\\x\\con.gif", "two.dots.jpg", "..", ""]
    assert files.text_names(names) == ["Zoë", "zoë (2)", "_con", "two.dots", "picture", "picture (2)"]


def test_the_zip_says_what_is_reviewed_and_what_to_be_careful_with() -> None:
    results = [
        PictureResult("a.jpg", "a man runs"),
        PictureResult("b.jpg", "a dog", warning="This is no photograph."),
        PictureResult("c.jpg", error="It is broken."),
    ]
    job = BatchJob(results=results, touched={0: AltText("Zoë runs.", reviewed=True)})
    found = unzipped(job)
    records = json.loads(found.pop("alt-texts.json"))
    assert found.pop("captions.csv") == files.to_csv(job)
    assert found == {
        "reviewed/a.txt": "Zoë runs.\n",
        "not-reviewed/b.txt": "A dog.\n",
        "not-reviewed/b.warning.txt": "This is no photograph.\n",
    }
    assert [record["alt_text"] for record in records] == ["Zoë runs.", "A dog.", ""]
    assert [record["reviewed"] for record in records] == [True, False, False]
    assert [record["text_file"] for record in records] == ["reviewed/a.txt", "not-reviewed/b.txt", None]
    assert (records[1]["warning"], records[2]["error"]) == ("This is no photograph.", "It is broken.")
