"""Every byte that the manifest does not vouch for is refused, and the file is named."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from captioner import bundle, manifest
from captioner.config import FORMAT
from captioner.errors import BundleError
from captioner.manifest import MANIFEST
from tests import tiny

ODD_NAMES = ["", "../a.jpg", "/etc/passwd", "C:a.jpg", "model.keras", "captioner.pkl", "Config.json"]
ODD_NAMES += [
    f"samples/{name}" for name in ("../a.jpg", ".a.jpg", "/a.jpg", "b/a.jpg", "a.py", "a.jpg\n", "\\a.jpg")
]

ODD_MANIFESTS = [
    b"",
    b"{",
    b"[]",
    b"{}",
    b"null",
    b'"x"',
    b"\xff\xfe",
    b"[" * 100_000,
    b"9" * 5_000,
    b'{"a":1,"a":1}',
]
ODD_MANIFESTS += [
    b'{"files":[],"format":1}\n',
    b'{"files":{},"format":1}\n',
    b'{"files":{},"format":1,"more":1}\n',
]
ODD_MANIFESTS += [
    b'{"files":{},"format":%s}\n' % number for number in (b"1e999", b"NaN", b"true", b"1.0", b"0")
]

SHA256 = "0" * 64
ODD_ENTRIES: list[object] = [None, [], "x", {}, {"size": 1}, {"size": 1, "sha256": SHA256, "more": 1}]
ODD_ENTRIES += [{"size": size, "sha256": SHA256} for size in (-1, True, 1.0, "1", 10**30, None)]
ODD_ENTRIES += [{"size": 1, "sha256": sha256} for sha256 in ("0" * 63, "g" * 64, "A" * 64, 0, None)]


posix_only = pytest.mark.skipif(os.name != "posix", reason="needs POSIX links, processes or permissions")


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.whole(tmp_path_factory.mktemp("pristine") / "artifacts").folder


@pytest.fixture
def folder(pristine: Path, tmp_path: Path) -> Path:
    return shutil.copytree(pristine, tmp_path / "artifacts")


def reseal(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the manifest, but keep it canonical."""
    value = json.loads((folder / MANIFEST).read_bytes())
    change(value)
    (folder / MANIFEST).write_bytes(manifest.canonical(value))


@pytest.mark.parametrize("name", [MANIFEST, "config.json", "captioner.tflite"])
def test_any_flipped_bit_is_noticed(folder: Path, name: str) -> None:
    whole = (folder / name).read_bytes()
    for bit in range(0, 8 * len(whole), 7):  # a prime step visits every place in a byte
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        (folder / name).write_bytes(flipped)
        with pytest.raises(BundleError):
            bundle.verify(folder)


@pytest.mark.parametrize("name", [*manifest.FILES, MANIFEST, "samples/a.jpg"])
def test_a_missing_or_cut_file_is_named(folder: Path, name: str) -> None:
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole[:-1])
    with pytest.raises(BundleError, match=Path(name).name):
        bundle.verify(folder)

    (folder / name).unlink()
    with pytest.raises(BundleError, match=Path(name).name):
        bundle.verify(folder)


@posix_only
@pytest.mark.parametrize("name", ["config.json", MANIFEST, "samples"])
def test_links_are_refused(folder: Path, name: str) -> None:
    elsewhere = folder.with_name("elsewhere")
    (folder / name).rename(elsewhere)
    (folder / name).symlink_to(elsewhere)

    with pytest.raises(BundleError, match=f"{name} is a symbolic link"):
        bundle.verify(folder)


def test_a_folder_in_place_of_a_file_is_refused(folder: Path) -> None:
    (folder / "README.md").unlink()
    (folder / "README.md").mkdir()

    with pytest.raises(BundleError, match=r"README\.md is missing"):
        bundle.verify(folder)


@pytest.mark.parametrize("name", ODD_NAMES)
def test_names_outside_the_list_are_refused_both_ways(folder: Path, name: str) -> None:
    with pytest.raises(BundleError, match="no file of a bundle"):
        bundle.replace(folder, {name: b""})

    reseal(folder, lambda value: value["files"].update({name: value["files"]["config.json"]}))
    with pytest.raises(BundleError, match="no file of a bundle"):
        bundle.verify(folder)


def test_names_that_differ_in_case_only_are_refused(folder: Path) -> None:
    reseal(folder, lambda value: value["files"].update({"samples/A.jpg": value["files"]["samples/a.jpg"]}))

    with pytest.raises(BundleError, match="upper and lower case"):
        bundle.verify(folder)


@pytest.mark.parametrize("entry", ODD_ENTRIES)
def test_malformed_entries_are_refused(folder: Path, entry: object) -> None:
    reseal(folder, lambda value: value["files"].update({"README.md": entry}))

    with pytest.raises(BundleError, match=r"README\.md needs a size"):
        bundle.verify(folder)


@pytest.mark.parametrize("data", ODD_MANIFESTS)
def test_malformed_manifests_are_refused(folder: Path, data: bytes) -> None:
    (folder / MANIFEST).write_bytes(data)

    with pytest.raises(BundleError, match=MANIFEST):
        bundle.verify(folder)


def test_a_manifest_written_another_way_is_refused(folder: Path) -> None:
    value = json.loads((folder / MANIFEST).read_bytes())
    (folder / MANIFEST).write_text(json.dumps(value, indent=1))

    with pytest.raises(BundleError, match="edited or damaged"):
        bundle.verify(folder)


def test_a_newer_format_asks_for_an_update(folder: Path) -> None:
    reseal(folder, lambda value: value.update(format=FORMAT + 1))

    with pytest.raises(BundleError, match="Update captioner"):
        bundle.verify(folder)
