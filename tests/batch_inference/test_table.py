"""Every format holds the same rows; a table that cannot be written stays as it was."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from captioner.batch_inference import table
from captioner.batch_inference.rows import COLUMNS, Row
from captioner.bundle import manifest
from captioner.errors import CaptionerError

texts = some.text(some.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
names = texts | some.sampled_from(["=1+1.png", "'-x.png", "a,b\n.png", '"quoted".png'])
numbers = some.floats(allow_nan=False, allow_infinity=False)
captioned = some.fixed_dictionaries(
    {
        "image": names,
        "caption": some.sampled_from(["", "a dog runs"]),
        "log_prob": numbers,
        "score": numbers,
        "finished": some.booleans(),
        "calibrated_probability": some.none() | numbers,
        "agreement": some.none() | numbers,
        "warning_codes": some.sampled_from(["", "low_confidence", "novelty low_confidence"]),
    }
)
failed = some.fixed_dictionaries({"image": names, "error": texts})


def whole(values: dict[str, Any]) -> Row:
    settings = {"folder": "/p", "bundle_checksum": "0123", "options": "beams=3"}
    return {**dict.fromkeys(COLUMNS), "warning_codes": "", **settings, **values}


@settings(max_examples=30)
@given(some.lists(captioned | failed, max_size=5).map(lambda values: [*map(whole, values)]))
def test_every_format_gives_back_its_rows(tmp_path_factory: pytest.TempPathFactory, rows: list[Row]) -> None:
    for ending in table.FORMATS:
        path = tmp_path_factory.getbasetemp() / f"captions{ending}"
        table.write(path, rows)
        assert [*table.read(path)] == rows, ending


def test_pandas_reads_every_format_alike(tmp_path: Path) -> None:
    rows = [whole({"image": "a.jpg", "caption": "a dog", "log_prob": -1.5, "finished": True})]
    rows += [whole({"image": "b.jpg", "error": "It is empty."})]
    for ending in table.FORMATS:
        table.write(tmp_path / f"captions{ending}", rows)
    csv, parquet = pd.read_csv(tmp_path / "captions.csv"), pd.read_parquet(tmp_path / "captions.parquet")
    lines = pd.read_json(tmp_path / "captions.jsonl", lines=True)
    for frame in (csv, lines, parquet):
        assert [*frame.columns] == [*COLUMNS]
        assert frame["image"].tolist() == ["a.jpg", "b.jpg"]
        assert frame["log_prob"][0] == -1.5
        assert frame["log_prob"].isna().tolist() == frame["error"].notna().tolist() == [False, True]


def test_a_full_disk_leaves_the_old_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "captions.csv"
    table.write(path, [whole({"image": "old.jpg", "caption": "a dog"})])

    def full(_: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(manifest, "sync", full)
    with pytest.raises(CaptionerError, match="the disk is full"):
        table.write(path, [whole({"image": "new.jpg", "caption": "a cat"})])
    assert [row["image"] for row in table.read(path)] == ["old.jpg"]
    assert [*tmp_path.iterdir()] == [path]
