"""Karpathy's ``dataset_flickr8k.json``: captions and the official splits in one file.

``{"images": [{"filename", "split", "sentences": [{"raw"}, …]}, …]}``. A. Karpathy, L. Fei-Fei,
"Deep Visual-Semantic Alignments for Generating Image Descriptions", CVPR 2015.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from captioner.errors import DatasetError

FILE = "dataset_flickr8k.json"
_SPLITS = {"train": ("train", "restval"), "dev": ("val",), "test": ("test",)}


def captions(path: Path) -> Iterator[tuple[str, str]]:
    """(image, caption) pairs.

    Raises:
        DatasetError: the file is unreadable or has another structure.
    """
    for image in _images(path):
        for sentence in image["sentences"]:
            yield image["filename"], " ".join(sentence["raw"].split())


def names(path: Path, split: str) -> list[str]:
    """Image names of a split (train, dev or test); raises as ``captions`` does."""
    return [image["filename"] for image in _images(path) if image["split"] in _SPLITS[split]]


def _images(path: Path) -> list[dict[str, Any]]:
    try:
        images: list[dict[str, Any]] = json.loads(path.read_bytes())["images"]
        valid = all(isinstance(image[key], str) for image in images for key in ("filename", "split")) and all(
            isinstance(sentence["raw"], str) for image in images for sentence in image["sentences"]
        )
    except OSError as error:
        raise DatasetError(f"{path} cannot be read ({error.strerror or error}).") from error
    except (ValueError, KeyError, TypeError, RecursionError):
        valid = False
    if not valid:
        raise DatasetError(
            f"{path} should hold images, each with filename, split and sentences. Download it again."
        )
    return images
