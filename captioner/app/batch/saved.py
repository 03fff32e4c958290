"""Results and alt texts outlive a reload: the tab of the browser keeps them, and gives them back.

The server forgets a visitor's session with its connection. What comes back is the visitor's own, and only
they see it; still, it is read as strictly as any file.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import msgspec
from msgspec import Meta

from captioner.app.batch.job import AltText, BatchJob, PictureResult, Text
from captioner.app.components import browser

RESULTS, ALT_TEXTS = "captioner pictures", "captioner alt texts"  # names in the browser's storage
MAX_RESULTS = 100
# Characters of thumbnails that come back at once; .streamlit/config.toml limits what a browser may send.
MAX_THUMBNAILS = 750_000

Id = Annotated[str, Meta(pattern="^[0-9a-f]{16}$")]


class SavedResults(msgspec.Struct, forbid_unknown_fields=True):
    """What the browser keeps of a job once, when its pictures are captioned."""

    id: Id
    results: Annotated[list[PictureResult], Meta(max_length=MAX_RESULTS)]
    skipped: Annotated[int, Meta(ge=0)]
    left_out: Annotated[tuple[Text, ...], Meta(max_length=1000)]


class SavedAltTexts(msgspec.Struct, forbid_unknown_fields=True):
    """What it keeps after every change, written by alt_texts.js."""

    id: Id
    neutral_words: bool
    touched: Annotated[dict[int, AltText], Meta(max_length=MAX_RESULTS)]


def store_results(job: BatchJob) -> bool:
    """Have the browser keep the results; whether it can."""
    room, results = MAX_THUMBNAILS, []
    for result in job.results:
        room -= len(result.thumbnail)
        results.append(result if room >= 0 else replace(result, thumbnail=""))
    saved = SavedResults(job.id, results, job.skipped, job.left_out[:1000])
    return browser.store(RESULTS, msgspec.json.encode(saved).decode())


def restore() -> BatchJob | None:
    """Ask the browser for a job that it kept; None while it has not answered.

    Raises:
        ValueError: it has none, or what it has cannot be read.
    """
    found = browser.stored((RESULTS, ALT_TEXTS))
    return None if found is None else decode(found[RESULTS], found[ALT_TEXTS])


def decode(results: str, alt_texts: str) -> BatchJob:
    """The job of two texts from the browser's storage.

    Raises:
        ValueError: the first is not one of ``store_results``.
    """
    saved = msgspec.json.decode(results, type=SavedResults)
    job = BatchJob(results=saved.results, skipped=saved.skipped, left_out=saved.left_out, id=saved.id)
    if made := take_over(job, alt_texts):
        job.neutral_words = made.neutral_words
    return job


def take_over(job: BatchJob, changes: object) -> SavedAltTexts | None:
    """Have a job's alt texts be as the browser says; None if that says nothing of this job.

    What is reviewed stays as it was read, whatever the job's ``neutral_words`` become.
    """
    try:
        made = msgspec.json.decode(changes if isinstance(changes, str) else "", type=SavedAltTexts)
    except ValueError:  # nothing was changed yet
        return None
    if made.id != job.id:
        return None
    job.touched = {
        index: AltText(" ".join(alt.text.split()), alt.reviewed)
        for index, alt in made.touched.items()
        if 0 <= index < len(job.results)
    }
    return made
