"""A folder of pictures → a table of captions, on this machine. Killed at any moment, it goes on.

    folder ──list──> names ──workers──> rows ──journal──> captions.csv.partial ──sorted──> captions.csv

The table appears when all pictures are done. On a finished table, pictures that are new or had an error
are captioned.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from captioner.batch_inference import table, workers
from captioner.batch_inference.journal import Journal
from captioner.batch_inference.rows import Settings, printable
from captioner.errors import DatasetError
from captioner.image_headers import READABLE_FORMATS
from captioner.progress import track

if TYPE_CHECKING:
    from captioner.bundle.storage import Bundle
    from captioner.inference.decoding import DecodingOptions

ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".heic", ".heif", ".avif", ".gif", ".tif", ".tiff", ".bmp")


@dataclass(frozen=True)
class Outcome:
    """What a run left behind."""

    pictures: int  # rows of the table
    errors: int  # of them

    def __str__(self) -> str:
        failed = f", {self.errors:,} of them with an error" if self.errors else ""
        return f"{self.pictures:,} {'picture' if self.pictures == 1 else 'pictures'}{failed}"


def caption_folder(
    folder: Path,
    out: Path,
    bundle: Bundle,
    options: DecodingOptions,
    *,
    recursive: bool = False,
    processes: int | None = None,
) -> Outcome:
    """Caption every picture of a folder into a table.

    Raises:
        DatasetError: the folder is none, or has no picture.
        BundleError: the bundle does not run.
        CaptionerError: the table cannot be written, or holds something else.
    """
    table.check_ending(out)
    images = sorted(pictures(folder, recursive))
    if not images:
        nested = "" if recursive else " With --recursive, the folders in it count, too."
        raise DatasetError(f"{folder} has no picture ({READABLE_FORMATS}).{nested}")
    settings = Settings.of(str(folder.resolve()), bundle, options)
    if out.exists():
        for row in table.read(out):
            settings.check(row, str(out))
            break
    with Journal(out.with_name(f"{out.name}.partial"), settings) as journal:
        _take_over(out, journal)
        left = [image for image in images if printable(image) not in journal]
        if len(journal):
            print(f"{len(journal):,} pictures are done, {len(left):,} are left", file=sys.stderr)
        task = workers.Task(folder, bundle.folder, bundle.checksum, options)
        captioned = workers.caption_files(task, left, min(processes or workers.cores(), len(left) or 1))
        for row in track(captioned, "captioning", len(left)):
            journal.append(row)
        return _finish(out, journal)


def pictures(folder: Path, recursive: bool) -> Iterator[str]:
    """Paths of the files with a picture's ending, relative to the folder, with "/"; hidden ones do not count.

    Links to files count, links to folders are not followed. A folder that cannot be opened is reported.
    """

    def report(error: OSError) -> None:
        print(f"{error.filename} cannot be opened ({error.strerror}): left out", file=sys.stderr)

    for path, folders, files in os.walk(folder, onerror=report):
        folders[:] = [name for name in folders if recursive and not name.startswith(".")]
        for file in (Path(path, name) for name in files if is_picture(name)):
            if not _is_device(file):
                yield file.relative_to(folder).as_posix()


def is_picture(path: str) -> bool:
    """Whether a path with "/" has a picture's ending and nothing hidden in it."""
    return path.lower().endswith(ENDINGS) and not any(part.startswith(".") for part in path.split("/"))


def _is_device(file: Path) -> bool:
    """Whether reading it could wait forever, such as a pipe. A link to nothing is none: it gets an error."""
    try:
        return not stat.S_ISREG(file.stat().st_mode)
    except OSError:
        return False


def _take_over(out: Path, journal: Journal) -> None:
    """Enter the captions of a finished table into the journal."""
    for row in table.read(out) if out.exists() else ():
        if not row["error"] and row["image"] not in journal:
            journal.append(row)


def _finish(out: Path, journal: Journal) -> Outcome:
    errors = 0

    def counted() -> Iterator[dict[str, object]]:
        nonlocal errors
        for row in journal.rows():
            errors += row["error"] is not None
            yield row

    table.write(out, counted())
    journal.remove()
    return Outcome(len(journal), errors)
