"""Formats 1 and 2 → format 3 of a bundle: the same content under other names.

A bundle of an earlier format is never changed in place: its manifest seals the bytes as they are, and the
names are translated when its files are read. Writing such a bundle again writes format 3.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from captioner.errors import PULL_AGAIN, BundleError

FORMAT = 3  # of the bundles that this version writes; it reads all from 1

FILES = {"beside.json": "baselines.json", "familiar.json": "novelty.json"}  # format 1: later formats
FORMER_EXAMPLES, EXAMPLES = "samples/", "examples/"  # the folder of pictures, up to format 2: later formats
_SHARED_KEYS = {
    "dataset": "split_name",
    "alpha": "length_penalty",
    "seconds_per_picture": "seconds_per_image",
}
_KEYS_OF_1: Mapping[str, Mapping[str, str]] = {  # file: {key of format 1: key of later formats}
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
_KEYS_OF_2 = {"predictions.csv": {"expected_share": "expected_precision"}}
# By the format from which a file is read: file: {key: key of format 3}. No key was renamed twice.
KEYS: Mapping[int, Mapping[str, Mapping[str, str]]] = {1: {**_KEYS_OF_1, **_KEYS_OF_2}, 2: _KEYS_OF_2}
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


def current_name(name: str) -> str:
    """The name of a file of any format in a bundle of the current one."""
    if name.startswith(FORMER_EXAMPLES):
        return EXAMPLES + name.removeprefix(FORMER_EXAMPLES)
    return FILES.get(name, name)


def renamed(name: str, pairs: Sequence[tuple[str, Any]], version: int) -> list[tuple[str, Any]]:
    """Keys and values of an object in a JSON file of an earlier format, by the names of the current one."""
    keys = KEYS[version].get(name, {})
    translated = [(keys.get(key, key), _phases(value) if key == "phases" else value) for key, value in pairs]
    named = dict(translated)
    if name == "baselines.json" and "recipe" in named and "decoder" not in named:  # the first bundles lack it
        translated.append(
            ("decoder", named["recipe"] if named["recipe"] in ("merge", "inject") else "attention")
        )
    return translated


def config(value: Mapping[str, Any]) -> dict[str, Any]:
    """The object in config.json of an earlier format as the current one has it."""
    defaults = DEFAULTS if value["format"] == 1 else {}
    return {
        **defaults,
        **dict(renamed("config.json", list(value.items()), value["format"])),
        "format": FORMAT,
    }


def table(text: str, name: str, version: int) -> str:
    """A CSV file of an earlier format as the current one has it.

    Raises:
        BundleError: it is no table.
    """
    if name not in KEYS[version]:
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
    writer.writerows([[KEYS[version][name].get(column, column) for column in head], *rows])
    return file.getvalue()


def _phases(value: Any) -> Any:
    return (
        [PHASES.get(name, name) if isinstance(name, str) else name for name in value]
        if isinstance(value, list)
        else value
    )
