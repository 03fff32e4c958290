"""What many tests start from: a tiny Flickr8k, a bundle that runs, and the real data where there is any."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from captioner import flickr8k
from captioner.bundle import Bundle
from captioner.flickr8k import Dataset
from tests import tiny, tiny_flickr8k


@pytest.fixture(scope="session")
def kaggle_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Kaggle layout; not to be changed."""
    return tiny_flickr8k.kaggle(tmp_path_factory.mktemp("kaggle") / "flickr8k")


@pytest.fixture(scope="session")
def original_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The original layout; not to be changed."""
    return tiny_flickr8k.original(tmp_path_factory.mktemp("original") / "flickr8k")


@pytest.fixture(scope="session")
def tiny_dataset(kaggle_folder: Path) -> Dataset:
    """The official split: 8, 4 and 4 pictures."""
    return flickr8k.load(kaggle_folder)


@pytest.fixture(scope="session")
def kaggle_dataset(kaggle_folder: Path) -> Dataset:
    """The kaggle split: 14 and 2 pictures."""
    return flickr8k.load(kaggle_folder, "kaggle")


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A bundle that LiteRT runs; not to be changed."""
    return tiny.bundle(tmp_path_factory.mktemp("bundle") / "artifacts")


@pytest.fixture(scope="session")
def real_flickr8k() -> Path:
    """The real dataset's folder, where there is one."""
    folder = Path(os.environ.get("CAPTIONER_FLICKR8K") or "data/flickr8k")
    if not folder.is_dir():
        pytest.skip(f"no Flickr8k at {folder}; CAPTIONER_FLICKR8K names its folder")
    return folder


@pytest.fixture(scope="session")
def real_encoders() -> Path:
    """A folder of ImageNet weights, where there is one."""
    folder = Path(os.environ.get("CAPTIONER_ENCODERS") or "data/encoders")
    if not folder.is_dir():
        pytest.skip(f"no encoder weights at {folder}; CAPTIONER_ENCODERS names their folder")
    return folder
