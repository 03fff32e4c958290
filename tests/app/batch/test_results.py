"""Several pictures at once: cards and table, stopping, limits."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from captioner.app.batch import results, saved, texts
from captioner.app.batch.job import AltText, BatchJob, PictureResult
from captioner.app.components import wording
from captioner.app.state import uploads
from captioner.inference.warning import LOW_CONFIDENCE, NOVELTY, SENTENCES
from tests import visitor
from tests.app.batch.test_files import rows
from tests.fake_captioner import FakeCaptioner, make_warning, photo
from tests.visitor import page_text, press, sentence


def open_page() -> AppTest:
    return visitor.open_page("caption")


def started(files: list[tuple[str, bytes]]) -> AppTest:
    """The page after these files were chosen and captioned."""
    return chosen(open_page(), files)


def chosen(app: AppTest, files: list[tuple[str, bytes]]) -> AppTest:
    app.file_uploader[0].set_value([(name, data, "image/png") for name, data in files]).run()
    assert not app.exception
    return app


ONE, TWO = ("one.png", photo(1)), ("two.png", photo(2))


def test_limits_stand_with_the_picker_and_the_promise_with_the_results(fake: FakeCaptioner) -> None:
    text = page_text(started([ONE, TWO]))
    assert "Up to 50 at once (50 MB)" in page_text(open_page())
    assert f"{wording.PRIVACY} {texts.KEPT}" in text


def test_every_picture_gets_its_card(fake: FakeCaptioner) -> None:
    app = started([ONE, TWO])
    assert page_text(app).count("**“a dog runs”**") == 2
    assert [image.proto.imgs[0].alt for image in app.get("image")][:2] == ["a dog runs"] * 2


def test_an_example_or_a_single_picture_closes_the_results(fake: FakeCaptioner) -> None:
    app = started([ONE, TWO])
    app.button(key="pick-1 one.png").click().run()
    assert texts.TITLE not in [header.value for header in app.header]
    assert sentence(app) == "a dog runs"
    app = started([ONE, TWO])
    chosen(app, [ONE])
    assert texts.TITLE not in [header.value for header in app.header]
    assert sentence(app) == "a dog runs"


def test_the_results_can_be_left_and_come_back_with_every_change(fake: FakeCaptioner) -> None:
    app = started([ONE, TWO])
    app.session_state["_batch"].touched[1] = AltText("My own.", reviewed=True)
    press(app, texts.CLOSE)
    assert sentence(app) == "a dog runs"
    app.button(key="pick-1 one.png").click().run()
    press(app, texts.REOPEN)
    assert "2 pictures captioned." in page_text(app)
    assert app.session_state["_batch"].alt_texts()[1].text == "My own."
    assert "example" not in app.query_params
    assert texts.REOPEN not in [button.label for button in app.button]


def test_every_picture_gets_its_row(fake: FakeCaptioner) -> None:
    app = started([("one.png", photo(1)), ("two.png", photo(2))])
    frame = app.dataframe[0].value
    assert list(frame["image"]) == ["one.png", "two.png"]
    assert list(frame["caption"]) == ["a dog runs"] * 2
    assert list(frame["expected_precision"]) == [pytest.approx(4.5)] * 2  # of "dog" and "runs"
    assert "2 pictures captioned." in page_text(app)
    assert not app.error
    assert not app.warning


def test_a_broken_file_is_named_and_does_not_stop_the_rest(fake: FakeCaptioner) -> None:
    app = started([("one.png", photo(1)), ("no*te.png", b"not a picture"), ("cut.png", photo(2)[:60])])
    assert list(app.dataframe[0].value["image"]) == ["one.png"]
    assert "1 picture captioned." in page_text(app)
    assert "**no\\*te\\.png:** This file cannot be read as a picture" in app.warning[0].value
    assert "**cut\\.png:** This file is damaged" in app.warning[0].value


def test_only_broken_files_make_no_table(fake: FakeCaptioner) -> None:
    app = started([("a.png", b""), ("b.png", b"")])
    assert not app.dataframe
    assert "0 pictures captioned." in page_text(app)
    assert "empty" in app.warning[0].value


def test_a_bug_is_logged_whole_and_does_not_stop_the_rest(
    fake: FakeCaptioner, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(fake, "decode", lambda regions, options: [][0])
    app = started([("one.png", photo(1)), ("two.png", photo(2))])
    assert app.warning[0].value.count("Something went wrong in the app itself") == 2
    assert caplog.text.count("IndexError") >= 2
    assert "IndexError" not in app.warning[0].value


def test_after_a_stop_the_page_shows_the_progress(fake: FakeCaptioner) -> None:
    app = open_page()
    app.session_state["_batch"] = BatchJob(
        results=[PictureResult("a.png", "a dog", confidence=0.5)], skipped=3
    )
    app.run()
    assert "1 picture captioned. You stopped before the other 3." in page_text(app)


def test_no_picture_is_stored_once_it_has_its_sentence(fake: FakeCaptioner) -> None:
    data = photo(1)
    app = started([("one.png", data), TWO])
    batch = app.session_state["_batch"]
    assert batch.waiting == []
    assert data not in repr(batch).encode()
    assert not app.file_uploader[0].value


def test_no_two_visitors_share_anything(fake: FakeCaptioner) -> None:
    started([ONE, TWO])
    assert texts.TITLE not in [header.value for header in open_page().header]


def test_a_new_batch_takes_the_place_of_the_old(fake: FakeCaptioner) -> None:
    app = chosen(started([ONE, TWO]), [TWO, ("three.png", photo(3))])
    assert list(app.dataframe[0].value["image"]) == ["two.png", "three.png"]


def test_files_above_the_limit_are_named(fake: FakeCaptioner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "MAX_PICTURES", 2)
    app = started([(f"{n}.png", photo(n)) for n in range(3)])
    assert "2\\.png" in app.warning[0].value
    assert "2 pictures captioned." in page_text(app)


def test_a_warning_stands_in_the_table_and_in_the_file(fake: FakeCaptioner) -> None:
    assert "warning" not in started([ONE, TWO]).dataframe[0].value
    fake.warnings = (make_warning(NOVELTY), make_warning(LOW_CONFIDENCE))
    app = started([ONE, TWO])
    both = f"{SENTENCES[NOVELTY]} {SENTENCES[LOW_CONFIDENCE]}"
    assert list(app.dataframe[0].value["warning"]) == [both] * 2
    assert [row["warning"] for row in rows(app.session_state["_batch"])] == [both] * 2


def test_a_reload_brings_back_what_the_browser_kept(
    fake: FakeCaptioner, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = BatchJob(results=[PictureResult("a.png", "a dog")], touched={0: AltText("A dog.", reviewed=True)})
    answers = iter([None, kept])
    monkeypatch.setattr(saved, "restore", lambda: next(answers))
    app = visitor.open_page("caption", several="1")
    assert texts.RESTORING in page_text(app)
    assert sentence(app) is None
    app.run()
    assert "1 picture captioned." in page_text(app)
    assert app.session_state["_batch"].alt_texts() == [AltText("A dog.", reviewed=True)]


def test_an_address_from_elsewhere_leads_to_one_picture(fake: FakeCaptioner) -> None:
    app = press(visitor.open_page("caption", several="1"), texts.CLOSE)
    assert sentence(app) == "a dog runs"
    assert results.ADDRESS not in app.query_params
