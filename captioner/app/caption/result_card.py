"""A result as one picture to send or print: the image, its sentence, the model and the date."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path

import streamlit
from PIL import Image, ImageDraw, ImageFont

from captioner.app.caption import texts
from captioner.app.components import resizing
from captioner.images import Pixels

WIDTH, MAX_IMAGE_HEIGHT, MARGIN, GAP = 1080, 1080, 56, 28  # pixels
SENTENCE_SIZE, SMALL_SIZE = 52, 28  # of the font, in pixels
FONT = "SourceSansVF-Upright.*"
REGULAR, BOLD = 400, 600
LINE = 1.3  # of a line, times the size of its font
PAPER, GROUND, INK, MUTED, WARNING = "#ffffff", "#f2f6f5", "#0e1514", "#4c5a57", "#b8500f"

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@dataclass(frozen=True)
class Paragraph:
    """A text of a card, and the size of its font in pixels."""

    text: str
    size: int
    weight: int
    colour: str

    @property
    def line_height(self) -> int:
        """Pixels."""
        return round(LINE * self.size)

    @cached_property
    def font(self) -> Font:
        """A font of its own: two threads must not draw with the same."""
        return font(self.size, self.weight)

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """The text as it fits on the card."""
        return tuple(wrapped(self.text, self.font))


def draw(image: Pixels, text: str, warnings: Sequence[str], source: str) -> bytes:
    """A PNG file.

    Args:
        image: uint8[H, W, 3].
        text: the sentence; long ones get more lines.
        warnings: why to take it with caution, a sentence each.
        source: who wrote it, and when.
    """
    paragraphs = [
        *(Paragraph(warning, SMALL_SIZE, BOLD, WARNING) for warning in warnings),
        Paragraph(text, SENTENCE_SIZE, BOLD, INK),
        Paragraph(source, SMALL_SIZE, REGULAR, MUTED),
    ]
    picture = _scaled(image)
    below = sum(len(paragraph.lines) * paragraph.line_height + GAP for paragraph in paragraphs)
    card = Image.new("RGB", (WIDTH, picture.height + below + MARGIN), PAPER)
    canvas = ImageDraw.Draw(card)
    canvas.rectangle((0, 0, WIDTH, picture.height - 1), GROUND)
    card.paste(picture, ((WIDTH - picture.width) // 2, 0))
    y = picture.height + MARGIN - GAP // 2
    for paragraph in paragraphs:
        for line in paragraph.lines:
            canvas.text((MARGIN, y), line, paragraph.colour, paragraph.font)
            y += paragraph.line_height
        y += GAP
    file = io.BytesIO()
    card.save(file, "PNG")
    return file.getvalue()


def wrapped(text: str, font: Font) -> Iterator[str]:
    """The lines of a text that fit on a card; a word that is wider than a line is divided."""
    line = ""
    for word in text.split():
        if line and not _fits(f"{line} {word}", font):
            yield line
            line = ""
        line = f"{line} {word}".strip()
        while not _fits(line, font):
            length = next(n for n in range(len(line) - 1, 0, -1) if n == 1 or _fits(line[:n], font))
            yield line[:length]
            line = line[length:]
    if line:
        yield line


def source(model: str, today: date, *, edited: bool) -> str:
    """Who wrote the sentence, and when."""
    text = texts.CARD_EDITED if edited else texts.CARD_SOURCE
    return text.format(model=model, date=f"{today.day} {today:%B %Y}")


def _fits(text: str, font: Font) -> bool:
    return font.getlength(text) <= WIDTH - 2 * MARGIN


def font(size: int, weight: int) -> Font:
    """The pages' font, which comes with Streamlit; Pillow's own has no letter with an accent."""
    files = sorted((Path(streamlit.__file__).parent / "static/static/media").glob(FONT))
    if not files:
        return ImageFont.load_default(size)
    result = ImageFont.truetype(files[0], size)
    result.set_variation_by_axes([weight])
    return result


def _scaled(image: Pixels) -> Image.Image:
    height, width, _ = image.shape
    scale = min(WIDTH / width, MAX_IMAGE_HEIGHT / height)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = Image.fromarray(resizing.scaled_down(image, WIDTH))
    return small.resize(size, Image.Resampling.LANCZOS)
