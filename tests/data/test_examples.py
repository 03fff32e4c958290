"""Examples come from the first source that has any; without any of them there is a sentence."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from captioner.bundle import storage
from captioner.bundle.storage import Bundle
from captioner.data import examples
from captioner.data.examples import Example, find, spread
from captioner.errors import CaptionerError
from tests import tiny
from tests.fake_hub import FakeHub, connect

ROWS, GROUP = 40, 20


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    """A Hub with a dataset of the real one's columns and row groups, and no Flickr8k folder."""
    monkeypatch.setenv("CAPTIONER_FLICKR8K", str(tmp_path / "nothing"))
    monkeypatch.setattr(examples, "HUB_REVISION", "main")
    with FakeHub() as server:
        connect(server, monkeypatch, tmp_path / "hub-cache")
        data = table(tmp_path / "test.parquet")
        server.repository(examples.HUB_REPO, "datasets").commit("data", {examples.HUB_FILE: data})
        yield server


def picture(number: int) -> bytes:
    return bytes([number]) * 20_000


def table(path: Path) -> bytes:
    """Rows as the `datasets` library writes pictures: {bytes, path}, and one column a caption."""
    rows = [
        {
            "image": {"bytes": picture(row), "path": f"{row}_photo.jpg" if row % 2 else None},
            **{f"caption_{number}": f"caption {number} of {row} ." for number in range(5)},
        }
        for row in range(ROWS)
    ]
    parquet.write_table(pa.Table.from_pylist(rows), path, row_group_size=GROUP, compression="none")
    return path.read_bytes()


def flickr8k(folder: Path, images: int = 30) -> Path:
    """A folder in Flickr8k's original layout, a third of it test pictures."""
    names = [f"{number:03d}.jpg" for number in range(images)]
    (folder / "Images").mkdir(parents=True)
    for name in names:
        (folder / "Images" / name).write_bytes(name.encode())
    lines = [f"{name}#{n}\tcaption {n} of {name} ." for name in names for n in range(5)]
    (folder / "Flickr8k.token.txt").write_text("\n".join(lines))
    for start, split in enumerate(("train", "dev", "test")):
        (folder / f"Flickr_8k.{split}Images.txt").write_text("\n".join(names[start::3]))
    return folder


def own(folder: Path, **captions: list[str]) -> Bundle:
    pictures = {"examples/b.jpg": b"second", "examples/a.png": b"first"}
    references = {"examples/captions.json": json.dumps(captions)}
    return storage.write(folder, {**tiny.required_files(tiny.config()), **pictures, **references})


def test_the_bundles_own_come_first(tmp_path: Path) -> None:
    shipped = own(tmp_path / "artifacts", **{"b.jpg": ["a dog"]})
    result, sentence = find(shipped, folder=flickr8k(tmp_path / "data"), cache=tmp_path)
    assert [(example.name, example.references, example.read()) for example in result] == [
        ("a.png", (), b"first"),
        ("b.jpg", ("a dog",), b"second"),
    ]
    assert "the model’s own files" in sentence


def test_a_bundles_example_that_was_altered_is_not_given(tmp_path: Path) -> None:
    result, _ = find(own(tmp_path / "artifacts"))
    (tmp_path / "artifacts/examples/a.png").write_bytes(b"other")
    with pytest.raises(CaptionerError, match=r"a\.png"):
        result[0].read()


def test_then_the_test_pictures_of_a_local_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = flickr8k(tmp_path / "data")
    monkeypatch.setenv("CAPTIONER_FLICKR8K", str(folder))
    result, sentence = find(cache=tmp_path)
    assert [example.name for example in spread(result, 4)] == ["002.jpg", "008.jpg", "017.jpg", "023.jpg"]
    assert result[0].references == tuple(f"caption {number} of 002.jpg ." for number in range(5))
    assert result[0].read() == b"002.jpg"
    assert f"Flickr8k collection: {len(result)} photos that the model did not learn from" in sentence
    assert names(find(cache=tmp_path)[0]) == names(result)
    files = tiny.required_files(tiny.config()) | {"dataset.json": json.dumps(tiny.DATASET | {"name": "COCO"})}
    other, reason = find(storage.write(tmp_path / "coco", files), cache=tmp_path)
    assert (other, reason) == (
        (),
        f"No example pictures came with the model; {folder} holds Flickr8k, and the model learned from COCO.",
    )


def names(result: tuple[Example, ...]) -> list[str]:
    return [example.name for example in result]


def test_a_model_of_the_kaggle_split_gets_none_of_its_training_pictures(tmp_path: Path) -> None:
    kaggle = storage.write(tmp_path / "artifacts", tiny.required_files(tiny.config(split_name="kaggle")))
    result, _ = find(kaggle, folder=flickr8k(tmp_path / "data"), cache=tmp_path)
    assert names(result) == ["026.jpg", "027.jpg", "028.jpg", "029.jpg"]


def test_then_the_hub_of_which_only_one_part_is_fetched(server: FakeHub, tmp_path: Path) -> None:
    result, sentence = find(cache=tmp_path / "cache")
    assert examples.HUB_REPO in sentence
    assert len(result) == examples.EXAMPLE_COUNT
    first = next(example for example in result if example.name == "1_photo.jpg")
    assert first.read() == picture(1)
    assert first.references == tuple(f"caption {number} of 1 ." for number in range(5))
    assert "test-000.jpg" in names(result)
    assert server.sent < ROWS * 20_000 * 0.6


