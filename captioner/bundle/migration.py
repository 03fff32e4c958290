"""Format 1 → format 2 of a bundle: the same content under other names.

A bundle of format 1 is never changed in place: its manifest seals the bytes as they are, and the names
are translated when its files are read. Writing such a bundle again writes format 2.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from captioner.errors import PULL_AGAIN, BundleError

FORMAT = 2  # of the bundles that this version writes; it reads all from 1

FILES = {"beside.json": "baselines.json", "familiar.json": "novelty.json"}  # format 1: format 2
_SHARED_KEYS = {
    "dataset": "split_name",
    "alpha": "length_penalty",
    "seconds_per_picture": "seconds_per_image",
}
KEYS: Mapping[str, Mapping[str, str]] = {  # file of format 2: {key of format 1: key of format 2}
    "config.json": {
        "alpha": "length_penalty",
        "mirror": "horizontal_flip",
        "data": "data_fingerprint",
        "split": "split_name",
    },
    "metrics.json": {
        **_SHARED_KEYS,
        "constant": "constant_baseline",
        "human": "human_baseline",
        "repeats_share": "repeated_ngrams_share",
        "dangling_share": "incomplete_share",
    },
    "baselines.json": {**_SHARED_KEYS, "rows": "baselines", "hours": "training_hours"},
    "dataset.json": {
        "split": "split_name",
        "pictures": "images",
        "lengths": "caption_lengths",
        "running": "tokens",
        "known": "vocabulary_size",
        "commonest": "most_common",
    },
    "novelty.json": {
        "dataset": "split_name",
        "centres": "centroids",
        "limit": "threshold",
        "false_alarms": "false_positives",
        "noticed": "detected",
    },
    "history.csv": {"rate": "learning_rate", "dangling": "incomplete_share"},  # columns
}
PHASES = {"polish": "self_critical"}
# Fields that config.json of format 1 may lack.
DEFAULTS: Mapping[str, Any] = {"horizontal_flip": False, "members": 1, "pretrained": True, "format": FORMAT}


def check_format(number: object, name: str) -> None:
    """Raise ``BundleError`` unless a file carries a format number that this version reads."""
    if type(number) is int and 1 <= number <= FORMAT:
        return
    shown = str(number)[:20]
    if type(number) is int and number > FORMAT:
        raise BundleError(f"{name} has format {shown}; this captioner reads {FORMAT}. Update captioner.")
    raise BundleError(f"{name} has no format that captioner knows ({shown!r}). {PULL_AGAIN}")


def former_name(name: str) -> str:
    """The name of a file of format 2 in a bundle of format 1."""
    return next((old for old, new in FILES.items() if new == name), name)


def renamed(name: str, pairs: Sequence[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """Keys and values of an object in a JSON file of format 1, by the names of format 2."""
    keys = KEYS.get(name, {})
    translated = [(keys.get(key, key), _phases(value) if key == "phases" else value) for key, value in pairs]
    named = dict(translated)
    if name == "baselines.json" and "recipe" in named and "decoder" not in named:  # the first bundles lack it
        translated.append(
            ("decoder", named["recipe"] if named["recipe"] in ("merge", "inject") else "attention")
        )
    return translated


def config(value: Mapping[str, Any]) -> dict[str, Any]:
    """The object in config.json of format 1 as format 2 has it."""
    return {**DEFAULTS, **dict(renamed("config.json", list(value.items()))), "format": FORMAT}


def table(text: str, name: str) -> str:
    """A CSV file of format 1 as format 2 has it.

    Raises:
        BundleError: it is no table.
    """
    if name not in KEYS:
        return text
    try:
        head, *rows = list(csv.reader(io.StringIO(text, newline=""), strict=True)) or [[]]
    except csv.Error as error:
        raise BundleError(f"{name} is not a table as captioner writes it ({error}). {PULL_AGAIN}") from error
    phase = head.index("phase") if "phase" in head else len(head)
    for row in rows:
        row[phase : phase + 1] = _phases(row[phase : phase + 1])
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerows([[KEYS[name].get(column, column) for column in head], *rows])
    return file.getvalue()


def _phases(value: Any) -> Any:
    return (
        [PHASES.get(name, name) if isinstance(name, str) else name for name in value]
        if isinstance(value, list)
        else value
    )
