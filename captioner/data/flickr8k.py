"""A Flickr8k folder → ``{split: {image: (caption, …)}}``.

The layout is detected, up to three folders deep:

    Kaggle      Images/             captions.txt (``image,caption``)
    original    Flicker8k_Dataset/  Flickr8k.token.txt (``name.jpg#0<TAB>caption``)
    Karpathy    either of these     dataset_flickr8k.json

The official split needs Flickr_8k.{train,dev,test}Images.txt or Karpathy's file in addition.

M. Hodosh, P. Young, J. Hockenmaier, "Framing Image Description as a Ranking Task", JAIR 47 (2013).
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from captioner.data import karpathy
from captioner.errors import DatasetError
from captioner.text import words

SPLITS = ("official", "kaggle")
HELD_OUT = "held-out"
LISTS = {
    "train": "Flickr_8k.trainImages.txt",
    "dev": "Flickr_8k.devImages.txt",
    "test": "Flickr_8k.testImages.txt",
}
MAX_WORDLESS_SHARE = 0.1  # largest share of captions without a word; Flickr8k has none
KAGGLE_TRAIN_SHARE = 0.85
KAGGLE_HANDLE = "shadabhussain/flickr8k"  # the mirror that carries the official split lists

_CAPTION_FILES = ("captions.txt", "Flickr8k.token.txt", karpathy.FILE)
_IMAGE_FOLDERS = ("Images", "images", "Flicker8k_Dataset", "Flickr8k_Dataset")
_DEPTH = 3

ReferenceCaptions = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Dataset:
    """Captions by split and image name; ``skipped`` lists in sentences what was left out.

    Raises:
        DatasetError: a split is empty.
    """

    images: Path
    split_name: str  # official or kaggle: which pictures are in which split
    splits: Mapping[str, ReferenceCaptions]
    skipped: tuple[str, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        if empty := [split for split, images in self.splits.items() if not images]:
            raise DatasetError(
                f"no picture of the {empty[0]} split is left in {self.images} "
                f"({'; '.join(self.skipped) or 'none has a caption'}). Download the dataset again."
            )

    def require_split(self, name: str) -> None:
        """Raise ``DatasetError`` unless the images are divided by the split that a model was trained on."""
        if self.split_name != name:
            raise DatasetError(
                f"this model was trained on the {name} split, not on the {self.split_name} split."
            )

    def path(self, name: str) -> Path:
        """Path of an image."""
        return self.images / name

    @property
    def fingerprint(self) -> str:
        """SHA-256 over split, picture names and captions."""
        plain = {
            split: {name: list(captions) for name, captions in images.items()}
            for split, images in self.splits.items()
        }
        return hashlib.sha256(json.dumps([self.split_name, plain]).encode()).hexdigest()

    def without(self, names: Collection[str], reason: str) -> Dataset:
        """The dataset without some images; the reason is added to ``skipped``."""
        splits = {s: {n: c for n, c in images.items() if n not in names} for s, images in self.splits.items()}
        return replace(self, splits=splits, skipped=(*self.skipped, *_skipped(sorted(names), reason)))

    def limited(self, limit: int) -> Dataset:
        """The first ``limit`` training pictures; a sixth of it, at least 2, of the other splits."""
        counts = {split: limit if split == "train" else max(2, limit // 6) for split in self.splits}
        splits = {split: dict(list(images.items())[: counts[split]]) for split, images in self.splits.items()}
        return replace(self, splits=splits)

    def held_out(self, count: int, seed: int) -> Dataset:
        """The dataset with ``count`` training images moved to a further split, ``held-out``.

        Images are ordered by a hash of seed and name, independent of the other images. So an image trained on
        in a ``limited`` dataset is never among the ``count`` held out of the full one.

        Raises:
            DatasetError: nothing would be left to train on.
        """
        train = self.splits["train"]
        if count >= len(train):
            raise DatasetError(f"{count} of {len(train)} training pictures cannot be held out. Name fewer.")
        order = sorted(train, key=lambda name: hashlib.sha256(f"{seed}:{name}".encode()).digest())
        selected = set(order[:count])
        remaining = {name: captions for name, captions in train.items() if name not in selected}
        held_out = {name: captions for name, captions in train.items() if name in selected}
        return replace(self, splits={**self.splits, "train": remaining, HELD_OUT: held_out})


def load(folder: str | Path, split_name: str = "official") -> Dataset:
    """Read captions and split a dataset folder.

    Args:
        folder: holds the pictures and the text files, in any layout.
        split_name: ``official`` (6,000/1,000/1,000 lists; train, dev, test) or ``kaggle`` (pictures in
            file-name order, the first 85 % train, the rest dev).

    Raises:
        DatasetError: something needed is missing or unreadable.
    """
    if split_name not in SPLITS:
        raise DatasetError(f"the split must be one of {', '.join(SPLITS)}; got {split_name!r}.")
    root = Path(folder)
    if not root.is_dir():
        raise DatasetError(
            f"there is no dataset folder {root}. Name it with --data, or through CAPTIONER_FLICKR8K."
        )
    images = _image_folder(root)
    captions, skipped = _captions(_caption_file(root), images)
    splits, left_out = _official(root, captions) if split_name == "official" else (_kaggle(captions), [])
    return Dataset(images, split_name, splits, (*skipped, *left_out))


def _find(root: Path, names: Collection[str], kind: str) -> Path | None:
    """First file or folder of one of these names, nearest to the root."""
    level = [root]
    for _ in range(_DEPTH + 1):
        for folder in level:
            for name in names:
                path = folder / name
                if path.is_file() if kind == "file" else (path.is_dir() and _has_pictures(path)):
                    return path
        level = [child for folder in level for child in _folders(folder) if not _has_pictures(child)]
    return None


def _folders(parent: Path) -> list[Path]:
    try:
        return sorted(child for child in parent.iterdir() if child.is_dir())
    except OSError:  # no permission: the data is not in there
        return []


def _has_pictures(folder: Path) -> bool:
    return next(folder.glob("*.jpg"), None) is not None


def _caption_file(root: Path) -> Path:
    path = _find(root, _CAPTION_FILES, "file")
    if path is None:
        raise DatasetError(
            f"{root} holds neither {' nor '.join(_CAPTION_FILES)}. Point --data at a Flickr8k folder."
        )
    return path


def _image_folder(root: Path) -> Path:
    folder = _find(root, _IMAGE_FOLDERS, "folder") or (root if _has_pictures(root) else None)
    if folder is None:
        raise DatasetError(f"{root} has no folder of .jpg pictures called {', '.join(_IMAGE_FOLDERS)}.")
    return folder


def _lines(path: Path) -> list[str]:
    """Lines of a file in UTF-8, with or without BOM, or in Windows-1252, as some copies are."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DatasetError(f"{path} cannot be read ({error.strerror or error}).") from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", errors="replace")
    return list(
        io.StringIO(text, newline=None)
    )  # str.splitlines would also split captions at U+0085 or U+2028


