"""The review page with a captioner that has no model."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from captioner.app.components import rating_buttons, wording
from captioner.app.review import rating, results, texts
from captioner.app.review.session_file import COLUMNS, from_csv, to_csv
from captioner.app.state import ratings_database, serving, uploads
from captioner.bundle import storage as bundles
from captioner.bundle.storage import Bundle
from captioner.data.examples import Example
from captioner.feedback.session import Item, ReviewSession
from tests import tiny, visitor
from tests.conftest import UseCaptioner, example_pictures
from tests.fake_captioner import FakeCaptioner, photo
from tests.visitor import checked, page_text, press, text_input

NAMES = [f"{number}.png" for number in range(7)]
SCORED = "".join(f"{name},a dog runs,-2,-1,0,0,{number}.5\n" for number, name in enumerate(NAMES))


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    """With a score of the fake's caption for every picture."""
    table = f"image,caption,log_prob,score,bleu4,rouge_l,cider\n{SCORED}"
    return bundles.write(
        tmp_path / "artifacts", tiny.required_files(tiny.config()) | {"predictions.csv": table}
    )


@pytest.fixture
def fake(use_captioner: UseCaptioner[FakeCaptioner], bundle: Bundle) -> FakeCaptioner:
    """Stands in for the model; seven example pictures are there."""
    return use_captioner(FakeCaptioner(bundle), example_pictures(*NAMES))


@pytest.fixture
def bare(use_captioner: UseCaptioner[FakeCaptioner], bundle: Bundle) -> FakeCaptioner:
    """No pictures are there."""
    return use_captioner(FakeCaptioner(bundle))


def open_page(key: str | None = None) -> AppTest:
    return checked(visitor.open_page("review", **({"session": key} if key else {})))


def key(app: AppTest) -> str:
    return str(app.query_params["session"])


def stored(app: AppTest) -> ReviewSession:
    session = ratings_database.reviews().by_rater(key(app)).get("")
    assert session
    return session


def started(count: int = 5) -> AppTest:
    app = open_page()
    app.slider[0].set_value(count).run()
    return press(app, "Start")


def headings(app: AppTest) -> list[str]:
    return [header.value for header in app.header]


def test_a_session_leads_from_picture_to_picture_to_its_result(fake: FakeCaptioner) -> None:
    app = started()
    assert "“a dog runs”" in headings(app)
    for number, label in enumerate(("Right", "Partly", "Wrong", "Right"), start=1):
        press(app, label)
        assert f"Picture {number + 1} of 5" in page_text(app)
        assert "So far" in headings(app)
    press(app, "Right")
    assert "Your result" in headings(app)
    assert "**3 of 5 captions right: 60 %.** If you rated very many" in page_text(app)
    assert "between 23 % and 88 %" in page_text(app)
    assert "Right or partly right: 4 of 5, 80 %" in page_text(app)


def test_examples_are_chosen_at_random_without_repetition(fake: FakeCaptioner) -> None:
    chosen = [[item.image for item in stored(started()).items] for _ in range(8)]
    assert all(len(set(names)) == 5 for names in chosen)
    assert len({tuple(names) for names in chosen}) > 1


def test_the_models_certainty_is_hidden_until_the_result(fake: FakeCaptioner) -> None:
    app = started()
    assert wording.CHECK_IT not in page_text(app)
    assert wording.CHECK_IT in page_text(press(press(press(app, "Right"), "Wrong"), "Back"))


def test_a_rating_can_be_changed_and_have_a_remark(fake: FakeCaptioner) -> None:
    app = press(press(started(), "Right"), "Back")
    assert "You rated it **right**" in page_text(app)
    text_input(app, rating_buttons.REMARK).set_value("a goat, rather").run()
    press(app, "Wrong")
    first = stored(app).items[0]
    assert (first.rating, first.remark, first.caption) == ("wrong", "a goat, rather", "a dog runs")
    assert len(stored(app).rated) == 1


def test_the_keys_that_rate_can_be_switched_off_for_the_whole_visit(fake: FakeCaptioner) -> None:
    def keys(app: AppTest) -> list[str]:
        labels = ("Right", "Partly", "Wrong")
        return [button.proto.shortcut for button in app.button if button.label in labels]

    app = started()
    assert keys(app) == ["1", "2", "3"]
    app.toggle[0].set_value(False).run()
    assert keys(app) == [""] * 3
    assert keys(press(app, "Right")) == [""] * 3
    assert keys(press(press(app, "New review session"), "Start")) == [""] * 3


