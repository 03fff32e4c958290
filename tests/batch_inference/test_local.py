"""A folder becomes a table, whatever happens meanwhile."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from captioner.batch_inference import local, table
from captioner.bundle.storage import Bundle
from captioner.errors import CaptionerError, DatasetError
from captioner.inference.captioner import Captioner
from tests import tiny

ROOT = Path(__file__).resolve().parents[2]
DIFFERENT, PICTURES = 4, 200
TIMEOUT = 60  # seconds


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Many names for a few pictures, at two levels; not to be changed."""
    folder = tmp_path_factory.mktemp("pictures")
    (folder / "a").mkdir()
    for i in range(DIFFERENT):
        noise = np.random.default_rng(i).integers(0, 256, (12, 16, 3), dtype=np.uint8)
        Image.fromarray(noise).save(folder / f"{i}.png")
    for i in range(PICTURES - DIFFERENT):
        (folder / "a" / f"{i}.png").symlink_to(folder / f"{i % DIFFERENT}.png")
    return folder


def run(folder: Path, out: Path, bundle: Bundle, **flags: bool) -> local.Outcome:
    options = Captioner(bundle).options
    return local.caption_folder(folder, out, bundle, options, processes=1, **flags)


def lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def is_alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.slow
def test_killed_twice_each_picture_is_there_once(folder: Path, tiny_bundle: Bundle, tmp_path: Path) -> None:
    out, journal = tmp_path / "captions.parquet", tmp_path / "captions.parquet.partial"
    command = [
        *(sys.executable, "-m", "captioner", "caption", str(folder), "--recursive", "--workers", "1"),
        *("--out", str(out), "--bundle", str(tiny_bundle.folder)),
    ]
    for _ in range(2):
        before = lines(journal)
        child = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL, start_new_session=True)
        deadline = time.monotonic() + TIMEOUT
        while lines(journal) < before + 10 and time.monotonic() < deadline:
            time.sleep(0.001)
        child.kill()
        child.wait(TIMEOUT)
        assert before < lines(journal) <= PICTURES
        assert not out.exists()
        with journal.open("ab") as file:
            file.write(b'{"image": "a/1')  # as if killed within a write
        while is_alive(child.pid):  # its workers end, too
            assert time.monotonic() < deadline
            time.sleep(0.01)
    assert subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode == 0

    captioner = Captioner(tiny_bundle)
    expected = [captioner.caption(folder / f"{i}.png") for i in range(DIFFERENT)]
    rows = [*table.read(out)]
    assert [row["image"] for row in rows] == sorted(local.pictures(folder, recursive=True))
    for row in rows:
        caption = expected[int(Path(row["image"]).stem) % DIFFERENT]
        assert (row["caption"], row["log_prob"], row["score"]) == (
            caption.text,
            caption.best.log_prob,
            caption.best.score,
        )
    assert [*tmp_path.iterdir()] == [out]


def test_a_finished_table_takes_new_pictures_and_those_with_an_error(
    folder: Path, tiny_bundle: Bundle, tmp_path: Path
) -> None:
    pictures, out = tmp_path / "pictures", tmp_path / "captions.csv"
    pictures.mkdir()
    (pictures / "good.png").symlink_to(folder / "0.png")
    (pictures / "bad.png").write_bytes(b"no picture")
    (pictures / "gone.png").symlink_to(tmp_path / "nowhere")
    (pictures / "notes.txt").touch()
    os.mkfifo(pictures / "pipe.png")
    Path(os.fsdecode(os.fsencode(pictures) + b"/\xff.png")).symlink_to(folder / "0.png")
    assert run(pictures, out, tiny_bundle) == local.Outcome(4, 2)
    first = {row["image"]: row for row in table.read(out)}
    assert [name for name, row in first.items() if row["error"]] == ["bad.png", "gone.png"]
    assert first["\\xff.png"]["caption"] == first["good.png"]["caption"] is not None

    (pictures / "bad.png").unlink()
    (pictures / "bad.png").symlink_to(folder / "1.png")
    (pictures / "new.png").symlink_to(folder / "1.png")
    assert run(pictures, out, tiny_bundle) == local.Outcome(5, 1)
    second = {row["image"]: row for row in table.read(out)}
    assert second["bad.png"]["caption"] == second["new.png"]["caption"]
    assert second["good.png"] == first["good.png"]


def test_a_folder_whose_name_is_no_text_gets_its_table(
    folder: Path, tiny_bundle: Bundle, tmp_path: Path
) -> None:
    pictures = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff"))
    pictures.mkdir()
    (pictures / "a.png").symlink_to(folder / "0.png")
    for ending in table.FORMATS:
        assert run(pictures, tmp_path / f"captions{ending}", tiny_bundle) == local.Outcome(1, 0)
        (row,) = table.read(tmp_path / f"captions{ending}")
        assert row["folder"] == f"{tmp_path}/\\xff"


def test_tables_of_other_models_folders_and_programs_are_not_touched(
    folder: Path, tiny_bundle: Bundle, tmp_path: Path
) -> None:
    out = tmp_path / "captions.jsonl"
    run(folder, out, tiny_bundle)
    made, other = out.read_bytes(), tiny.runnable_bundle(tmp_path / "other", "merge")
    with pytest.raises(
        CaptionerError, match=r"holds captions made with bundle_checksum .* Name another file"
    ):
        run(folder, out, other)
    with pytest.raises(CaptionerError, match="made with folder"):
        run(folder / "a", out, tiny_bundle)
    assert out.read_bytes() == made
    out.write_text(out.read_text().replace('"bundle_checksum"', '"bundle"'))  # as an earlier version wrote it
    with pytest.raises(CaptionerError, match="no table of captions of this version"):
        run(folder, out, tiny_bundle)
    for name in ("a.csv", "a.jsonl", "a.parquet"):
        (tmp_path / name).write_text("caption,remark\nno,table,but more\n")
        with pytest.raises(CaptionerError, match="no table of captions"):
            run(folder, tmp_path / name, tiny_bundle)
    with pytest.raises(CaptionerError, match="--out ends with one of"):
        run(folder, tmp_path / "captions.xlsx", tiny_bundle)
    with pytest.raises(CaptionerError, match="cannot be written: No such file or directory"):
        run(folder, tmp_path / "nowhere" / "captions.csv", tiny_bundle)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match=r"has no picture .* With --recursive"):
        run(tmp_path / "empty", out, tiny_bundle)
    assert not [*tmp_path.glob("*.partial")]
