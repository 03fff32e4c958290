"""Karpathy's file agrees with the other layouts, and its faults are reported."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from captioner.data import flickr8k, karpathy
from captioner.errors import DatasetError
from tests import tiny_flickr8k

HIS = {"train": "train", "dev": "val", "test": "test"}


def written(folder: Path, images: Any) -> Path:
    (folder / karpathy.FILE).write_text(json.dumps({"images": images, "dataset": "flickr8k"}))
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


@pytest.mark.parametrize("split", flickr8k.SPLITS)
def test_it_equals_the_other_layouts(tmp_path: Path, split: str) -> None:
    other = tiny_flickr8k.kaggle(tmp_path / "kaggle")
    tiny_flickr8k.draw(tmp_path / "his" / "Images")
    his = written(tmp_path / "his", images())
    assert flickr8k.load(his, split).splits == flickr8k.load(other, split).splits


def test_its_splits_are_used_for_captions_without_lists(tmp_path: Path) -> None:
    folder = tiny_flickr8k.kaggle(tmp_path / "kaggle")
    expected = flickr8k.load(folder).splits
    for file in tiny_flickr8k.LISTS.values():
        (folder / file).unlink()
    assert flickr8k.load(written(folder, images())).splits == expected


def test_pictures_left_over_from_coco_are_trained_on(tmp_path: Path) -> None:
    path = written(tmp_path, [{**images()[0], "split": "restval"}]) / karpathy.FILE
    assert karpathy.names(path, "train") == [tiny_flickr8k.name(0)]


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"images": [{"filename": 1}]}', '{"images": 3}', "[" * 10**5]
)
def test_another_shape_is_a_sentence(tmp_path: Path, content: str) -> None:
    tiny_flickr8k.draw(tmp_path / "Images")
    (tmp_path / karpathy.FILE).write_text(content)
    with pytest.raises(DatasetError, match="should hold images"):
        flickr8k.load(tmp_path)
