"""The rows of an unfinished run: a file that only grows, so that a kill loses nothing but its last line.

{"folder": …, "bundle_checksum": …, "options": …}  the settings, in the first line
{"image": …, "caption": …, …}                      one line a picture, in the order of their completion
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from captioner.batch_inference.rows import RESULTS, SETTINGS, Row, Settings
from captioner.batch_inference.table import disk_errors
from captioner.errors import CaptionerError

SYNC_EVERY = 2.0  # seconds of work that a power failure may cost; a kill costs none


class Journal:
    """Open for this process alone. Knows of each row only where it stands.

    Raises:
        CaptionerError: another run uses it, it was made with other settings, or the disk refuses.
    """

    def __init__(self, path: Path, settings: Settings) -> None:
        self.path = path
        self._settings = settings
        self._offsets: dict[str, int] = {}
        self._synced = time.monotonic()
        with disk_errors(path):
            self._file: BinaryIO = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), "r+b")
        try:
            self._lock()
            with disk_errors(path):
                self._read()
        except CaptionerError:
            self._file.close()
            raise

    def __contains__(self, image: str) -> bool:
        return image in self._offsets

    def __len__(self) -> int:
        return len(self._offsets)

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        with suppress(OSError):  # what the last ``append`` could not write fails here again
            self._file.close()

    def append(self, row: Row) -> None:
        """Add the row of one more picture; it is safe from a kill of this process at once."""
        with disk_errors(self.path):
            offset = self._file.tell()
            self._write({name: row[name] for name in RESULTS})
            self._offsets[row["image"]] = offset
            if time.monotonic() - self._synced > SYNC_EVERY:
                os.fsync(self._file.fileno())
                self._synced = time.monotonic()

    def rows(self) -> Iterator[Row]:
        """All rows with the settings, sorted by image."""
        for image in sorted(self._offsets):
            self._file.seek(self._offsets[image])
            row: Row = json.loads(self._file.readline())
            yield row | asdict(self._settings)

    def remove(self) -> None:
        """Remove the file: its rows are elsewhere."""
        self._file.close()
        self.path.unlink(missing_ok=True)

    def _lock(self) -> None:
        try:
            import fcntl

            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise CaptionerError(f"another run is writing {self.path}. Let it finish.") from error
        except (ImportError, OSError):  # Windows, or a network drive without locks
            return

    def _read(self) -> None:
        """Find the rows. From the first line on that is not whole, everything is cut off."""
        head = self._file.readline()
        if head and (found := _parsed(head, SETTINGS)) is None:
            raise CaptionerError(
                f"{self.path} is there and is no journal of captions of this version. Move it away."
            )
        end = self._file.tell()
        for line in self._file if head else ():
            if (row := _parsed(line, RESULTS)) is None:
                break
            self._offsets[row["image"]] = end
            end += len(line)
        if self._offsets:
            self._settings.check(found or {}, str(self.path))
        else:
            end = 0  # nothing is lost by new settings
        self._file.seek(end)
        self._file.truncate()
        if not end:
            self._write(asdict(self._settings))

    def _write(self, value: Row) -> None:
        self._file.write(json.dumps(value).encode() + b"\n")
        self._file.flush()


def _parsed(line: bytes, fields: dict[str, type]) -> Row | None:
    """The object in a whole line; None if it is not one with these fields."""
    try:
        value = json.loads(line) if line.endswith(b"\n") else None
    except ValueError:
        return None
    return value if isinstance(value, dict) and value.keys() == fields.keys() else None
