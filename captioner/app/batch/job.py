"""A batch job: one visitor's pictures, captioned one after the other, and their alt texts."""

from __future__ import annotations

import base64
import io
import logging
import secrets
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta
from PIL import Image

from captioner import images
from captioner.alt_text.sentence import alt_text
from captioner.app.components import resizing
from captioner.app.state import uploads
from captioner.errors import CaptionerError

if TYPE_CHECKING:  # so that the page need not wait for LiteRT
    from streamlit.runtime.uploaded_file_manager import UploadedFile

    from captioner.images import Pixels
    from captioner.inference.captioner import Caption, Captioner

THUMBNAIL, QUALITY = 280, 70  # pixels, at most; of WebP, from 0 to 100: 12 kB
MAX_TEXT = 1000  # characters

log = logging.getLogger(__name__)


Text = Annotated[str, Meta(max_length=MAX_TEXT)]
Share = Annotated[float, Meta(ge=0, le=1)]
# Nothing else: Streamlit would read a file of the server, or ask another server, for another text.
Thumbnail = Annotated[str, Meta(pattern=r"^(data:image/webp;base64,[A-Za-z0-9+/=]+)?$", max_length=100_000)]


@dataclass(frozen=True)
class PictureResult:
    """The caption of one file, or what is wrong with the file as a sentence.

    The browser keeps results, so the types bound what may come back from it.
    """

    image: Text  # the file's name
    caption: Text = ""
    expected_precision: Share | None = None  # of its content words; None if not calibrated
    confidence: float | None = None  # geometric mean of the word probabilities, with that of the end
    log_prob: float | None = None
    warning: Text = ""  # why to take the caption with caution, as sentences
    thumbnail: Thumbnail = ""  # data URL
    error: Text = ""


@dataclass(frozen=True)
class AltText:
    """An alt text as it is now, and whether somebody has read it and said that it is right."""

    text: Annotated[str, Meta(max_length=MAX_TEXT)]
    reviewed: bool = False


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
    neutral_words: bool = True  # in alt texts that nobody has touched
    touched: dict[int, AltText] = field(default_factory=dict)  # index of the result → what the visitor made
    id: str = field(default_factory=lambda: secrets.token_hex(8))  # tells jobs of one browser apart
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

    def alt_texts(self) -> list[AltText]:
        """One for each result: what the visitor made, or the caption as alt text."""
        return [
            self.touched.get(index) or AltText(alt_text(result.caption, neutral_words=self.neutral_words))
            for index, result in enumerate(self.results)
        ]

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
        return PictureResult(name, error=sentence[:1].upper() + sentence[1:])
    except Exception:
        reference = secrets.token_hex(4)
        log.exception("a picture failed, reference %s", reference)
        return PictureResult(name, error=f"Something went wrong in the app itself (reference {reference}).")


def _result(name: str, image: Pixels, caption: Caption) -> PictureResult:
    best = caption.best
    return PictureResult(
        name,
        best.text,
        best.expected_precision,
        best.confidence,
        best.log_prob,
        " ".join(warning.sentence for warning in caption.warnings),
        _thumbnail(image),
    )


def _thumbnail(image: Pixels) -> str:
    """All of uint8[H, W, 3], which its text describes, as a data URL: so it is only in the table."""
    file = io.BytesIO()
    Image.fromarray(resizing.scaled_down(image, THUMBNAIL)).save(file, "WEBP", quality=QUALITY)
    return f"data:image/webp;base64,{base64.b64encode(file.getvalue()).decode()}"
