"""Results of a batch job as files: a table (CSV), and a ZIP file with a text for each picture."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections.abc import Iterable
from pathlib import PurePosixPath, PureWindowsPath

from captioner.app.batch.job import AltText, BatchJob, PictureResult
from captioner.app.components.wording import BYTE_ORDER_MARK, verdict
from captioner.text import escape_formula

COLUMNS = (
    *("image", "caption", "alt_text", "reviewed", "verdict", "expected_precision", "confidence", "log_prob"),
    *("warning", "error"),
)
CSV_NAME, JSON_NAME, ZIP_NAME = "captions.csv", "alt-texts.json", "alt-texts.zip"
REVIEWED, NOT_REVIEWED = "reviewed", "not-reviewed"  # folders of the ZIP file
MAX_NAME = 100  # characters of a name in the ZIP file, without its ending
_UNSAFE = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*\u202a-\u202e\u2066-\u2069]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # by Windows


def to_csv(job: BatchJob) -> str:
    """A row for every file, also those with an error; a spreadsheet opens it as it is."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    for result, alt in zip(job.results, job.alt_texts(), strict=True):
        writer.writerow(_row(result, alt))
    return BYTE_ORDER_MARK + file.getvalue()


def _row(result: PictureResult, alt: AltText) -> list[str]:
    figures = result.expected_precision, result.confidence, result.log_prob
    numbers = ["" if value is None else f"{value:.4f}" for value in figures]
    texts = [escape_formula(text) for text in (result.image, result.caption, alt.text)]
    notes = escape_formula(result.warning), escape_formula(result.error)
    known = "" if result.error else verdict(result.expected_precision)
    return [*texts, _yes_or_no(alt), known, *numbers, *notes]


def to_zip(job: BatchJob) -> bytes:
    """All alt texts: a file for each picture, and everything as JSON and as a table.

    Texts that nobody has reviewed are in a folder of their own; beside a text, a second file has its warning.
    """
    alt_texts = job.alt_texts()
    names = text_names(result.image for result in job.results)
    entries, records = {}, []
    for result, alt, name in zip(job.results, alt_texts, names, strict=True):
        path = f"{REVIEWED if alt.reviewed else NOT_REVIEWED}/{name}"
        if has_file := bool(
            alt.text or (alt.reviewed and not result.error)
        ):  # an empty one is for decoration
            entries[f"{path}.txt"] = alt.text
            if result.warning:
                entries[f"{path}.warning.txt"] = result.warning
        records.append(
            {
                "image": result.image,
                "alt_text": alt.text,
                "reviewed": alt.reviewed,
                "text_file": f"{path}.txt" if has_file else None,
                "caption": result.caption,
                "warning": result.warning,
                "error": result.error,
            }
        )
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(JSON_NAME, json.dumps(records, ensure_ascii=False, indent=2) + "\n")
        archive.writestr(CSV_NAME, to_csv(job))
        for path, text in entries.items():
            archive.writestr(path, text + "\n")
    return file.getvalue()


def text_names(files: Iterable[str]) -> list[str]:
    """Names without folders and endings that every system can write; the same ones are numbered.

    None is another's with ".warning" added, as that is the file of its warning.
    """
    taken: set[str] = set()
    names = []
    for file in files:
        base = _safe_name(file)
        name, number = base, 1
        while taken & {key := name.casefold(), f"{key}.warning", key.removesuffix(".warning")}:
            number += 1
            name = f"{base} ({number})"
        taken.add(name.casefold())
        names.append(name)
    return names


def _safe_name(file: str) -> str:
    last = PureWindowsPath(PurePosixPath(file).name).name
    stem = _UNSAFE.sub("_", PurePosixPath(last).stem)[:MAX_NAME].strip(" .")
    return f"_{stem}" if _RESERVED.fullmatch(stem) else stem or "picture"


def _yes_or_no(alt: AltText) -> str:
    return "yes" if alt.reviewed else "no"
