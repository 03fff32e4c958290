"""Karpathy's files of Flickr8k, Flickr30k and COCO: captions and splits in one.

``{"images": [{"filename", "filepath" (COCO), "split", "sentences": [{"raw"}, …]}, …]}``. A. Karpathy,
L. Fei-Fei, "Deep Visual-Semantic Alignments for Generating Image Descriptions", CVPR 2015.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from captioner.data import flickr8k
from captioner.errors import DatasetError


@dataclass(frozen=True)
class Source:
    """A dataset: its name, and what folders with its pictures are called."""

    name: str
    image_folders: tuple[str, ...]
    parts: bool = False  # several folders, of which the file names that of each image (``filepath``)


FLICKR8K_FILE = "dataset_flickr8k.json"
FILES = {
    FLICKR8K_FILE: Source(flickr8k.NAME, flickr8k.IMAGE_FOLDERS),
    "dataset_flickr30k.json": Source("Flickr30k", ("flickr30k-images", "flickr30k_images")),
    "dataset_coco.json": Source("COCO", ("train2014", "val2014"), parts=True),
}
_SPLITS = {"train": ("train", "restval"), "dev": ("val",), "test": ("test",)}


class _Sentence(msgspec.Struct, gc=False):
    raw: str


class _Image(msgspec.Struct):
    filename: str
    split: str
    sentences: list[_Sentence]
    filepath: str = ""

    @property
    def name(self) -> str:
        """As ``train2014/COCO_train2014_000000000009.jpg``; without a folder where the file names none."""
        return f"{self.filepath}/{self.filename}" if self.filepath else self.filename


class _File(msgspec.Struct):
    images: list[_Image]


@dataclass(frozen=True)
class Annotations:
    """What one of the files says."""

    images: Sequence[_Image]

    def captions(self) -> Iterator[tuple[str, str]]:
        """(image, caption) pairs."""
        for image in self.images:
            for sentence in image.sentences:
                yield image.name, " ".join(sentence.raw.split())

    def names(self, split: str) -> list[str]:
        """Image names of a split (train, dev or test)."""
        return [image.name for image in self.images if image.split in _SPLITS[split]]


def read(path: Path) -> Annotations:
    """Read one of ``FILES``. Of COCO's 144 MB only what is needed becomes objects.

    Raises:
        DatasetError: the file is unreadable or has another structure.
    """
    try:
        return Annotations(msgspec.json.decode(path.read_bytes(), type=_File).images)
    except OSError as error:
        raise DatasetError(f"{path} cannot be read ({error.strerror or error}).") from error
    except (msgspec.MsgspecError, RecursionError) as error:
        raise DatasetError(
            f"{path} should hold images, each with filename, split and sentences. Download it again."
        ) from error
