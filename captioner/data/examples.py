"""Example pictures for the app, from the first source that has any.

    1. examples/ of the bundle (samples/ in older ones); its captions.json may have {image: [caption, …]}
    2. a local folder of the model's own dataset: CAPTIONER_FLICKR8K, or data/flickr8k
    3. Flickr8k on the Hugging Face Hub: a few pictures of the test split, downloaded once and cached

Flickr8k's photographs belong to their owners and are for research and education. Nothing here publishes them.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from captioner.arguments import data_folder
from captioner.bundle import dataset_info, hub_errors, manifest, reader
from captioner.bundle.storage import Bundle
from captioner.data import datasets, flickr8k
from captioner.errors import CaptionerError, DatasetError, HubError

if TYPE_CHECKING:
    from huggingface_hub import HfFileSystem

EXAMPLE_COUNT = 12  # pictures offered, and cached of those on the Hub
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")  # as ``manifest`` allows in examples/

HUB_REPO = dataset_info.FLICKR8K.hub_name
# Its last commit according to the Hub's page of the dataset (abbreviated there) and to several projects that
# pin it in full. It was not verified on the Hub itself; if it is gone, `_find_test_file` finds another.
HUB_REVISION = "56f58c967835f7c508d684f36bd7897cca9d7634"
HUB_FILE = "data/test-00000-of-00001-42a2661d12c73e48.parquet"
CAPTION_COLUMNS = [f"caption_{number}" for number in range(5)]
MAX_BYTES = 20_000_000  # of the row group downloaded; the whole file has 137 MB

T = TypeVar("T")


@dataclass(frozen=True)
class Example:
    """An example picture: file name, where it comes from, references, and a function to read the file.

    ``read`` raises a ``CaptionerError`` if the file was removed or altered.
    """

    name: str
    source: str
    references: tuple[str, ...]
    read: Callable[[], bytes]


def find(
    bundle: Bundle | None = None,
    *,
    folder: Path | None = None,
    cache: Path | None = None,
    download: bool = True,
) -> tuple[tuple[Example, ...], str]:
    """Example pictures, always the same ones, and a sentence: where they come from or why there are none.

    Pictures are downloaded only if neither the other sources nor ``cache`` have any. No ``CaptionerError`` is
    raised, as pages also work without examples.

    Args:
        bundle: the active one; its own examples come first; its split determines which pictures are
            unseen.
        folder: of the dataset that the model learned from; None is CAPTIONER_FLICKR8K, or data/flickr8k.
        cache: folder for pictures from the Hub; None is ~/.cache/captioner.
        download: whether pictures may be downloaded from the Hub, which takes seconds.
    """
    folder = folder or data_folder()
    hub_source = _from_hub if download else _downloaded
    cache = cache or _cache_folder()
    split = bundle.config.split_name if bundle else "official"
    learned_from = _dataset_name(bundle)
    sources = [partial(_bundled, bundle), partial(_from_folder, folder, split, learned_from)]
    if learned_from == flickr8k.NAME:  # another, such as Flickr30k, may hold those pictures
        sources.append(partial(hub_source, cache))
    missing = []
    for source in sources:
        try:
            examples = source()
        except CaptionerError as error:
            missing.append(str(error).rstrip("."))
        else:
            return tuple(examples), f"Pictures from {examples[0].source}."
    reasons = "; ".join(missing)
    return (), f"{reasons[:1].upper()}{reasons[1:]}."


def spread(items: Sequence[T], count: int) -> tuple[T, ...]:
    """Up to ``count`` evenly spaced items; deterministic."""
    count = min(count, len(items))
    return tuple(items[index * len(items) // count] for index in range(count))


def _bundled(bundle: Bundle | None) -> list[Example]:
    names = [name for name in (bundle.files if bundle else ()) if name.endswith(SUFFIXES)]
    if bundle is None or not names:
        raise DatasetError("no example pictures came with the model")
    captions = _captions(_bundle_file(bundle, f"{names[0].partition('/')[0]}/captions.json") or b"{}")
    return [
        Example(file, "the model’s own files", captions.get(file, ()), partial(_bundle_file, bundle, name))
        for name in sorted(names)
        for file in [name.rpartition("/")[2]]
    ]


def _bundle_file(bundle: Bundle, name: str) -> bytes:
    return manifest.content(bundle.folder, name, bundle.files[name]) if name in bundle.files else b""


def _captions(data: bytes) -> dict[str, tuple[str, ...]]:
    """``{picture: captions}`` of a captions.json; entries of another structure are left out."""
    value = reader.parse_object(data, "captions.json")
    return {
        name: tuple(captions)
        for name, captions in value.items()
        if isinstance(captions, list) and all(isinstance(caption, str) for caption in captions)
    }


def _dataset_name(bundle: Bundle | None) -> str:
    """The name of the dataset that a model learned from."""
    with suppress(CaptionerError):  # a malformed dataset.json is shown by the pages that draw it
        return dataset_info.of(bundle.dataset() if bundle else None).name
    return flickr8k.NAME


def _from_folder(folder: Path, split: str, learned_from: str) -> list[Example]:
    """Pictures that a model of that split has not been trained on; the kaggle split has no test part."""
    if not folder.is_dir():
        raise DatasetError(f"there is no {learned_from} folder {folder}")
    dataset = datasets.load(folder, split)
    if dataset.name != learned_from:
        raise DatasetError(f"{folder} holds {dataset.name}, and the model learned from {learned_from}")
    part = "test" if "test" in dataset.splits else "dev"
    pictures = sorted(dataset.splits[part].items())
    source = f"the {dataset.name} collection: {len(pictures):,} photos that the model did not learn from"
    return [
        Example(name, source, captions, partial(_read_file, dataset.path(name)))
        for name, captions in pictures
    ]


def _read_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DatasetError(f"{path} cannot be read ({error.strerror or error}).") from error


def _cache_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "captioner"


def _downloaded(cache: Path) -> list[Example]:
    """Pictures downloaded from the Hub earlier."""
    try:
        return _cached(cache / "examples" / HUB_REVISION)
    except DatasetError as error:
        raise DatasetError("those from the Hugging Face Hub are not here yet") from error


def _from_hub(cache: Path) -> list[Example]:
    """The cached pictures; they are downloaded if missing or damaged."""
    folder = cache / "examples" / HUB_REVISION
    with suppress(CaptionerError):
        return _cached(folder)
    with hub_errors.translated_errors(HUB_REPO, HUB_REVISION):
        rows = _first_rows()
    try:
        _store(folder, spread(rows, EXAMPLE_COUNT))
    except OSError as error:
        raise HubError(f"the examples cannot be kept in {folder} ({error.strerror or error}).") from error
    return _cached(folder)


def _cached(folder: Path) -> list[Example]:
    captions = _captions(_read_file(folder / "captions.json"))
    pictures = [name for name in captions if (folder / name).is_file()]
    if not pictures:
        raise DatasetError(f"{folder} holds no picture")
    source = f"the Flickr8k collection ({HUB_REPO} on the Hub): photos that the model did not learn from"
    return [Example(name, source, captions[name], partial(_read_file, folder / name)) for name in pictures]


def _store(folder: Path, rows: Sequence[dict[str, Any]]) -> None:
    """The captions are written last: after a crash, pictures without them are ignored."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [_file_name(row["image"]["path"], number) for number, row in enumerate(rows)]
    for name, row in zip(names, rows, strict=True):
        (folder / name).write_bytes(row["image"]["bytes"])
    captions = {name: [row[key] for key in CAPTION_COLUMNS] for name, row in zip(names, rows, strict=True)}
    (folder / "captions.json").write_bytes(manifest.canonical(captions))


