"""Any fsspec address of pictures → a folder of Parquet files, on the machines of a Ray cluster.

    names ──less those written──> blocks ──map_batches: one captioner a core──> a file a block

Ray Data hands out the blocks, and again those that a lost machine had not written. ``write_parquet`` would be
a step of its own, which waits for a free core: a block that is done must not be lost with the command. The
rows are those of ``local``, in no order; pictures with an error are not tried again. Machines need
requirements-scale.txt installed; code and bundle come with the job.
"""

from __future__ import annotations

import glob
import hashlib
import math
import os
import re
import secrets
import socket
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from captioner.batch_inference import local, rows, table
from captioner.batch_inference.local import Outcome
from captioner.batch_inference.rows import Settings
from captioner.bundle import storage
from captioner.child_process import ROOT
from captioner.errors import CaptionerError, DatasetError
from captioner.image_headers import READABLE_FORMATS

if TYPE_CHECKING:
    import pyarrow as pa

    from captioner.bundle.storage import Bundle
    from captioner.inference.decoding import DecodingOptions

BLOCK = 64  # pictures: a file of the result, and what is lost when the command is killed
BLOCKS_A_CORE = 4  # at least, if there are few pictures
CONNECT_TIMEOUT = 10  # seconds
STALE_AFTER = 3600  # seconds after which nobody is writing a file that is not whole
_PART = re.compile(r"[0-9a-f]{24}\.parquet")  # a file of this module
_UNFINISHED = re.compile(r"_[0-9a-f]{24}\.[0-9a-f]{8}\.tmp")  # readers of a folder skip "_"


@dataclass(frozen=True)
class Folder:
    """A folder on any file system that fsspec knows."""

    files: Any  # fsspec.AbstractFileSystem
    root: str
    name: str

    @classmethod
    def at(cls, address: str) -> Folder:
        """A path, or an address such as s3://bucket/photos.

        Raises:
            CaptionerError: the kind of address is unknown, or its library is not installed.
        """
        from fsspec.core import url_to_fs

        try:
            files, root = url_to_fs(address)
        except (ImportError, ValueError, OSError) as error:
            raise CaptionerError(f"{address} cannot be opened: {error}") from error
        root = root.rstrip("/")
        folder = cls(files, root, root)
        return folder if folder.is_local else replace(folder, name=files.unstrip_protocol(root))

    @property
    def is_local(self) -> bool:
        """Whether it is a path of this machine, or a network drive that looks like one."""
        from fsspec.implementations.local import LocalFileSystem

        return isinstance(self.files, LocalFileSystem)

    def pictures(self, recursive: bool) -> list[str]:
        """As ``local.pictures``, sorted."""
        if self.is_local:
            return sorted(local.pictures(Path(self.root), recursive))
        found = self.files.find(self.root, maxdepth=None if recursive else 1, detail=True)
        names = (path[len(self.root) :].strip("/") for path, info in found.items() if info["type"] == "file")
        return sorted(filter(local.is_picture, names))

    def named(self, pattern: str) -> list[str]:
        """Sorted paths of the files in this folder whose names match."""
        return sorted(self.files.glob(f"{glob.escape(self.root)}/{pattern}"))

    def move(self, old: str, new: str) -> None:
        """Give a file another path, whose file it replaces; on a disk in one step."""
        if self.is_local:
            self.files.mv(old, new)
        else:  # ``mv`` would read a "[" as a pattern
            self.files.cp_file(old, new)
            self.files.rm_file(old)

    def remove_if_old(self, path: str) -> None:
        """Remove a file that is not whole, unless somebody may be writing it."""
        with suppress(FileNotFoundError, NotImplementedError):  # another did; a file system without times
            if time.time() - self.files.modified(path).timestamp() >= STALE_AFTER:
                self.files.rm_file(path)


class BlockCaptioner:
    """Captions blocks of names in a process of the cluster, and writes a file for each."""

    def __init__(
        self, bundle: Any, options: DecodingOptions, settings: Settings, source: Folder, target: Folder
    ) -> None:
        import ray

        from captioner.inference.captioner import Captioner

        with TemporaryDirectory() as folder:
            for name, content in ray.get(bundle).items():
                path = Path(folder, name)
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(content)
            self._captioner = Captioner(storage.load(folder), threads=1)
        self._options, self._settings = options, settings
        self._source, self._target = source, target

    def __call__(self, block: pa.Table) -> pa.Table:
        """Write the file of a block of names, the same if done again; gives what prevented it, or nothing."""
        import pyarrow as pa
        from pyarrow import parquet

        names = block["image"].to_pylist()
        images = map(os.fsdecode, names)
        settings = asdict(self._settings)
        captions = pa.Table.from_pylist([self._row(image) | settings for image in images], table.schema())
        root, name = self._target.root, hashlib.sha256(repr(names).encode()).hexdigest()[:24]
        path, staged = f"{root}/{name}.parquet", f"{root}/_{name}.{secrets.token_hex(4)}.tmp"
        reason = ""
        try:
            with table.disk_errors(path):
                with self._target.files.open(staged, "wb") as file:
                    parquet.write_table(captions, file)
                self._target.move(staged, path)
        except CaptionerError as error:
            reason = str(error)  # raised here, it would come back as a page of Ray's
        return pa.table({"error": [reason]})

    def _row(self, image: str) -> rows.Row:
        files, path = self._source.files, f"{self._source.root}/{image}"
        return rows.caption(self._captioner, image, lambda: files.open(path, "rb"), self._options)


