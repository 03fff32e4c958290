"""All layouts give the same data, splits never overlap, and faults of a folder are reported."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import pytest

from captioner.data import datasets
from captioner.data.datasets import Dataset
from captioner.errors import DatasetError
from tests import tiny_flickr8k
from tests.tiny_flickr8k import LISTS, name, names

LAYOUTS = {"kaggle": "captions.txt", "original": "Flickr8k_text/Flickr8k.token.txt"}


@pytest.fixture(params=LAYOUTS)
def layout(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def folder(layout: str, kaggle_folder: Path, original_folder: Path, tmp_path: Path) -> Path:
    """A copy of either layout, to be spoilt."""
    source = kaggle_folder if layout == "kaggle" else original_folder
    return shutil.copytree(source, tmp_path / "flickr8k")


@pytest.fixture
def text(layout: str, folder: Path) -> Path:
    """The copy's file of captions."""
    return folder / LAYOUTS[layout]


@pytest.fixture
def row(layout: str) -> Callable[[str, str], str]:
    """One caption as a line of that file."""
    separator = {"kaggle": ",", "original": "#0\t"}[layout]
    return lambda picture, caption: f"{picture}{separator}{caption}\n"


def listed(folder: Path, split: str) -> Path:
    return next(folder.rglob(LISTS[split]))


