"""A batch job: one visitor's pictures, captioned one after the other, and the table of their captions."""

from __future__ import annotations

import base64
import csv
import io
import logging
import secrets
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from PIL import Image

from captioner import images
from captioner.app.components import resizing, wording
from captioner.app.components.wording import BYTE_ORDER_MARK
from captioner.app.state import uploads
from captioner.errors import CaptionerError
from captioner.text import escape_formula

if TYPE_CHECKING:  # so that the page need not wait for LiteRT
    from streamlit.runtime.uploaded_file_manager import UploadedFile

    from captioner.images import Pixels
    from captioner.inference.captioner import Caption, Captioner

THUMBNAIL = (320, 240)  # pixels
COLUMNS = ("file", "caption", "how_sure", "words_in_10", "word_probability", "log_prob", "warning", "problem")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PictureResult:
    """The caption of one file, or what is wrong with the file as a sentence."""

    file: str
    caption: str = ""
    how_sure: str = ""  # a sentence: how often captions like this one agree with people's
    expected_share: float | None = None  # of its content words, that people use, too; None where unmeasured
    confidence: float | None = None  # geometric mean of the word probabilities, with that of the end
    log_prob: float | None = None
    warning: str = ""  # why to take the caption with caution, as sentences
    thumbnail: str = ""  # data URL
    problem: str = ""


@dataclass
class BatchJob:
    """The files that wait and the results of the others.

    Files that wait stay in Streamlit's memory, where they count as the visitor's, until they are captioned.
    Thread-safe: after a click, Streamlit starts to draw the page again while the last picture is captioned.
    """

    waiting: list[UploadedFile] = field(default_factory=list)
    results: list[PictureResult] = field(default_factory=list)
    skipped: int = 0  # pictures that waited when the visitor stopped
    left_out: tuple[str, ...] = ()  # names of files above the limits
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    @property
    def total(self) -> int:
        """Pictures that wait or are done, after the one that is being captioned, if any."""
        with self._lock:
            return len(self.waiting) + len(self.results)

    def caption_next(self, model: Captioner) -> PictureResult | None:
        """Caption the next picture and free its memory; None when none waits."""
        with self._lock:
            if not self.waiting:
                return None
            file = self.waiting.pop(0)
            self.results.append(caption_file(model, file.name, file.getvalue()))
            uploads.free(file)
            return self.results[-1]

    def stop(self) -> None:
        """Keep the results, free the memory of the pictures that wait."""
        with self._lock:
            self.skipped = len(self.waiting)
            uploads.free(*self.waiting)
            self.waiting.clear()


def caption_file(model: Captioner, name: str, data: bytes) -> PictureResult:
    """Caption one file as the caption page does; an error becomes part of the result."""
    try:
        image = images.read(data)
        return _result(name, image, model.decode(model.encode(image), model.options))
    except CaptionerError as error:
        sentence = str(error)
        return PictureResult(name, problem=sentence[:1].upper() + sentence[1:])
    except Exception:
        reference = secrets.token_hex(4)
        log.exception("a picture failed, reference %s", reference)
        return PictureResult(name, problem=f"Something went wrong in the app itself (reference {reference}).")


def _result(name: str, image: Pixels, caption: Caption) -> PictureResult:
    best = caption.best
    return PictureResult(
        name,
        best.text,
        wording.confidence_sentence(best.expected_share),
        best.expected_share,
        best.confidence,
        best.log_prob,
        " ".join(warning.sentence for warning in caption.warnings),
        _thumbnail(image),
    )


def _thumbnail(image: Pixels) -> str:
    """uint8[H, W, 3] as a data URL, so that the picture is only in the table."""
    file = io.BytesIO()
    Image.fromarray(resizing.thumbnail(image, THUMBNAIL)).save(file, "JPEG", quality=80)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"


def to_csv(results: Sequence[PictureResult]) -> str:
    """A row for every file, also those with a problem; a spreadsheet opens it as it is."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    for result in results:
        share = "" if result.expected_share is None else f"{10 * result.expected_share:.1f}"
        numbers = ["" if value is None else f"{value:.4f}" for value in (result.confidence, result.log_prob)]
        texts = escape_formula(result.file), escape_formula(result.caption), result.how_sure
        writer.writerow([*texts, share, *numbers, result.warning, escape_formula(result.problem)])
    return BYTE_ORDER_MARK + file.getvalue()
