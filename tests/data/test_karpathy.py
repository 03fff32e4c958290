"""Karpathy's file agrees with the other layouts, and its faults are reported."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from captioner.data import datasets, karpathy
from captioner.errors import DatasetError
from tests import tiny_flickr8k

HIS = {"train": "train", "dev": "val", "test": "test"}


def written(folder: Path, images: Any, file: str = karpathy.FLICKR8K_FILE) -> Path:
    (folder / file).write_text(json.dumps({"images": images, "dataset": "as he calls it"}))
    return folder


def images() -> list[dict[str, Any]]:
    return [
        {
            "filename": name,
            "split": HIS[split],
            "sentences": [{"raw": caption, "tokens": []} for caption in tiny_flickr8k.ALL[name]],
        }
        for split in HIS
        for name in tiny_flickr8k.names(split)
    ]


@pytest.mark.parametrize("split", datasets.SPLITS)
def test_it_equals_the_other_layouts(tmp_path: Path, split: str) -> None:
    other = tiny_flickr8k.kaggle(tmp_path / "kaggle")
    tiny_flickr8k.draw(tmp_path / "his" / "Images")
    his = written(tmp_path / "his", images())
    assert datasets.load(his, split).splits == datasets.load(other, split).splits


def test_its_splits_are_used_for_captions_without_lists(tmp_path: Path) -> None:
    folder = tiny_flickr8k.kaggle(tmp_path / "kaggle")
    expected = datasets.load(folder).splits
    for file in tiny_flickr8k.LISTS.values():
        (folder / file).unlink()
    assert datasets.load(written(folder, images())).splits == expected


def test_flickr30k_is_found_beside_his_other_files(tmp_path: Path) -> None:
    """They come in one ZIP file."""
    tiny_flickr8k.draw(tmp_path / "data" / "flickr30k-images")
    written(written(tmp_path, []), images(), "dataset_flickr30k.json")
    dataset = datasets.load(tmp_path)
    assert (dataset.name, [*map(len, dataset.splits.values())]) == ("Flickr30k", [8, 4, 4])
    assert dataset.path(tiny_flickr8k.name(0)) == tmp_path / "data/flickr30k-images" / tiny_flickr8k.name(0)


def test_coco_has_two_folders_and_all_that_is_left_over_is_trained_on(tmp_path: Path) -> None:
    tiny_flickr8k.draw(tmp_path / "coco" / "train2014")
    tiny_flickr8k.draw(tmp_path / "coco" / "val2014")
    his = [{**image, "filepath": "train2014", "split": "train", "cocoid": 9} for image in images()[:3]]
    his += [{**image, "filepath": "val2014"} for image in images()]
    his[3]["split"] = "restval"
    dataset = datasets.load(written(tmp_path, his, "dataset_coco.json"))
    assert dataset.name == "COCO"
    assert [*dataset.splits["train"]][2:4] == [
        f"{part}/{tiny_flickr8k.name(number)}" for part, number in (("train2014", 2), ("val2014", 0))
    ]
    assert [*map(len, dataset.splits.values())] == [11, 4, 4]
    assert all(dataset.path(name).is_file() for part in dataset.splits.values() for name in part)
    assert datasets.load(tmp_path, "kaggle").name == "COCO"


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"images": [{"filename": 1}]}', '{"images": 3}', "[" * 10**5]
)
def test_another_shape_is_a_sentence(tmp_path: Path, content: str) -> None:
    tiny_flickr8k.draw(tmp_path / "Images")
    (tmp_path / karpathy.FLICKR8K_FILE).write_text(content)
    with pytest.raises(DatasetError, match="should hold images"):
        datasets.load(tmp_path)
