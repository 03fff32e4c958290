"""The warning goes wherever the caption goes: on every page, into every file, to the command line."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from captioner import images
from captioner.__main__ import main
from captioner.app.batch import files
from captioner.app.caption import result
from captioner.app.review import results
from captioner.app.state import ratings_database
from captioner.app.state.session import DecodedImage
from captioner.inference.captioner import Captioner
from captioner.inference.warning import NOVELTY, SENTENCES
from tests import visitor
from tests.app.batch.test_alt_texts import drawn
from tests.inference.test_warning import Pictures, limited, novel_pictures
from tests.visitor import checked, page_text, press, upload

SENTENCE = SENTENCES[NOVELTY]


@pytest.fixture(scope="module")
def always_warning(tmp_path_factory: pytest.TempPathFactory) -> Captioner:
    """A model that runs, and to which every picture is novel."""
    return limited(tmp_path_factory.mktemp("wary") / "artifacts", 1.0, -99.0)


@pytest.fixture
def pages(use_captioner: Callable[[Captioner], Captioner], always_warning: Captioner) -> Captioner:
    """The pages on that model."""
    return use_captioner(always_warning)


Output = Callable[[Pictures, Captioner, Path, pytest.CaptureFixture[str]], list[str]]


def in_json(
    pictures: Pictures, captioner: Captioner, folder: Path, out: pytest.CaptureFixture[str]
) -> list[str]:
    assert main(["caption", *on_disk(pictures, folder), "--json", *bundle_of(captioner)]) == 0
    return [json.dumps(json.loads(line)["warnings"]) for line in out.readouterr().out.splitlines()]


def beside_the_captions(
    pictures: Pictures, captioner: Captioner, folder: Path, out: pytest.CaptureFixture[str]
) -> list[str]:
    assert main(["caption", *on_disk(pictures, folder), *bundle_of(captioner)]) == 0
    printed = out.readouterr()
    assert SENTENCE not in printed.out
    return [line for line in printed.err.splitlines() if any(f"{name}: " in line for name in pictures)]


def in_the_download(pictures: Pictures, captioner: Captioner, *_: object) -> list[str]:
    return [
        result.as_json(DecodedImage.decode(name, data), captioner.caption(images.read(data)))
        for name, data in pictures.items()
    ]


def on_the_caption_page(pictures: Pictures, *_: object) -> list[str]:
    app = visitor.open_page("caption")
    return [page_text(checked(upload(app, data, name))) for name, data in pictures.items()]


def on_both_sides_of_a_comparison(pictures: Pictures, *_: object) -> list[str]:
    app = visitor.open_page("caption", compare="1")
    result = [page_text(checked(upload(app, data, name))) for name, data in pictures.items()]
    return [text if text.count(SENTENCE) == 2 else "" for text in result]


def on_the_cards_of_many_pictures(pictures: Pictures, *_: object) -> list[str]:
    return [box.value for box in captioned(pictures).warning]


def in_the_table_of_many_pictures(pictures: Pictures, *_: object) -> list[str]:
    return list(captioned(pictures).dataframe[0].value["warning"])


def in_the_file_of_many_pictures(pictures: Pictures, *_: object) -> list[str]:
    text = files.to_csv(captioned(pictures).session_state["_batch"])
    return [row["warning"] for row in csv.DictReader(io.StringIO(text))]


def in_the_zip_of_many_pictures(pictures: Pictures, *_: object) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(files.to_zip(captioned(pictures).session_state["_batch"]))) as archive:
        records = json.loads(archive.read(files.JSON_NAME))
        beside = [record["text_file"].removesuffix("txt") + "warning.txt" for record in records]
        return [
            record["warning"] + archive.read(name).decode()
            for record, name in zip(records, beside, strict=True)
        ]


def in_the_alt_texts_of_many_pictures(pictures: Pictures, *_: object) -> list[str]:
    return [row["warning"] for row in drawn(captioned(pictures))]


def beside_the_picture_in_a_review(pictures: Pictures, *_: object) -> list[str]:
    app = reviewing(pictures)
    return [page_text(app)] + [page_text(press(app, "Next")) for _ in range(len(pictures) - 1)]


def in_the_file_of_a_review(pictures: Pictures, captioner: Captioner, *_: object) -> list[str]:
    app = reviewing(pictures)
    for _name in pictures:
        press(app, "Wrong")
    assert SENTENCE in page_text(app), "explained below the ratings"
    everybody = ratings_database.reviews().by_rater(str(app.query_params["session"]))
    text = results.to_file(everybody, captioner.bundle).decode("utf-8-sig")
    return [SENTENCES[row["warnings"]] for row in csv.DictReader(io.StringIO(text))]


def on_disk(pictures: Pictures, folder: Path) -> list[str]:
    for name, data in pictures.items():
        (folder / name).write_bytes(data)
    return [str(folder / name) for name in pictures]


def bundle_of(captioner: Captioner) -> list[str]:
    return ["--bundle", str(captioner.bundle.folder)]


def captioned(pictures: Pictures) -> AppTest:
    return checked(chosen(visitor.open_page("caption"), pictures))


def reviewing(pictures: Pictures) -> AppTest:
    return press(chosen(visitor.open_page("review"), pictures), "Start")


def chosen(app: AppTest, pictures: Pictures) -> AppTest:
    app.file_uploader[0].set_value([(name, data, "image/png") for name, data in pictures.items()]).run()
    return app


@pytest.mark.parametrize(
    "output",
    [
        in_json,
        beside_the_captions,
        in_the_download,
        on_the_caption_page,
        on_both_sides_of_a_comparison,
        on_the_cards_of_many_pictures,
        in_the_table_of_many_pictures,
        in_the_file_of_many_pictures,
        in_the_zip_of_many_pictures,
        in_the_alt_texts_of_many_pictures,
        beside_the_picture_in_a_review,
        in_the_file_of_a_review,
    ],
)
def test_the_warning_goes_wherever_the_caption_goes(
    output: Output, pages: Captioner, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = output(novel_pictures(), pages, tmp_path, capsys)
    assert [SENTENCE in text for text in result] == [True] * 10
