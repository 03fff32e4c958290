"""Many pictures at once: what goes in, what comes out, and what stops neither."""

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
from streamlit.testing.v1 import AppTest

from captioner import images
from captioner.app.batch import page as batch
from captioner.app.batch.page import Batch, Line
from captioner.app.components.spreadsheet import revealed
from captioner.bundle.storage import Bundle
from captioner.inference.captioner import Captioner
from captioner.inference.warning import SENTENCES, UNFAMILIAR, UNSURE
from tests import visitor
from tests.fake_captioner import FakeCaptioner, photo, warned
from tests.visitor import said

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝")
formulas = some.sampled_from(["=1+1", "+4", "-x", "@SUM(A1)", "'=quoted", "''-x", "\t=1", "＝1"])
names = some.text(some.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)


def opened() -> AppTest:
    return visitor.opened("batch")


def started(files: list[tuple[str, bytes]]) -> AppTest:
    """The page after these files were chosen and captioned."""
    app = opened()
    app.file_uploader[0].set_value([(name, data, "image/png") for name, data in files]).run()
    app.button[0].click().run()
    assert not app.exception
    return app


def waiting(count: int) -> Batch:
    """A batch of so many files, all to be captioned."""
    records = (UploadedFileRec(str(n), f"{n}.png", "image/png", photo(n)) for n in range(count))
    return Batch([UploadedFile(record, FileURLs()) for record in records])


def rows(lines: list[Line]) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(batch.table(lines).removeprefix("\ufeff"))))


def test_the_page_tells_its_bounds_and_its_promise(fake: FakeCaptioner) -> None:
    app = opened()
    told = said(app)
    assert "At most 50 pictures and 50 MB at a time." in told
    assert "not stored" in told


def test_every_picture_gets_its_line(fake: FakeCaptioner) -> None:
    app = started([("one.png", photo(1)), ("two.png", photo(2))])
    frame = app.dataframe[0].value
    assert list(frame["file"]) == ["one.png", "two.png"]
    assert list(frame["caption"]) == ["a dog runs"] * 2
    assert list(frame["bands"]) == ["sure of 1 of 3, guessed 1"] * 2
    assert "2 pictures captioned." in said(app)
    assert not app.error
    assert not app.warning


def test_a_broken_file_is_named_and_does_not_stop_the_rest(fake: FakeCaptioner) -> None:
    app = started([("one.png", photo(1)), ("no*te.png", b"not a picture"), ("cut.png", photo(2)[:60])])
    assert list(app.dataframe[0].value["file"]) == ["one.png"]
    assert "1 picture captioned." in said(app)
    assert "**no\\*te\\.png:** The picture is not a picture that can be read here" in app.warning[0].value
    assert "**cut\\.png:** The picture is damaged" in app.warning[0].value


def test_nothing_but_broken_files_is_no_table(fake: FakeCaptioner) -> None:
    app = started([("a.png", b"")])
    assert not app.dataframe
    assert "0 pictures captioned." in said(app)
    assert "empty" in app.warning[0].value


