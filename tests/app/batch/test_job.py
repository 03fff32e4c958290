"""A batch job: every file gets its result, a stop loses none, and the table opens in a spreadsheet."""

from __future__ import annotations

import base64
import csv
import io
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from streamlit.proto.Common_pb2 import FileURLs
from streamlit.runtime.uploaded_file_manager import UploadedFile, UploadedFileRec

from captioner import images
from captioner.app.batch import job
from captioner.app.batch.job import BatchJob, PictureResult
from captioner.bundle.storage import Bundle
from captioner.inference.captioner import Captioner
from captioner.text import unescape_formula
from tests.fake_captioner import FakeCaptioner, photo

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝")
formulas = some.sampled_from(["=1+1", "+4", "-x", "@SUM(A1)", "'=quoted", "''-x", "\t=1", "＝1"])
names = some.text(some.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)


def waiting(count: int) -> BatchJob:
    """A batch of so many files, all to be captioned."""
    records = (UploadedFileRec(str(n), f"{n}.png", "image/png", photo(n)) for n in range(count))
    return BatchJob([UploadedFile(record, FileURLs()) for record in records])


def rows(results: list[PictureResult]) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(job.to_csv(results).removeprefix("\ufeff"))))


def test_a_stop_keeps_what_is_done_and_frees_the_rest(fake: FakeCaptioner) -> None:
    model: Any = fake
    batch = waiting(5)
    assert batch.caption_next(model)
    assert batch.caption_next(model)
    batch.stop()
    assert batch.caption_next(model) is None
    assert (len(batch.results), batch.skipped, batch.waiting) == (2, 3, [])


def test_a_stop_in_the_middle_of_a_picture_loses_none(
    fake: FakeCaptioner, monkeypatch: pytest.MonkeyPatch
) -> None:
    model: Any = fake
    started, proceed, decode = threading.Event(), threading.Event(), fake.decode

    def slow(*args: Any) -> Any:
        started.set()
        assert proceed.wait(60)
        return decode(*args)

    monkeypatch.setattr(fake, "decode", slow)
    batch = waiting(5)
    with ThreadPoolExecutor() as threads:
        threads.submit(batch.caption_next, model)
        assert started.wait(60)
        stopped = threads.submit(batch.stop)
        with pytest.raises(TimeoutError):  # it waits for the picture that is being captioned
            stopped.result(0.1)
        proceed.set()
        stopped.result()
    assert (len(batch.results), batch.skipped) == (1, 4)


def test_batch_and_single_captions_agree(tiny_bundle: Bundle) -> None:
    captioner = Captioner(tiny_bundle)
    for seed in range(5):
        single = captioner.caption(images.read(photo(seed))).best
        result = job.caption_file(captioner, "a.png", photo(seed))
        assert (result.caption, result.problem) == (single.text, "")
        assert result.log_prob == pytest.approx(single.log_prob)
        assert result.confidence == pytest.approx(2.718281828 ** (single.log_prob / len(single.words)))


@given(some.lists(some.tuples(formulas | names, formulas | names), max_size=5))
def test_the_csv_holds_every_file_once_and_computes_nothing(files: list[tuple[str, str]]) -> None:
    results = [
        PictureResult(name, caption, "In captions like this one, …", 0.75, 0.5, -1.5)
        for name, caption in files
    ]
    table = rows([*results, PictureResult("bad.png", problem="It is broken, sadly.")])
    assert [(unescape_formula(row["file"]), unescape_formula(row["caption"])) for row in table[:-1]] == files
    assert not any(cell.startswith(FORMULA) for row in table for cell in (row["file"], row["caption"]))
    assert table[-1]["problem"] == "It is broken, sadly."
    assert all(row["word_probability"] == "0.5000" for row in table[:-1])


def test_a_thumbnail_is_a_small_picture_of_its_own(fake: FakeCaptioner) -> None:
    captioner: Any = fake
    head, _, data = job.caption_file(captioner, "a.png", photo(1)).thumbnail.partition(",")
    assert head == "data:image/jpeg;base64"
    height, width, _ = images.read(base64.b64decode(data)).shape
    assert (width, height) == job.THUMBNAIL