def test_back_and_next_go_around(fake: FakeCaptioner) -> None:
    app = press(started(), "Back")
    assert "Picture 5 of 5" in page_text(app)
    assert "Picture 1 of 5" in page_text(press(app, "Next"))


def test_ratings_survive_a_reload_by_their_link(
    fake: FakeCaptioner, bundle: Bundle, use_captioner: UseCaptioner[FakeCaptioner]
) -> None:
    first = press(started(), "Right")
    use_captioner(FakeCaptioner(tiny.rated(bundle)), example_pictures(*NAMES))  # the same model
    again = open_page(key(first))
    assert "Picture 2 of 5" in page_text(again)
    press(again, "Wrong")
    assert len(stored(first).rated) == 2


def test_a_link_with_the_old_name_leads_to_its_session(fake: FakeCaptioner) -> None:
    first = press(started(), "Right")
    again = checked(visitor.open_page("review", sitting=key(first)))
    assert key(again) == key(first)
    assert "sitting" not in again.query_params
    assert "Picture 2 of 5" in page_text(again)


def test_a_session_that_is_gone_is_explained(fake: FakeCaptioner) -> None:
    app = open_page("nobody-knows")
    assert "is not here" in app.warning[0].value
    assert not press(app, "Start").warning


def test_a_new_session_leaves_the_link(fake: FakeCaptioner) -> None:
    assert "session" not in (app := press(started(), "New review session")).query_params
    assert any(button.label == "Start" for button in app.button)


def test_ratings_are_compared_with_automatic_scores(fake: FakeCaptioner) -> None:
    app = started(7)
    items = stored(app).items
    for item in items:  # rated in the order of their CIDEr
        press(app, "Right" if item.image > "3.png" else "Wrong")
    assert "in **100 %** of 12 pairs" in page_text(app)
    assert "in **50 %** of 12 pairs" in page_text(app)  # the fake is as sure of each
    charts = [chart.proto.alt for chart in app.get("vega_lite_chart")]
    assert [chart.split(" ")[0] for chart in charts] == ["Shares", "CIDEr"]
    assert "Average CIDEr: 5.50 (right), 2.00 (wrong)" in charts[1]
    assert len(app.table[0].value) == 7


def test_uploads_can_be_reviewed_and_a_bad_one_does_not_stop_the_rest(bare: FakeCaptioner) -> None:
    app = open_page()
    assert texts.WHY_NO_EXAMPLES in [box.label for box in app.expander]
    app.file_uploader[0].set_value(
        [
            ("image.jpg", photo(1), "image/png"),
            ("b.png", b"x", "image/png"),
            ("image.jpg", photo(2), "image/png"),
        ]
    ).run()
    next(button for button in app.button if button.label == "Start").click().run()
    assert [error.value.split(":")[0] for error in app.error] == ["Left out"]
    assert "b\\.png" in app.error[0].value
    assert [item.image for item in stored(app).items] == ["picture 1", "picture 2"]
    press(app, "Right")
    assert texts.TOO_FEW in page_text(press(app, "Wrong"))


