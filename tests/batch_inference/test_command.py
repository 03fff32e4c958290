"""`caption FOLDER --out FILE`: the flags, and the same captions as `caption PICTURE`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from captioner.__main__ import main
from captioner.bundle.storage import Bundle


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for i in range(3):
        noise = np.random.default_rng(i).integers(0, 256, (12, 16, 3), dtype=np.uint8)
        Image.fromarray(noise).save(tmp_path / f"{i}.png")
    return tmp_path


def test_a_folder_has_the_captions_of_its_pictures(
    folder: Path, tiny_bundle: Bundle, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--bundle", str(tiny_bundle.folder), "--beams", "2", "--samples", "5"]
    out = folder / "captions.jsonl"
    assert main(["caption", str(folder), "--out", str(out), *flags]) == 0
    assert capsys.readouterr().err.endswith("captions.jsonl: 3 pictures\n")
    rows = [*map(json.loads, out.read_text().splitlines())]
    assert main(["caption", *(str(folder / row["image"]) for row in rows), "--json", *flags]) == 0
    for row, line in zip(rows, capsys.readouterr().out.splitlines(), strict=True):
        caption = json.loads(line)
        warnings = [warning["code"] for warning in caption["warnings"]]
        same = ("caption", "log_prob", "score", "finished", "calibrated_probability", "agreement")
        assert {name: row[name] for name in same} == {name: caption[name] for name in same}
        assert row["warning_codes"] == " ".join(warnings)
        assert row["options"] == "beams=2 length_penalty=0.7 max_words=8 samples=5"

    (folder / "bad.png").write_bytes(b"no picture")
    assert main(["caption", str(folder), "--out", str(out), *flags]) == 1
    assert "4 pictures, 1 of them with an error" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        ([], "add --out captions.csv"),
        (["--recursive"], "add --out captions.csv"),
        (["--out", "c.csv", "--json"], "Leave one of them out"),
        (["--out", "c.csv", "other"], "takes one folder"),
        (["--out", "s3://bucket/c.parquet"], "needs --ray"),
        (["--out", "c.csv", "--ray", "local"], "NAME.parquet"),
    ],
)
def test_flags_that_do_not_go_together_are_one_sentence(
    folder: Path, flags: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["caption", str(folder), *flags]) == 2
    captured = capsys.readouterr()
    assert sentence in captured.err
    assert captured.err.count("\n") == 1
