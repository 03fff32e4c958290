"""Pictures at an address become Parquet files, on a cluster of which a machine is lost."""

from __future__ import annotations

import errno
import threading
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest
from PIL import Image

from captioner.__main__ import main
from captioner.batch_inference import local, ray_data, rows, table
from captioner.batch_inference.ray_data import BlockCaptioner, Folder
from captioner.batch_inference.rows import Settings
from captioner.bundle.storage import Bundle
from captioner.errors import CaptionerError
from captioner.inference.captioner import Captioner

DIFFERENT, PICTURES = 3, 240
SETTINGS = Settings("/p", "0123456789ab", "beams=3")
CONFIG = {  # a lost machine is detected in milliseconds, which by Ray's own settings takes half a minute
    "health_check_initial_delay_ms": 500,
    "health_check_period_ms": 250,
    "health_check_timeout_ms": 500,
    "health_check_failure_threshold": 2,
    "enable_worker_prestart": False,  # processes that this work cannot use
    "prestart_worker_first_driver": False,
}
HEAD = {"include_dashboard": False, "no_monitor": True, "include_log_monitor": False}


def write_part(place: Folder, name: str, *images: str) -> None:
    from pyarrow import Table, parquet

    found = [rows.failure(image, "it is empty") | asdict(SETTINGS) for image in images]
    with place.files.open(f"{place.root}/{name}", "wb") as file:
        parquet.write_table(Table.from_pylist(found, table.schema()), file)


@pytest.fixture
def memory() -> Iterator[Any]:
    """fsspec's file system in memory, emptied afterwards."""
    files = fsspec.filesystem("memory")
    yield files
    files.rm("/", recursive=True)