def caption_address(
    folder: str,
    out: str,
    bundle: Bundle,
    options: DecodingOptions,
    *,
    cluster: str,
    recursive: bool = False,
    processes: int | None = None,
) -> Outcome:
    """Caption every picture at an address that is not in the folder ``out`` yet, not even with an error.

    Args:
        folder: path or address of the pictures; every machine must reach it.
        out: path or address of the result, whose name ends with ".parquet"; every machine must reach it.
        bundle: the model; it is sent to the machines.
        options: of decoding.
        cluster: "local" starts one on this machine; "auto", host:port and ray://… join one.
        recursive: whether folders in the folder count, too.
        processes: how many, at most; by default one for each core of the cluster.

    Raises:
        DatasetError: there is no picture.
        BundleError: the bundle does not run.
        CaptionerError: Ray or the cluster is not there, or the result cannot be added to.
    """
    from captioner.inference.captioner import Captioner

    source, target = Folder.at(folder), Folder.at(out)
    settings = Settings.of(source.name, bundle, options)
    if not out.endswith(".parquet"):
        raise CaptionerError(f"with --ray, --out is a folder of Parquet files, NAME.parquet; got {out}")
    images = source.pictures(recursive)
    if not images:
        raise DatasetError(f"{folder} has no picture ({READABLE_FORMATS}). Check the address.")
    done = written(target, settings)
    left = [image for image in images if rows.printable(image) not in done]
    print(f"{len(done):,} pictures are done, {len(left):,} are left", file=sys.stderr)
    if left:
        Captioner(bundle)  # one that does not run is reported here, and not by every machine
        _connect(cluster)
        with table.disk_errors(target.name):
            target.files.makedirs(target.root, exist_ok=True)
        _caption(left, bundle, (options, settings, source, target), processes)
        done = written(target, settings)
    return Outcome(len(done), sum(done.values()))


def written(target: Folder, settings: Settings) -> dict[str, bool]:
    """The images of a result, each with whether it has an error. An old file that is not whole is removed.

    Raises:
        CaptionerError: the result is not one, or was made with other settings.
    """
    from pyarrow import ArrowException, parquet

    done: dict[str, bool] = {}
    columns = ["image", "error", *asdict(settings)]
    if target.files.isfile(target.root):
        raise CaptionerError(f"{target.name} is a file. With --ray, --out is a folder; name another one.")
    for path in target.named("_*.tmp"):
        if _UNFINISHED.fullmatch(path.rpartition("/")[2]):
            target.remove_if_old(path)
    for path in target.named("*.parquet"):
        try:
            with target.files.open(path, "rb") as file, parquet.ParquetFile(file) as table:
                if not {*columns} <= {*table.schema_arrow.names}:
                    raise CaptionerError(
                        f"{path} is no table of captions of this version. Name another folder after --out."
                    )
                found = table.read(columns).to_pylist()
        except ArrowException as error:
            if not _PART.fullmatch(path.rpartition("/")[2]):
                raise CaptionerError(f"{path} is no table of captions. Move it away.") from error
            target.remove_if_old(path)
            continue
        for row in found:
            settings.check(row, target.name)
            done[row["image"]] = row["error"] is not None
    return done


def _connect(cluster: str) -> None:
    try:
        import ray
    except ImportError as error:
        raise CaptionerError(
            "--ray needs Ray: .venv/bin/python -m pip install -r requirements-scale.txt"
        ) from error
    if ray.is_initialized():
        return
    try:
        if address := re.fullmatch(r"(?:ray://)?(.+):(\d+)", cluster):  # Ray itself would try for minutes
            socket.create_connection((address[1], int(address[2])), CONNECT_TIMEOUT).close()
        ray.init(cluster, runtime_env={"py_modules": [str(ROOT / "captioner")]})
    except (OSError, OverflowError, ValueError, RuntimeError) as error:
        raise CaptionerError(f"no Ray cluster answers at {cluster}: {error}") from error


def _caption(images: list[str], bundle: Bundle, arguments: tuple[Any, ...], processes: int | None) -> None:
    import ray

    cores = max(1, int(ray.cluster_resources().get("CPU", 1)))
    size = min(BLOCK, math.ceil(len(images) / (BLOCKS_A_CORE * cores)))
    names = [{"image": os.fsencode(image)} for image in images]  # which need not be UTF-8
    # ``from_arrow`` would start processes that look into its tables.
    blocks = ray.data.from_items(names, override_num_blocks=math.ceil(len(names) / size))
    dataset = blocks.map_batches(
        BlockCaptioner,
        fn_constructor_args=(ray.put(_contents(bundle)), *arguments),
        batch_size=None,  # a block as it is
        batch_format="pyarrow",
        num_cpus=1,
        compute=ray.data.ActorPoolStrategy(min_size=1, max_size=processes or cores),
    )
    for block in dataset.iter_rows():
        if block["error"]:
            raise CaptionerError(block["error"])


def _contents(bundle: Bundle) -> dict[str, bytes]:
    names = (*bundle.files, storage.MANIFEST)
    return {name: (bundle.folder / name).read_bytes() for name in names}