@pytest.mark.parametrize("name", ["data/test-00000-of-00002-0badc0de.parquet", "default/test/0000.parquet"])
def test_the_file_is_found_when_the_pinned_one_is_gone(
    server: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    before, _ = find(cache=tmp_path / "before")
    dataset = server.repository(examples.HUB_REPO, "datasets")
    moved = {examples.HUB_FILE: None, name: table(tmp_path / "test.parquet"), "data/train-0.parquet": b"0"}
    dataset.commit("upload anew", moved)
    by_name, _ = find(cache=tmp_path / "name")
    monkeypatch.setattr(examples, "HUB_REVISION", "0" * 40)
    by_revision, _ = find(cache=tmp_path / "revision")
    assert names(before) == names(by_name) == names(by_revision)


def test_what_the_hub_gave_is_kept(server: FakeHub, tmp_path: Path) -> None:
    before, _ = find(cache=tmp_path / "cache")
    server.stop()
    after, _ = find(cache=tmp_path / "cache")
    assert names(after) == names(before)
    assert [example.read() for example in after] == [example.read() for example in before]


@pytest.mark.parametrize("damage", ["", "{}", '{"gone.jpg": ["a"]}', '{"1_photo.jpg": "no list"}'])
def test_a_damaged_cache_is_fetched_again(server: FakeHub, tmp_path: Path, damage: str) -> None:
    before, _ = find(cache=tmp_path / "cache")
    (tmp_path / "cache/examples/main/captions.json").write_text(damage)
    assert names(find(cache=tmp_path / "cache")[0]) == names(before)


class TestNone:
    """No source has any: an empty tuple and one sentence that says why."""

    def why(self, tmp_path: Path) -> str:
        result, sentence = find(cache=tmp_path / "cache")
        assert (result, sentence.count("\n")) == ((), 0)
        assert "there is no Flickr8k folder" in sentence
        return sentence

    def test_an_unreachable_hub(self, server: FakeHub, tmp_path: Path) -> None:
        server.stop()
        assert "could not be reached" in self.why(tmp_path)

    def test_not_the_hub(self, server: FakeHub, tmp_path: Path) -> None:
        server.failing, server.status = ".*", 200  # with JSON that is not the Hub's
        assert "is not the Hugging Face Hub" in self.why(tmp_path)

    def test_no_dataset(self, server: FakeHub, tmp_path: Path) -> None:
        server.repositories.clear()
        assert "is not on the Hub" in self.why(tmp_path)

    def test_no_file(self, server: FakeHub, tmp_path: Path) -> None:
        moved: dict[str, bytes | None] = {
            examples.HUB_FILE: None,
            "data/train-0.parquet": b"",
            "test.csv": b"",
        }
        server.repository(examples.HUB_REPO, "datasets").commit("remove", moved)
        assert "no parquet file of test pictures" in self.why(tmp_path)

    def test_another_dataset(self, server: FakeHub, tmp_path: Path) -> None:
        parquet.write_table(pa.table({"image": [1], "caption_0": ["a"]}), tmp_path / "other.parquet")
        other = {examples.HUB_FILE: (tmp_path / "other.parquet").read_bytes()}
        server.repository(examples.HUB_REPO, "datasets").commit("change", {**other})
        assert "lacks the columns caption_1, caption_2, caption_3, caption_4" in self.why(tmp_path)

    def test_no_parquet(self, server: FakeHub, tmp_path: Path) -> None:
        server.repository(examples.HUB_REPO, "datasets").commit("page", {examples.HUB_FILE: b"<html>" * 100})
        assert "came damaged" in self.why(tmp_path)

    def test_too_much(self, server: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(examples, "MAX_BYTES", 1000)
        assert "more than is fetched" in self.why(tmp_path)
        assert server.sent < 100_000

    def test_no_place_to_keep_them(self, server: FakeHub, tmp_path: Path) -> None:
        (tmp_path / "cache").write_text("a file where the folder should be")
        assert "cannot be kept" in self.why(tmp_path)

    def test_a_folder_that_is_no_flickr8k(self, server: FakeHub, tmp_path: Path) -> None:
        server.stop()
        result, sentence = find(folder=tmp_path, cache=tmp_path / "cache")
        assert result == ()
        assert str(tmp_path) in sentence


@pytest.mark.parametrize(
    ("items", "count", "kept"), [(10, 3, (0, 3, 6)), (3, 5, (0, 1, 2)), (4, 0, ()), (0, 2, ())]
)
def test_spread_keeps_order_and_distance(items: int, count: int, kept: tuple[int, ...]) -> None:
    assert spread(range(items), count) == kept


def test_a_local_example_that_has_gone_is_a_sentence(tmp_path: Path) -> None:
    result, _ = find(folder=flickr8k(tmp_path / "data"), cache=tmp_path)
    (tmp_path / "data/Images" / result[0].name).unlink()
    with pytest.raises(CaptionerError, match="cannot be read"):
        result[0].read()