def test_a_bug_is_logged_whole_and_does_not_stop_the_rest(
    fake: FakeCaptioner, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(fake, "decode", lambda regions, options: [][0])
    app = started([("one.png", photo(1)), ("two.png", photo(2))])
    assert app.warning[0].value.count("Something went wrong in the app itself") == 2
    assert caplog.text.count("IndexError") >= 2
    assert "IndexError" not in app.warning[0].value


def test_a_stop_keeps_what_is_done_and_lets_go_of_the_rest(fake: FakeCaptioner) -> None:
    model: Any = fake
    pictures = waiting(5)
    assert pictures.step(model)
    assert pictures.step(model)
    pictures.stop()
    assert pictures.step(model) is None
    assert (len(pictures.lines), pictures.dropped, pictures.waiting) == (2, 3, [])


def test_a_stop_in_the_middle_of_a_picture_loses_none(
    fake: FakeCaptioner, monkeypatch: pytest.MonkeyPatch
) -> None:
    model: Any = fake
    begun, go_on, decode = threading.Event(), threading.Event(), fake.decode

    def slow(*args: Any) -> Any:
        begun.set()
        assert go_on.wait(60)
        return decode(*args)

    monkeypatch.setattr(fake, "decode", slow)
    pictures = waiting(5)
    with ThreadPoolExecutor() as threads:
        threads.submit(pictures.step, model)
        assert begun.wait(60)
        stopped = threads.submit(pictures.stop)
        with pytest.raises(TimeoutError):  # it waits for the picture that is being captioned
            stopped.result(0.1)
        go_on.set()
        stopped.result()
    assert (len(pictures.lines), pictures.dropped) == (1, 4)


def test_after_a_stop_the_page_says_how_far_it_came(fake: FakeCaptioner) -> None:
    app = opened()
    app.session_state["_batch"] = Batch(lines=[Line("a.png", "a dog", sure=0.5)], dropped=3)
    app.run()
    assert "1 picture captioned. You stopped before the other 3." in said(app)


def test_no_picture_is_kept_once_it_has_its_sentence(fake: FakeCaptioner) -> None:
    data = photo(1)
    app = started([("one.png", data)])
    kept = app.session_state["_batch"]
    assert kept.waiting == []
    assert data not in repr(kept).encode()
    assert not app.file_uploader[0].value


def test_no_two_visitors_share_anything(fake: FakeCaptioner) -> None:
    started([("one.png", photo(1))])
    assert not opened().dataframe


def test_a_new_batch_takes_the_place_of_the_old(fake: FakeCaptioner) -> None:
    app = started([("one.png", photo(1))])
    app.file_uploader[0].set_value([("two.png", photo(2), "image/png")]).run()
    next(button for button in app.button if button.label.startswith("Caption")).click().run()
    assert list(app.dataframe[0].value["file"]) == ["two.png"]


def test_what_goes_beyond_the_bounds_is_named(fake: FakeCaptioner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "MOST", 2)
    app = opened()
    app.file_uploader[0].set_value([(f"{n}.png", photo(n), "image/png") for n in range(3)]).run()
    assert app.button[0].label == "Caption 2 pictures"
    assert "2\\.png" in app.warning[0].value
    app.button[0].click().run()
    assert "2 pictures captioned." in said(app)


def test_batch_and_single_captions_agree(tiny_bundle: Bundle) -> None:
    captioner = Captioner(tiny_bundle)
    for seed in range(5):
        single = captioner.caption(images.read(photo(seed))).best
        line = batch.captioned(captioner, "a.png", photo(seed))
        assert (line.caption, line.problem) == (single.text, "")
        assert line.log_prob == pytest.approx(single.log_prob)
        assert line.sure == pytest.approx(2.718281828 ** (single.log_prob / len(single.words)))


@given(some.lists(some.tuples(formulas | names, formulas | names), max_size=5))
def test_the_csv_holds_every_file_once_and_computes_nothing(files: list[tuple[str, str]]) -> None:
    lines = [Line(name, caption, "sure of 1 of 2, guessed 1", 0.5, -1.5) for name, caption in files]
    found = rows([*lines, Line("bad.png", problem="It is broken, sadly.")])
    assert [(revealed(row["file"]), revealed(row["caption"])) for row in found[:-1]] == files
    assert not any(cell.startswith(FORMULA) for row in found for cell in (row["file"], row["caption"]))
    assert found[-1]["problem"] == "It is broken, sadly."
    assert all(row["word_probability"] == "0.5000" for row in found[:-1])


def test_a_warning_stands_in_the_table_and_in_the_file(fake: FakeCaptioner) -> None:
    assert "warning" not in started([("one.png", photo(1))]).dataframe[0].value
    fake.warnings = (warned(UNFAMILIAR), warned(UNSURE))
    app = started([("one.png", photo(1))])
    both = f"{SENTENCES[UNFAMILIAR]} {SENTENCES[UNSURE]}"
    assert list(app.dataframe[0].value["warning"]) == [both]
    assert [row["warning"] for row in rows(app.session_state["_batch"].lines)] == [both]


def test_a_thumbnail_is_a_small_picture_of_its_own(fake: FakeCaptioner) -> None:
    captioner: Any = fake
    head, _, data = batch.captioned(captioner, "a.png", photo(1)).thumbnail.partition(",")
    assert head == "data:image/jpeg;base64"
    height, width, _ = images.read(base64.b64decode(data)).shape
    assert (width, height) == batch.THUMBNAIL
