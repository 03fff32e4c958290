"""Flickr8k's own text files: captions, and the lists of the official splits.

    Kaggle      Images/             captions.txt (``image,caption``)
    original    Flicker8k_Dataset/  Flickr8k.token.txt (``name.jpg#0<TAB>caption``)

M. Hodosh, P. Young, J. Hockenmaier, "Framing Image Description as a Ranking Task", JAIR 47 (2013).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from captioner.errors import DatasetError

NAME = "Flickr8k"
KAGGLE_HANDLE = "shadabhussain/flickr8k"  # the mirror that carries the official split lists
CAPTION_FILES = ("captions.txt", "Flickr8k.token.txt")
IMAGE_FOLDERS = ("Images", "images", "Flicker8k_Dataset", "Flickr8k_Dataset")
LISTS = {
    "train": "Flickr_8k.trainImages.txt",
    "dev": "Flickr_8k.devImages.txt",
    "test": "Flickr_8k.testImages.txt",
}


def captions(path: Path) -> Iterator[tuple[str, str]]:
    """(image, caption) pairs of either file; a line that is neither gives an unknown name or no caption.

    Raises:
        DatasetError: the file is unreadable or no such table.
    """
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


def names(path: Path) -> list[str]:
    """Image names of a list; raises ``DatasetError`` if it cannot be read."""
    return [line.strip() for line in _lines(path) if line.strip()]


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


def _csv_rows(path: Path, lines: list[str]) -> Iterator[list[str]]:
    try:
        yield from csv.reader(lines)
    except csv.Error as error:  # such as a quotation mark that is never closed
        raise DatasetError(f"{path} is not a table of images and captions ({error}).") from error
