"""One picture → one row of the table: its caption, or what is wrong with it."""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias

from captioner.bundle.schema import RECORDED_OPTIONS
from captioner.errors import CaptionerError
from captioner.inference.decoding import FIGURES

if TYPE_CHECKING:
    from captioner.bundle.storage import Bundle
    from captioner.inference.captioner import Captioner
    from captioner.inference.decoding import DecodingOptions

Row: TypeAlias = dict[str, Any]  # every column
Open: TypeAlias = Callable[[], AbstractContextManager[BinaryIO]]

# The columns and their types. All but ``image`` and ``warning_codes`` are empty where there is an error.
RESULTS: dict[str, type] = {
    "image": str,  # path in the folder, with "/"
    "caption": str,
    "log_prob": float,
    "score": float,
    "finished": bool,
    "calibrated_probability": float,
    "agreement": float,
    "warning_codes": str,  # separated by spaces
    "error": str,  # a sentence
}
SETTINGS: dict[str, type] = {"folder": str, "bundle_checksum": str, "options": str}
COLUMNS = RESULTS | SETTINGS

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Settings:
    """What a caption depends on beside the picture: the same in every row of a table."""

    folder: str
    bundle_checksum: str  # its beginning
    options: str  # of decoding

    @classmethod
    def of(cls, folder: str, bundle: Bundle, options: DecodingOptions) -> Settings:
        described = " ".join(f"{name}={getattr(options, name)}" for name in RECORDED_OPTIONS)
        return cls(printable(folder), bundle.checksum[:12], described)

    def check(self, found: Row, place: str) -> None:
        """Raise ``CaptionerError`` unless a row, or the head of a journal, was made with these settings."""
        for name, expected in asdict(self).items():
            if found[name] != expected:
                raise CaptionerError(
                    f"{place} holds captions made with {name} {found[name]}, and this run has {expected}. "
                    "Name another file after --out, or move that one away."
                )


def caption(captioner: Captioner, image: str, open: Open, options: DecodingOptions) -> Row:
    """The row of a picture, without the settings. Never raises for the picture's sake."""
    try:
        with open() as file:
            answer = captioner.caption(file, options)
    except CaptionerError as error:
        return failure(image, str(error))
    except OSError as error:
        return failure(image, f"the picture cannot be opened ({error.strerror or error}). Check the file.")
    except Exception:
        reference = secrets.token_hex(4)
        log.exception("a picture failed, reference %s", reference)
        return failure(image, f"captioner itself failed on the picture (reference {reference} in its log).")
    codes = " ".join(warning.code for warning in answer.warnings)
    figures = {name: getattr(answer.best, name) for name in FIGURES}
    return _row(image, caption=answer.text, **figures, warning_codes=codes)


def failure(image: str, error: str) -> Row:
    """The row of a picture that has no caption."""
    return _row(image, error=error[:1].upper() + error[1:])


def _row(image: str, **values: Any) -> Row:
    return {**dict.fromkeys(RESULTS), "image": printable(image), "warning_codes": "", **values}


def printable(name: str) -> str:
    """A file name may hold bytes that are not UTF-8, which no table takes: they become escapes."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")