def test_what_is_written_is_not_captioned_again(memory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from pyarrow import Table, parquet

    target = Folder.at("memory://out[1]/captions.parquet")
    assert ray_data.written(target, SETTINGS) == {}
    write_part(target, "000000000000000000000000.parquet", "a.jpg", "b/c.jpg")
    write_part(target, "111111111111111111111111.parquet", "d.jpg")
    memory.pipe(f"{target.root}/222222222222222222222222.parquet", b"PAR1 cut off")
    memory.pipe(f"{target.root}/_222222222222222222222222.01234567.tmp", b"PAR1")
    for old, left in ((3600, 4), (0, 2)):  # another machine may be writing what is new
        monkeypatch.setattr(ray_data, "STALE_AFTER", old)
        assert ray_data.written(target, SETTINGS) == {"a.jpg": True, "b/c.jpg": True, "d.jpg": True}
        assert len(memory.ls(target.root)) == left

    with pytest.raises(CaptionerError, match="made with options beams=3, and this run has beams=4"):
        ray_data.written(target, Settings("/p", "0123456789ab", "beams=4"))
    former = Table.from_pylist([{"image": "e.jpg", "error": None, "folder": "/p", "bundle": "0123456789ab"}])
    with memory.open(f"{target.root}/333333333333333333333333.parquet", "wb") as file:
        parquet.write_table(former, file)
    with pytest.raises(CaptionerError, match="no table of captions of this version"):  # and it stays
        ray_data.written(target, SETTINGS)
    memory.rm_file(f"{target.root}/333333333333333333333333.parquet")
    memory.pipe(f"{target.root}/somebody.parquet", b"else's")
    with pytest.raises(CaptionerError, match="no table of captions"):
        ray_data.written(target, SETTINGS)


@pytest.mark.parametrize("address", ["memory://out[1]/parts", "{}/out[1]"])
def test_a_part_appears_when_it_is_whole(memory: Any, tmp_path: Path, address: str) -> None:
    target = Folder.at(address.format(tmp_path))
    target.files.makedirs(target.root)
    for content in (b"one", b"two"):
        target.files.pipe_file(f"{target.root}/_1.tmp", content)
        target.move(f"{target.root}/_1.tmp", f"{target.root}/1.parquet")
        assert [path.rpartition("/")[2] for path in target.named("*")] == ["1.parquet"]
        assert target.files.cat_file(f"{target.root}/1.parquet") == content


def test_a_full_disk_leaves_no_half_of_a_part(memory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    def full(_: pa.Table, file: Any) -> None:
        file.write(b"PAR1")
        raise OSError(errno.ENOSPC, "No space left on device")

    worker = BlockCaptioner.__new__(BlockCaptioner)  # without a model
    worker._settings, worker._target = SETTINGS, Folder.at("memory://out/captions.parquet")
    monkeypatch.setattr(worker, "_row", lambda image: rows.failure(image, "it is empty"))
    block = pa.table({"image": [b"a.jpg"]})
    with monkeypatch.context() as disk:
        disk.setattr(parquet, "write_table", full)
        assert "the disk is full" in worker(block)["error"][0].as_py()
        assert worker._target.named("*.parquet") == []
    assert worker(block)["error"][0].as_py() == ""
    assert ray_data.written(worker._target, SETTINGS) == {"a.jpg": True}


def test_an_address_has_the_pictures_of_a_folder(memory: Any, tmp_path: Path) -> None:
    for name in ("b.jpg", "a.PNG", "c/d.webp", "notes.txt", ".hidden.jpg", ".git/e.jpg"):
        memory.pipe(f"/photos/{name}", b"")
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    for recursive in (False, True):
        names = sorted(local.pictures(tmp_path, recursive))
        for address in ("memory://photos/", str(tmp_path), f"file://{tmp_path}"):
            assert Folder.at(address).pictures(recursive) == names
    assert Folder.at("memory://photos/").name == "memory:///photos"
    assert Folder.at(f"file://{tmp_path}/").name == str(tmp_path)
    with pytest.raises(CaptionerError, match="nosuch://x cannot be opened"):
        Folder.at("nosuch://x")


@pytest.mark.service
@pytest.mark.filterwarnings("default")  # Ray uses deprecated parts of itself
def test_a_machine_is_lost_and_no_picture(
    tiny_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray", reason="Ray is not installed: requirements-scale.txt")
    import ray
    from ray.cluster_utils import Cluster

    folder, out = tmp_path / "pictures", tmp_path / "captions.parquet"
    folder.mkdir()
    for i in range(PICTURES):
        if i < DIFFERENT:
            noise = np.random.default_rng(i).integers(0, 256, (12, 16, 3), dtype=np.uint8)
            Image.fromarray(noise).save(folder / f"{i}.png")
        else:
            (folder / f"{i}.png").symlink_to(folder / f"{i % DIFFERENT}.png")
    (folder / "bad.png").write_bytes(b"no picture")
    monkeypatch.setattr(ray_data, "BLOCK", 6)
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "_system_config": CONFIG, **HEAD})
    lost = cluster.add_node(num_cpus=1)
    killed = threading.Event()
    parts_before: list[Path] = []

    def kill() -> None:
        while not any(out.glob("*.parquet")):
            killed.wait(0.01)
        parts_before.extend(out.glob("*.parquet"))
        cluster.remove_node(lost, allow_graceful=False)
        killed.set()

    threading.Thread(target=kill, daemon=True).start()
    try:
        command = ["caption", f"file://{folder}", "--out", f"file://{out}"]
        command += ["--bundle", str(tiny_bundle.folder), "--ray", cluster.address]
        assert main(command) == 1
        assert killed.wait(10)
        found = {}
        for part in out.glob("*.parquet"):
            for row in table.read(part):
                assert row["image"] not in found
                found[row["image"]] = row
        before = sorted(path.name for path in out.glob("*.parquet"))
        assert len(parts_before) < len(before) / 2
        assert main(command) == 1
        assert sorted(path.name for path in out.glob("*.parquet")) == before
    finally:
        ray.shutdown()
        cluster.shutdown()
    local.caption_folder(
        folder, tmp_path / "local.parquet", tiny_bundle, Captioner(tiny_bundle).options, processes=1
    )
    assert [found[name] for name in sorted(found)] == [*table.read(tmp_path / "local.parquet")]