def test_a_session_takes_no_more_bytes_than_there_is_room_for(
    bare: FakeCaptioner, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = open_page()
    assert app.file_uploader[0].label == "Upload photographs, up to 100 and 50 MB in all"
    monkeypatch.setattr(uploads, "MAX_SESSION_BYTES", len(photo(0)) + len(photo(1)))
    app = open_page()
    app.file_uploader[0].set_value([(f"{n}.png", photo(n), "image/png") for n in range(3)]).run()
    assert "Only the first 2 of them are taken: a review session takes up to 100 and" in page_text(app)
    assert len(stored(press(app, "Start")).items) == 2


def test_uploads_are_asked_for_again_after_a_reload(bare: FakeCaptioner) -> None:
    app = open_page()
    app.file_uploader[0].set_value([("mine.png", photo(1), "image/png")]).run()
    assert app.info[0].value == texts.NOT_SEEN_BY_OTHERS
    again = open_page(key(press(app, "Start")))
    assert "Uploads are not stored" in again.info[0].value
    assert all(button.disabled for button in again.button if button.label in ("Right", "Partly", "Wrong"))
    again.file_uploader[0].set_value([("other.png", photo(2), "image/png")]).run()
    assert "another picture" in page_text(checked(again))
    again.file_uploader[0].set_value([("renamed.png", photo(1), "image/png")]).run()
    assert not checked(again).info
    assert stored(press(again, "Right")).done


def test_only_pictures_of_the_session_come_back_and_none_is_captioned_again(
    bare: FakeCaptioner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rating, "MAX_PICTURES", 2)
    app = open_page()
    app.file_uploader[0].set_value([(f"{n}.png", photo(n), "image/png") for n in (1, 2)]).run()
    press(app, "Start")
    again, captioned = open_page(key(app)), len(bare.decoded)
    again.file_uploader[0].set_value([(f"{n}.png", photo(n), "image/png") for n in range(6)]).run()
    assert not checked(again).info
    assert len(again.session_state["reviewed"]) == 2
    assert not press(again, "Next").info
    assert len(bare.decoded) == captioned


def test_a_example_that_cannot_be_read_is_passed_over(
    fake: FakeCaptioner, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    torn = Example("0.png", "a test", (), lambda: b"torn")
    monkeypatch.setattr(serving, "examples", lambda: ({"0.png": torn}, "Pictures from a test."))
    app = checked(
        load(open_page(), to_csv({"": ReviewSession(bundle.checksum, (Item("0.png"), Item("1.png")))}, {}))
    )
    assert "not on this server" in app.info[0].value
    assert "Picture 2 of 2" in page_text(press(app, "Next"))


def test_nothing_of_a_picture_is_in_the_servers_memory(bare: FakeCaptioner) -> None:
    app = open_page()
    app.file_uploader[0].set_value([("mine.png", photo(1), "image/png")]).run()
    press(app, "Start")
    assert all(isinstance(value, str | float) for value in vars(stored(app).items[0]).values())


def load(app: AppTest, data: bytes) -> AppTest:
    app.file_uploader[-1].set_value(("ratings.csv", data, "text/csv")).run()
    assert not app.exception
    return app


def test_a_downloaded_file_continues_where_it_stopped(fake: FakeCaptioner) -> None:
    first = press(started(), "Right")
    file = to_csv({"": stored(first)}, {})
    again = checked(load(open_page(), file))
    assert key(again) != key(first)
    assert stored(again) == stored(first)
    assert "Picture 2 of 5" in page_text(again)
    press(again, "New review session")
    assert "session" not in again.query_params  # the file is not loaded a second time


def test_the_download_holds_the_scores(fake: FakeCaptioner, bundle: Bundle) -> None:
    session = stored(press(started(), "Right"))
    lines = results.to_file({"": session}, bundle).decode("utf-8-sig").splitlines()
    row = dict(zip(COLUMNS, lines[1].split(","), strict=True))
    assert row["cider"] == f"{row['image'][0]}.5"
    assert from_csv("\n".join(lines).encode()) == {"": session}


def test_a_file_of_something_else_is_explained(fake: FakeCaptioner) -> None:
    app = load(open_page(), b"name,age\nx,3\n")
    assert app.error[0].value.startswith("The file is no saved review session: it has no column")
    assert any(button.label == "Start" for button in app.button)


def test_ratings_of_another_model_are_shown_and_not_mixed(fake: FakeCaptioner) -> None:
    other = ReviewSession("f" * 64, (Item("0.png", "", "a cat", -3.0, "right"), Item("1.png")))
    app = checked(load(open_page(), to_csv({"": other}, {})))
    assert "about another model" in app.info[0].value
    assert "1 of 1 caption right" in page_text(app)
    assert not any(button.label == "Right" for button in app.button)


def test_a_picture_that_is_not_on_this_server_can_be_passed_over(fake: FakeCaptioner, bundle: Bundle) -> None:
    elsewhere = ReviewSession(bundle.checksum, (Item("gone.png"), Item("0.png")))
    app = checked(load(open_page(), to_csv({"": elsewhere}, {})))
    assert "not on this server" in app.info[0].value
    assert "“a dog runs”" in headings(press(app, "Next"))


def test_a_session_that_is_lost_while_it_is_open_is_explained(
    fake: FakeCaptioner, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    app = started()
    monkeypatch.setenv("CAPTIONER_DATABASE", f"sqlite:///{tmp_path}/another.sqlite")
    press(app, "Right")
    assert "is not here" in app.warning[0].value