def _captions(path: Path, images: Path) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    """Captions of the images present, in file-name order, and sentences about what was skipped."""
    present = {file.name for file in images.iterdir() if file.suffix.lower() == ".jpg"}
    captions: dict[str, list[str]] = {}
    absent: list[str] = []
    empty: list[str] = []
    wordless: list[str] = []
    for name, caption in _rows(path):
        if name not in present:
            absent.append(name)
        elif not words(caption):
            empty.append(name)
            wordless.append(caption)
        else:
            captions.setdefault(name, []).append(caption)
    if len(wordless) > MAX_WORDLESS_SHARE * (len(wordless) + sum(map(len, captions.values()))):
        raise DatasetError(
            f"{len(wordless)} captions in {path} have no word of the letters a–z, such as "
            f"{max(wordless, key=len)[:80]!r}. Use the English captions."
        )
    if not captions:
        raise DatasetError(f"no caption in {path} belongs to a picture in {images}.")
    skipped = [
        *_skipped(absent, "captions for pictures that are not there"),
        *_skipped(empty, "captions without a word"),
    ]
    return {name: tuple(captions[name]) for name in sorted(captions)}, skipped


def _rows(path: Path) -> Iterator[tuple[str, str]]:
    """(image, caption) pairs of either layout; a line that is neither gives an unknown name or no caption."""
    if path.name == karpathy.FILE:
        yield from karpathy.captions(path)
        return
    lines = _lines(path)
    if path.name == "captions.txt":
        rows = _csv_rows(path, lines)
        if next(rows, None) != ["image", "caption"]:
            raise DatasetError(f"{path} should begin with the line image,caption.")
        pairs = ((row[0], ",".join(row[1:])) for row in rows if row)
    else:
        columns = (line.partition("\t") for line in lines if line.strip())
        pairs = ((key.split("#")[0], caption) for key, _, caption in columns)
    for name, caption in pairs:
        yield name.strip(), caption.strip()


def _csv_rows(path: Path, lines: list[str]) -> Iterator[list[str]]:
    try:
        yield from csv.reader(lines)
    except csv.Error as error:  # such as a quotation mark that is never closed
        raise DatasetError(f"{path} is not a table of images and captions ({error}).") from error


def _official(root: Path, captions: ReferenceCaptions) -> tuple[dict[str, ReferenceCaptions], list[str]]:
    splits: dict[str, ReferenceCaptions] = {}
    missing: list[str] = []
    repeated: list[str] = []
    split_of: dict[str, str] = {}
    for split, file in LISTS.items():
        counts = Counter(_split_names(root, split, file))
        for name in counts:
            if split_of.setdefault(name, split) != split:
                raise DatasetError(
                    f"{name} is listed in both the {split_of[name]} and the {split} split of {root}."
                )
        missing += [name for name in counts if name not in captions]
        repeated += [name for name in counts if counts[name] > 1]
        splits[split] = {name: captions[name] for name in counts if name in captions}
    skipped = _skipped(missing, "listed in a split without a picture or a caption")
    return splits, [*skipped, *_skipped(repeated, "repetitions of a name in its split")]


def _split_names(root: Path, split: str, file: str) -> list[str]:
    """Names in a split's own list, else in Karpathy's file."""
    if path := _find(root, (file,), "file"):
        return [line.strip() for line in _lines(path) if line.strip()]
    if path := _find(root, (karpathy.FILE,), "file"):
        return karpathy.names(path, split)
    raise DatasetError(
        f"{root} lacks {file}, one of the three official split lists. "
        f"Put them (or {karpathy.FILE}) next to the captions, or train with --split kaggle."
    )


def _kaggle(captions: ReferenceCaptions) -> dict[str, ReferenceCaptions]:
    """The reference notebook's split: by file name, no shuffling, no test split."""
    names = sorted(captions)
    count = round(KAGGLE_TRAIN_SHARE * len(names))
    return {"train": {n: captions[n] for n in names[:count]}, "dev": {n: captions[n] for n in names[count:]}}


def _skipped(names: Sequence[str], what: str) -> list[str]:
    """One sentence, or none where nothing was skipped."""
    return [f"skipped {len(names)} {what}, such as {names[0][:80]}"] if names else []