def append(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(text)


def test_both_layouts_hold_the_same(kaggle_folder: Path, original_folder: Path) -> None:
    one, other = datasets.load(kaggle_folder), datasets.load(original_folder)

    assert one.splits == other.splits
    assert one.fingerprint == other.fingerprint
    assert {split: list(images) for split, images in one.splits.items()} == {
        split: names(split) for split in LISTS
    }
    assert all(one.splits[s][n] == tiny_flickr8k.ALL[n] for s in one.splits for n in one.splits[s])
    assert one.skipped == ()


@pytest.mark.parametrize("split", datasets.SPLITS)
def test_no_picture_is_in_two_splits(folder: Path, split: str) -> None:
    dataset = datasets.load(folder, split)
    for one, other in combinations(dataset.splits.values(), 2):
        assert not one.keys() & other.keys()
    assert all(dataset.path(n).is_file() for images in dataset.splits.values() for n in images)


def test_the_kaggle_split_is_by_file_name(folder: Path) -> None:
    """The first 85 % of the names in order, whatever the order of the captions."""
    dataset = datasets.load(folder, "kaggle")
    everything = sorted(tiny_flickr8k.ALL)

    assert list(dataset.splits["train"]) == everything[:14]
    assert list(dataset.splits["dev"]) == everything[14:]
    assert "test" not in dataset.splits


def test_the_kaggle_split_needs_no_lists(folder: Path) -> None:
    for split in LISTS:
        listed(folder, split).unlink()
    assert datasets.load(folder, "kaggle").splits
    with pytest.raises(DatasetError, match=r"lacks Flickr_8k\.trainImages\.txt.*--split-name kaggle"):
        datasets.load(folder)


@pytest.mark.parametrize("above", ["flickr8k", "a/flickr8k"])
def test_a_dataset_is_found_below_the_folder(folder: Path, tmp_path: Path, above: str) -> None:
    expected = datasets.load(folder).fingerprint
    shutil.copytree(folder, tmp_path / "new" / above)
    assert datasets.load(tmp_path / "new").fingerprint == expected


def test_pictures_may_lie_beside_the_captions(kaggle_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(kaggle_folder / "Images", tmp_path / "flat")
    for file in ("captions.txt", *LISTS.values()):
        shutil.copy(kaggle_folder / file, tmp_path / "flat")
    assert datasets.load(tmp_path / "flat").splits == datasets.load(kaggle_folder).splits


def test_a_closed_folder_is_passed_by(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "closed").mkdir()
    iterdir = Path.iterdir

    def refuse(path: Path) -> object:
        if path.name == "closed":
            raise PermissionError(13, "Permission denied")
        return iterdir(path)

    monkeypatch.setattr(Path, "iterdir", refuse)
    listed(folder, "train").unlink()  # so that every folder is looked through
    with pytest.raises(DatasetError, match="lacks"):
        datasets.load(folder)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_real_encodings_are_read(text: Path, folder: Path, encoding: str, end: str) -> None:
    content = text.read_text("utf-8").replace("Somebody's", "A café’s").replace("\n", end)
    text.write_bytes(content.encode(encoding))
    result = datasets.load(folder).splits["train"][name(0)]

    assert result[3] == "A café’s ball : red !"


def test_odd_characters_do_not_cut_a_caption(
    text: Path, folder: Path, row: Callable[[str, str], str]
) -> None:
    append(text, row(name(0), "a dog\u2028runs\x85fast"))
    assert datasets.load(folder).splits["train"][name(0)][-1] == "a dog\u2028runs\x85fast"


@pytest.mark.parametrize(
    ("picture", "caption", "sentence"),
    [
        ("absent.jpg", "a dog", "1 captions for pictures that are not there, such as absent.jpg"),
        (f"{name(0)}.1", "a dog", f"such as {name(0)}.1"),
        (name(1), "", f"1 captions without a word, such as {name(1)}"),
        (name(1), " . ", "captions without a word"),
        ("a line that is no caption", "", "such as a line that is no caption"),
    ],
)
def test_odd_captions_are_counted(
    text: Path, folder: Path, row: Callable[[str, str], str], picture: str, caption: str, sentence: str
) -> None:
    before = datasets.load(folder)
    append(text, "\n" + (row(picture, caption) if caption or picture in tiny_flickr8k.ALL else picture))
    after = datasets.load(folder)

    assert sentence in " ".join(after.skipped)
    assert after.splits == before.splits


@pytest.mark.parametrize("split", datasets.SPLITS)
def test_captions_in_another_script_are_refused_and_a_few_left_out(
    text: Path, folder: Path, row: Callable[[str, str], str], split: str
) -> None:
    """Of 80 captions that have words, whatever the split's own rules are: those that score have only a–z."""
    before = datasets.load(folder, split)
    append(text, 8 * row(name(1), "собака бежит"))
    after = datasets.load(folder, split)
    assert (after.splits, after.skipped) == (
        before.splits,
        (f"skipped 8 captions without a word, such as {name(1)}",),
    )
    append(text, row(name(1), "犬"))
    with pytest.raises(DatasetError, match=r"^9 captions in .* letters a–z, such as 'собака бежит'.*English"):
        datasets.load(folder, split)


def test_a_picture_that_is_not_there_is_counted(folder: Path) -> None:
    datasets.load(folder).path(name(2)).unlink()
    result = datasets.load(folder)

    assert name(2) not in result.splits["train"]
    assert any("5 captions for pictures that are not there" in sentence for sentence in result.skipped)
    assert any(
        f"1 listed in a split without a picture or a caption, such as {name(2)}" in s for s in result.skipped
    )


def test_a_name_listed_twice_counts_once(folder: Path) -> None:
    append(listed(folder, "train"), f"{name(2)}\n\n")
    result = datasets.load(folder)

    assert list(result.splits["train"]) == names("train")
    assert "1 repetitions of a name in its split" in " ".join(result.skipped)


def test_a_name_listed_in_two_splits_is_refused(folder: Path) -> None:
    append(listed(folder, "test"), f"{name(2)}\n")
    with pytest.raises(DatasetError, match=f"{name(2)} is listed in both the train and the test split"):
        datasets.load(folder)


def test_an_empty_split_is_refused(folder: Path) -> None:
    listed(folder, "dev").write_text("")
    with pytest.raises(DatasetError, match="no picture of the dev split"):
        datasets.load(folder)


def test_captions_of_other_pictures_are_refused(text: Path, folder: Path) -> None:
    text.write_text(text.read_text("utf-8").replace("_picture.jpg", ".png"), "utf-8")
    with pytest.raises(DatasetError, match=r"no caption in .+ belongs to a picture in"):
        datasets.load(folder)


@pytest.mark.parametrize("content", [b"", b"name,text\na.jpg,a dog\n", "image,caption\n".encode("utf-16")])
def test_another_table_is_refused(kaggle_folder: Path, tmp_path: Path, content: bytes) -> None:
    folder = shutil.copytree(kaggle_folder, tmp_path / "flickr8k")
    (folder / "captions.txt").write_bytes(content)
    with pytest.raises(DatasetError, match="should begin with the line image,caption"):
        datasets.load(folder)


def test_an_unclosed_quotation_mark_is_reported(kaggle_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(kaggle_folder, tmp_path / "flickr8k")
    append(folder / "captions.txt", f'{name(0)},"' + "a dog runs\n" * 20_000)
    with pytest.raises(DatasetError, match="is not a table of images and captions"):
        datasets.load(folder)


@pytest.mark.parametrize(
    ("missing", "sentence"),
    [
        ("captions.txt", r"holds neither captions\.txt nor Flickr8k\.token\.txt"),
        ("Images", "has no folder of .jpg pictures"),
        (".", "there is no dataset folder .* --data"),
    ],
)
def test_what_is_missing_is_named(kaggle_folder: Path, tmp_path: Path, missing: str, sentence: str) -> None:
    folder = shutil.copytree(kaggle_folder, tmp_path / "flickr8k")
    gone = folder / missing
    gone.unlink() if gone.is_file() else shutil.rmtree(gone)
    with pytest.raises(DatasetError, match=sentence):
        datasets.load(folder)


def test_an_unknown_split_is_refused(kaggle_folder: Path) -> None:
    with pytest.raises(DatasetError, match="official, kaggle; got 'karpathy'"):
        datasets.load(kaggle_folder, "karpathy")


def test_the_fingerprint_follows_captions_and_splits(tiny_dataset: Dataset, kaggle_folder: Path) -> None:
    result = {
        tiny_dataset.fingerprint,
        datasets.load(kaggle_folder, "kaggle").fingerprint,
        tiny_dataset.limited(3).fingerprint,
        tiny_dataset.without({name(0)}, "gone").fingerprint,
    }
    assert len(result) == 4
    assert datasets.load(kaggle_folder).fingerprint == tiny_dataset.fingerprint


def test_pictures_are_left_out_with_a_reason(tiny_dataset: Dataset) -> None:
    left = tiny_dataset.without({name(0), name(9)}, "pictures that bore")

    assert list(left.splits["train"]) == names("train")[1:]
    assert name(9) not in left.splits["dev"]
    assert left.skipped == (f"skipped 2 pictures that bore, such as {name(0)}",)
    assert tiny_dataset.without((), "nothing") == tiny_dataset
    with pytest.raises(DatasetError, match=r"no picture of the dev split is left .*that cannot be read"):
        tiny_dataset.without(names("dev"), "that cannot be read")


@pytest.mark.parametrize(("limit", "sizes"), [(1, [1, 2, 2]), (6, [6, 2, 2]), (100, [8, 4, 4])])
def test_a_limit_takes_the_first_of_each_split(tiny_dataset: Dataset, limit: int, sizes: list[int]) -> None:
    result = tiny_dataset.limited(limit)

    assert [len(members) for members in result.splits.values()] == sizes
    assert all(list(result.splits[s]) == names(s)[: len(result.splits[s])] for s in LISTS)


def test_the_real_data_is_whole(real_flickr8k: Path) -> None:
    dataset = datasets.load(real_flickr8k)

    assert [len(images) for images in dataset.splits.values()] == [6000, 1000, 1000]
    assert all(len(captions) == 5 for images in dataset.splits.values() for captions in images.values())
    assert {
        split: len(images) for split, images in datasets.load(real_flickr8k, "kaggle").splits.items()
    } == {
        "train": round(0.85 * 8000),
        "dev": 8000 - round(0.85 * 8000),
    }
