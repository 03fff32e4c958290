"""Many pictures at once: one sentence each, in a table to look at and to keep."""

from __future__ import annotations

import base64
import csv
import io
import logging
import math
import secrets
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import streamlit as st
from PIL import Image

from captioner import images
from captioner.app.components import attention_overlay, wording
from captioner.app.components.spreadsheet import BYTE_ORDER_MARK, defused
from captioner.app.state import resources, uploads
from captioner.errors import CaptionerError

if TYPE_CHECKING:  # so that the page need not wait for LiteRT
    from streamlit.runtime.uploaded_file_manager import UploadedFile

    from captioner.app.components.attention_overlay import Pixels
    from captioner.inference.captioner import Candidate, Captioner

MOST = 50  # pictures
THUMBNAIL = (160, 120)  # pixels
ROW, ROWS = 72, 8  # pixels, so that three lines fit; rows seen at once
BOUNDS = f"At most {MOST} pictures and {uploads.LARGEST // 10**6} MB at a time."
PROMISE = (
    "Your pictures are captioned on this server and not stored: each is let go as soon as it has its "
    "sentence. The table is yours alone and goes when you close the page."
)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Line:
    """What became of one file: its caption, or the problem as a sentence."""

    file: str
    caption: str = ""
    bands: str = ""  # how sure the model was, in words
    sure: float | None = None  # geometric mean of the word probabilities, the end of the sentence included
    log_prob: float | None = None
    warning: str = ""  # why to take the caption with caution, as sentences
    thumbnail: str = ""  # data address
    problem: str = ""


@dataclass
class Batch:
    """A visitor's pictures: the files that wait, and what became of the others.

    Files that wait stay where Streamlit keeps them, so that they count as the visit's until they are done.

    After a click, Streamlit starts the next run of the page while the last one is still at its picture.
    """

    waiting: list[UploadedFile] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    dropped: int = 0  # pictures not captioned as the visitor stopped
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    @property
    def total(self) -> int:
        """Pictures that wait or are done; one being captioned is waited for."""
        with self._lock:
            return len(self.waiting) + len(self.lines)

    def step(self, model: Captioner) -> Line | None:
        """Caption the next picture and let go of it; None when none waits."""
        with self._lock:
            if not self.waiting:
                return None
            file = self.waiting.pop(0)
            self.lines.append(captioned(model, file.name, file.getvalue()))
            uploads.let_go(file)
            return self.lines[-1]

    def stop(self) -> None:
        """Keep what is captioned, let go of the rest."""
        with self._lock:
            self.dropped = len(self.waiting)
            uploads.let_go(*self.waiting)
            self.waiting.clear()


def waiting() -> Sequence[UploadedFile]:
    """The visitor's files that are yet to be captioned, whatever page is shown."""
    found: Batch = st.session_state.get("_batch", Batch())
    return found.waiting


def page() -> None:
    """Choose pictures, watch, read the table, keep it."""
    st.title("Many pictures at once", anchor=False)
    batch: Batch = st.session_state.setdefault("_batch", Batch())
    if not batch.waiting and not batch.lines:
        st.markdown(
            "Choose photographs. Each gets a sentence, and how sure the model was of it. The table that "
            "comes out can be saved."
        )
    if batch.waiting:
        _work(batch)
        st.rerun()
    if batch.lines or batch.dropped:
        _results(batch)
    another = "Choose other pictures"
    with st.expander(another, icon=":material/add_photo_alternate:") if batch.lines else st.container():
        _chooser(bool(batch.lines))
    resources.captioner()  # loaded while the visitor chooses


def _chooser(again: bool) -> None:
    key = f"batch-{st.session_state.setdefault('batches', 0)}"
    files = uploads.several("Upload photographs", key)
    st.caption(f"{BOUNDS} {PROMISE}" + (" A new table takes the place of this one." if again else ""))
    if not files:
        return
    fitting = uploads.within(files, MOST)
    if fitting:
        count = f"{len(fitting)} picture{'s' if len(fitting) > 1 else ''}"
        st.button(f"Caption {count}", on_click=_start, args=(key,), icon=":material/play_arrow:")
    if len(fitting) < len(files):
        left_out = ", ".join(wording.escaped(file.name) for file in files[len(fitting) :][:3])
        more = " and others" if len(files) - len(fitting) > 3 else ""
        st.warning(f"{BOUNDS} Beyond that, and left out: {left_out}{more}.", icon=":material/block:")


def _start(key: str) -> None:
    """Take the pictures out of the uploader; another takes its place."""
    files = uploads.present(*st.session_state[key])
    fitting = uploads.within(files, MOST)
    st.session_state["_batch"] = Batch(list(fitting))
    st.session_state["batches"] += 1
    uploads.let_go(*files[len(fitting) :])


