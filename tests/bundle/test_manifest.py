"""Bytes that do not match the manifest are refused, and the file is named."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from captioner.bundle import manifest, storage
from captioner.bundle.manifest import MANIFEST
from captioner.bundle.migration import FORMAT
from captioner.errors import BundleError

ODD_NAMES = ["", "../a.jpg", "/etc/passwd", "C:a.jpg", "model.keras", "captioner.pkl", "Config.json"]
ODD_NAMES += [
    f"examples/{name}" for name in ("../a.jpg", ".a.jpg", "/a.jpg", "b/a.jpg", "a.py", "a.jpg\n", "\\a.jpg")
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


def reseal(artifacts: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the manifest, but keep it canonical."""
    value = json.loads((artifacts / MANIFEST).read_bytes())
    change(value)
    (artifacts / MANIFEST).write_bytes(manifest.canonical(value))


@pytest.mark.parametrize("name", [MANIFEST, "config.json", "captioner.tflite"])
def test_any_flipped_bit_is_detected(artifacts: Path, name: str) -> None:
    whole = (artifacts / name).read_bytes()
    for bit in range(0, 8 * len(whole), 7):  # a prime step visits every place in a byte
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        (artifacts / name).write_bytes(flipped)
        with pytest.raises(BundleError):
            storage.load(artifacts)


@pytest.mark.parametrize("name", [*manifest.FILES, MANIFEST, "examples/a.jpg"])
def test_a_missing_or_cut_file_is_named(artifacts: Path, name: str) -> None:
    whole = (artifacts / name).read_bytes()
    (artifacts / name).write_bytes(whole[:-1])
    with pytest.raises(BundleError, match=Path(name).name):
        storage.load(artifacts)

    (artifacts / name).unlink()
    with pytest.raises(BundleError, match=Path(name).name):
        storage.load(artifacts)


@pytest.mark.parametrize("name", ["vocabulary.json", "history.csv", "README.md", "captioner.tflite"])
def test_a_size_is_looked_at_before_a_file_is_read(
    artifacts: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    with pytest.raises(BundleError, match="needs a size up to"):
        manifest._entry(name, {"size": manifest.max_bytes(name) + 1, "sha256": SHA256})

    os.truncate(artifacts / name, 2 * manifest.MAX_BYTES)
    hashed: list[str] = []
    monkeypatch.setattr(manifest, "_sha256", lambda path: hashed.append(path.name))
    with pytest.raises(BundleError, match=f"{name} has {2 * manifest.MAX_BYTES} bytes"):
        manifest.check(artifacts, name, manifest.Entry(5, SHA256))
    assert hashed == []


def test_a_bundle_is_bounded_as_a_whole(artifacts: Path) -> None:
    one = {"size": manifest.max_bytes("examples/a.jpg"), "sha256": SHA256}
    reseal(artifacts, lambda value: value["files"].update({f"examples/{i}.jpg": one for i in range(20)}))

    with pytest.raises(BundleError, match="a bundle has at most"):
        storage.load(artifacts)


@posix_only
@pytest.mark.parametrize("name", ["config.json", MANIFEST, "examples"])
def test_links_are_refused(artifacts: Path, name: str) -> None:
    elsewhere = artifacts.with_name("elsewhere")
    (artifacts / name).rename(elsewhere)
    (artifacts / name).symlink_to(elsewhere)

    with pytest.raises(BundleError, match=f"{name} is a symbolic link"):
        storage.load(artifacts)


def test_a_folder_in_place_of_a_file_is_refused(artifacts: Path) -> None:
    (artifacts / "README.md").unlink()
    (artifacts / "README.md").mkdir()

    with pytest.raises(BundleError, match=r"README\.md is missing"):
        storage.load(artifacts)


@pytest.mark.parametrize("name", ODD_NAMES)
def test_names_outside_the_list_are_refused_both_ways(artifacts: Path, name: str) -> None:
    with pytest.raises(BundleError, match="no file of a bundle"):
        storage.replace(artifacts, {name: b""})

    reseal(artifacts, lambda value: value["files"].update({name: value["files"]["config.json"]}))
    with pytest.raises(BundleError, match="no file of a bundle"):
        storage.load(artifacts)


def test_names_that_differ_in_case_only_are_refused(artifacts: Path) -> None:
    reseal(
        artifacts, lambda value: value["files"].update({"examples/A.jpg": value["files"]["examples/a.jpg"]})
    )

    with pytest.raises(BundleError, match="upper and lower case"):
        storage.load(artifacts)


@pytest.mark.parametrize("entry", ODD_ENTRIES)
def test_malformed_entries_are_refused(artifacts: Path, entry: object) -> None:
    reseal(artifacts, lambda value: value["files"].update({"README.md": entry}))

    with pytest.raises(BundleError, match=r"README\.md needs a size"):
        storage.load(artifacts)


@pytest.mark.parametrize("data", ODD_MANIFESTS)
def test_malformed_manifests_are_refused(artifacts: Path, data: bytes) -> None:
    (artifacts / MANIFEST).write_bytes(data)

    with pytest.raises(BundleError, match=MANIFEST):
        storage.load(artifacts)


def test_a_manifest_written_another_way_is_refused(artifacts: Path) -> None:
    value = json.loads((artifacts / MANIFEST).read_bytes())
    (artifacts / MANIFEST).write_text(json.dumps(value, indent=1))

    with pytest.raises(BundleError, match="edited or damaged"):
        storage.load(artifacts)


def test_a_newer_format_asks_for_an_update(artifacts: Path) -> None:
    reseal(artifacts, lambda value: value.update(format=FORMAT + 1))

    with pytest.raises(BundleError, match="Update captioner"):
        storage.load(artifacts)
