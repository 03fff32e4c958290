"""A dataset's folder → ``{split: {image: (caption, …)}}``.

The layout is detected, up to three folders deep:

    Flickr8k    Images/ or Flicker8k_Dataset/   captions.txt, Flickr8k.token.txt or dataset_flickr8k.json
    Flickr30k   flickr30k-images/               dataset_flickr30k.json
    COCO        train2014/  val2014/            dataset_coco.json

The official split needs Karpathy's file or, for Flickr8k, Flickr_8k.{train,dev,test}Images.txt.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from captioner.data import flickr8k, karpathy
from captioner.errors import DatasetError
from captioner.text import words

SPLITS = ("official", "kaggle")
HELD_OUT = "held-out"
MAX_WORDLESS_SHARE = 0.1  # largest share of captions without a word; Flickr8k has none
KAGGLE_TRAIN_SHARE = 0.85

_DEPTH = 3

ReferenceCaptions = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Dataset:
    """Captions by split and image name; ``skipped`` lists in sentences what was left out.

    Raises:
        DatasetError: a split is empty.
    """

    image_folder: Path
    split_name: str  # official or kaggle: which pictures are in which split
    splits: Mapping[str, ReferenceCaptions]
    skipped: tuple[str, ...] = field(default=(), compare=False)
    name: str = flickr8k.NAME  # of the dataset

    def __post_init__(self) -> None:
        if empty := [split for split, images in self.splits.items() if not images]:
            raise DatasetError(
                f"no picture of the {empty[0]} split is left in {self.image_folder} "
                f"({'; '.join(self.skipped) or 'none has a caption'}). Download the dataset again."
            )

    def require_split_name(self, name: str) -> None:
        """Raise ``DatasetError`` unless the images are split as those that a model was trained on."""
        if self.split_name != name:
            raise DatasetError(
                f"this model was trained on the {name} split, not on the {self.split_name} split."
            )

    def path(self, name: str) -> Path:
        """Path of an image."""
        return self.image_folder / name

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
        split_name: ``official`` (train, dev, test, as listed) or ``kaggle`` (pictures in file-name order, the
            first 85 % train, the rest dev).

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
    source, file, images = _source(root)
    annotations = karpathy.read(file) if file.name in karpathy.FILES else None
    rows = annotations.captions() if annotations else flickr8k.captions(file)
    captions, skipped = _captions(file, rows, images)
    names: Callable[[str], list[str]] = partial(_flickr8k_names, root)
    if annotations and source.name != flickr8k.NAME:
        names = annotations.names
    splits, left_out = _official(captions, names) if split_name == "official" else (_kaggle(captions), [])
    return Dataset(images, split_name, splits, (*skipped, *left_out), source.name)


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


def _files(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _has_pictures(folder: Path) -> bool:
    return next(folder.glob("*.jpg"), None) is not None


def _source(root: Path) -> tuple[karpathy.Source, Path, Path]:
    """The dataset in a folder, its file of captions, and the folder in which names of images begin."""
    sources = dict.fromkeys(flickr8k.CAPTION_FILES, karpathy.FILES[karpathy.FLICKR8K_FILE]) | karpathy.FILES
    found = {name: path for name in sources if (path := _find(root, (name,), "file"))}
    for name, path in found.items():
        if folder := _find(root, sources[name].image_folders, "folder"):
            return sources[name], path, folder.parent if sources[name].parts else folder
    if not found:
        raise DatasetError(
            f"{root} holds neither {' nor '.join(sources)}. Point --data at a folder of Flickr8k, Flickr30k "
            "or COCO."
        )
    name, path = next(iter(found.items()))
    if not _has_pictures(root):
        folders = ", ".join(sources[name].image_folders)
        raise DatasetError(f"{root} has no folder of .jpg pictures called {folders}.")
    return sources[name], path, root


def _captions(
    path: Path, rows: Iterable[tuple[str, str]], images: Path
) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    """Captions of the images present, in file-name order, and sentences about what was skipped."""
    present = {
        file.relative_to(images).as_posix()
        for folder in (images, *_folders(images))
        for file in _files(folder)
        if file.suffix.lower() == ".jpg"
    }
    captions: dict[str, list[str]] = {}
    absent: list[str] = []
    empty: list[str] = []
    wordless: list[str] = []
    for name, caption in rows:
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


def _official(
    captions: ReferenceCaptions, names: Callable[[str], list[str]]
) -> tuple[dict[str, ReferenceCaptions], list[str]]:
    splits: dict[str, ReferenceCaptions] = {}
    missing: list[str] = []
    repeated: list[str] = []
    split_of: dict[str, str] = {}
    for split in flickr8k.LISTS:
        counts = Counter(names(split))
        for name in counts:
            if split_of.setdefault(name, split) != split:
                raise DatasetError(f"{name} is listed in both the {split_of[name]} and the {split} split.")
        missing += [name for name in counts if name not in captions]
        repeated += [name for name in counts if counts[name] > 1]
        splits[split] = {name: captions[name] for name in counts if name in captions}
    skipped = _skipped(missing, "listed in a split without a picture or a caption")
    return splits, [*skipped, *_skipped(repeated, "repetitions of a name in its split")]


def _flickr8k_names(root: Path, split: str) -> list[str]:
    """Names in a split's own list, else in Karpathy's file."""
    if path := _find(root, (flickr8k.LISTS[split],), "file"):
        return flickr8k.names(path)
    if path := _find(root, (karpathy.FLICKR8K_FILE,), "file"):
        return karpathy.read(path).names(split)
    raise DatasetError(
        f"{root} lacks {flickr8k.LISTS[split]}, one of the three official split lists. "
        f"Put them (or {karpathy.FLICKR8K_FILE}) next to the captions, or train with --split-name kaggle."
    )


def _kaggle(captions: ReferenceCaptions) -> dict[str, ReferenceCaptions]:
    """The reference notebook's split: by file name, no shuffling, no test split."""
    names = sorted(captions)
    count = round(KAGGLE_TRAIN_SHARE * len(names))
    return {"train": {n: captions[n] for n in names[:count]}, "dev": {n: captions[n] for n in names[count:]}}


def _skipped(names: Sequence[str], what: str) -> list[str]:
    """One sentence, or none where nothing was skipped."""
    return [f"skipped {len(names)} {what}, such as {names[0][:80]}"] if names else []