def _work(batch: Batch) -> None:
    """Caption what waits. A click on the button ends this run of the script, and what is done is kept."""
    total = batch.total
    began = len(batch.lines)
    bar = st.progress(0.0, "Getting ready …")
    st.button("Stop here", on_click=batch.stop, icon=":material/stop:")
    latest = st.empty()
    model = resources.captioner()
    started = time.monotonic()
    while line := batch.step(model):
        done = len(batch.lines)
        left = (time.monotonic() - started) / (done - began) * (total - done)
        bar.progress(done / total, f"{done} of {total} pictures, about {left:.0f} s left")
        with latest.container():
            _glimpse(line)


def _glimpse(line: Line) -> None:
    if line.problem:
        st.markdown(_named(line))
    else:
        st.image(line.thumbnail, width=THUMBNAIL[0], alt=line.caption)
        st.markdown(f"“{wording.escaped(line.caption)}”")
        if line.warning:
            st.markdown(f":material/warning: {line.warning}")


def captioned(model: Captioner, name: str, data: bytes) -> Line:
    """Caption one file as the caption page does; whatever is wrong with it ends up in its line."""
    try:
        image = images.read(data)
        captions = model.decode(model.regions(image), model.options)
        best, warning = captions.best, " ".join(warning.sentence for warning in captions.warnings)
        return Line(name, best.text, bands(best), best.confidence, best.log_prob, warning, _thumbnail(image))
    except CaptionerError as error:
        sentence = str(error)
        return Line(name, problem=sentence[:1].upper() + sentence[1:])
    except Exception:
        reference = secrets.token_hex(4)
        log.exception("a picture failed, reference %s", reference)
        return Line(name, problem=f"Something went wrong in the app itself (reference {reference}).")


def bands(caption: Candidate) -> str:
    """How many of its words the model was sure of and how many it guessed, in the words of every page."""
    found = [wording.band(math.exp(word.log_prob)) for word in caption.words if word.text]
    sure, guessed = found.count(wording.band(1)), found.count(wording.band(0))
    return f"sure of {sure or 'none'} of {len(found)}, guessed {guessed or 'none'}"


def _thumbnail(image: Pixels) -> str:
    """A data address, so that the picture is kept nowhere but in the table."""
    file = io.BytesIO()
    Image.fromarray(attention_overlay.thumbnail(image, THUMBNAIL)).save(file, "JPEG", quality=80)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"


def _results(batch: Batch) -> None:
    good = [line for line in batch.lines if not line.problem]
    bad = [line for line in batch.lines if line.problem]
    st.markdown(_counted(len(good), batch.dropped))
    if bad:
        listed = "\n".join(f"- {_named(line)}" for line in bad)
        st.warning(f"Without a sentence:\n{listed}", icon=":material/broken_image:")
    if good:
        _table(good)
    if batch.lines:
        data = table(batch.lines).encode()
        st.download_button(
            "Save as a table (CSV)",
            data,
            "captions.csv",
            "text/csv",
            on_click="ignore",
            icon=":material/download:",
        )


def _counted(good: int, dropped: int) -> str:
    text = f"{good} picture{'' if good == 1 else 's'} captioned."
    return f"{text} You stopped before the other {dropped}." if dropped else text


def _named(line: Line) -> str:
    return f"**{wording.escaped(line.file)}:** {wording.escaped(line.problem)}"


def _table(lines: Sequence[Line]) -> None:
    columns = {
        "picture": [line.thumbnail for line in lines],
        "caption": [line.caption for line in lines],
        "bands": [line.bands for line in lines],
        "sure": [100 * (line.sure or 0) for line in lines],
        "warning": [line.warning for line in lines],
        "file": [line.file for line in lines],
    }
    if not any(line.warning for line in lines):
        del columns["warning"]
    st.dataframe(
        columns,
        hide_index=True,
        row_height=ROW,
        height=min(ROWS, len(lines)) * ROW + ROW // 2 + 4,
        alt="Your pictures and their sentences",
        column_config={
            "picture": st.column_config.ImageColumn("Picture", width=90),
            "caption": st.column_config.TextColumn("Sentence", width=150),
            "bands": st.column_config.TextColumn("Its words", width=105),
            "sure": st.column_config.NumberColumn("How sure", format="%.0f %%", width=80),
            "warning": st.column_config.TextColumn("Warning", width=190),
            "file": st.column_config.TextColumn("File", width=110),
        },
    )
    st.caption(
        f"How to read this: {wording.BANDS_EXPLAINED} “How sure” is the chance that it gave to each word it "
        "chose, on average (geometric mean of the word probabilities). Select the head of a column to sort "
        "by it: the least sure sentences deserve a second look, and so does every sentence with a warning."
    )


def table(lines: Sequence[Line]) -> str:
    """Every file as a line of CSV, those with a problem, too; it opens in a spreadsheet as it is."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["file", "caption", "how_sure", "word_probability", "log_prob", "warning", "problem"])
    for line in lines:
        numbers = ["" if value is None else f"{value:.4f}" for value in (line.sure, line.log_prob)]
        texts = defused(line.file), defused(line.caption), line.bands
        writer.writerow([*texts, *numbers, line.warning, defused(line.problem)])
    return BYTE_ORDER_MARK + file.getvalue()