def _file_name(path: str | None, number: int) -> str:
    """The picture's own file name where the row has a plain one."""
    name = Path(path or "").name
    return name if re.fullmatch(r"\w[\w.-]*\.jpg", name, re.ASCII) else f"test-{number:03d}.jpg"


def _first_rows() -> list[dict[str, Any]]:
    """The first row group of the test split: ``image`` {bytes, path} and five captions a row.

    Where the pinned commit or its file is gone, the file is looked for in the dataset as it is now.
    """
    from huggingface_hub import HfFileSystem

    files = HfFileSystem(endpoint=os.environ.get("HF_ENDPOINT") or None, skip_instance_cache=True)
    try:
        return _read_rows(files, HUB_REVISION, HUB_FILE)
    except FileNotFoundError:
        return _read_rows(files, *_find_test_file())


def _find_test_file() -> tuple[str, str]:
    """The newest commit of the dataset, and the first parquet file of its test split."""
    from huggingface_hub import HfApi

    info = HfApi(endpoint=os.environ.get("HF_ENDPOINT") or None).dataset_info(HUB_REPO)
    names = sorted(file.rfilename for file in info.siblings or ())
    tests = [name for name in names if re.search(r"(^|[/_-])test\b.*\.parquet$", name)]
    if not tests or not info.sha:
        raise HubError(f"{HUB_REPO} has no parquet file of test pictures any more")
    return info.sha, tests[0]


def _read_rows(files: HfFileSystem, revision: str, name: str) -> list[dict[str, Any]]:
    """Only the row group is downloaded, by range requests for the bytes that pyarrow reads."""
    from pyarrow import ArrowException, parquet

    columns = ["image", *CAPTION_COLUMNS]
    with files.open(f"datasets/{HUB_REPO}@{revision}/{name}", cache_type="none") as file:
        try:
            table = parquet.ParquetFile(file)
            if missing := set(columns) - set(table.schema_arrow.names):
                raise HubError(f"{name} of {HUB_REPO} lacks the columns {', '.join(sorted(missing))}")
            size = table.metadata.row_group(0).total_byte_size
            if size > MAX_BYTES:
                raise HubError(f"{HUB_REPO} gives pictures by {size // 10**6} MB, more than is fetched here")
            rows: list[dict[str, Any]] = table.read_row_group(0, columns=columns).to_pylist()
        except ArrowException as error:
            raise HubError(f"{name} of {HUB_REPO} came damaged ({error})") from error
    return rows


def main() -> int:
    """Download the pictures from the Hub. Exit code 2: failed, with a message on standard error."""
    try:
        _from_hub(_cache_folder())
    except CaptionerError as error:
        print(f"python -m captioner: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
