"""The bundles besides the active one: which are offered, and what becomes of broken ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from captioner.app.state import other_bundles, serving
from captioner.bundle import storage
from captioner.bundle.storage import Bundle
from tests import tiny
from tests.conftest import UseCaptioner
from tests.fake_captioner import FakeCaptioner


@pytest.fixture
def active(use_captioner: UseCaptioner[FakeCaptioner], tmp_path: Path) -> Bundle:
    """The app's own bundle."""
    bundle = tiny.full_bundle(tmp_path / "artifacts")
    use_captioner(FakeCaptioner(bundle))
    return bundle


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where further bundles are looked for; there is none."""
    monkeypatch.setenv("CAPTIONER_OTHER_BUNDLES", str(tmp_path / "bundles"))
    return tmp_path / "bundles"


def test_a_copy_of_the_active_bundle_is_not_offered(active: Bundle, folder: Path) -> None:
    storage.write(folder / "twin", {name: active.folder / name for name in active.files})
    assert other_bundles.load() == ({}, {})


def test_a_bundle_that_is_put_there_later_is_found(active: Bundle, folder: Path) -> None:
    assert other_bundles.load() == ({}, {})
    late = storage.write(folder / "late", tiny.required_files(tiny.config(beams=1)))
    assert other_bundles.load() == ({"late": late}, {})
    again = storage.write(folder / "late", tiny.required_files(tiny.config(beams=2)))
    assert other_bundles.load()[0]["late"].checksum == again.checksum


def test_the_store_of_downloaded_bundles_is_no_broken_bundle(
    active: Bundle, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "pulled" / "a-version").mkdir(parents=True)
    assert set(other_bundles.load()[1]) == {"pulled"}
    monkeypatch.setattr(serving, "HUB_STORE", folder / "pulled")
    assert other_bundles.load() == ({}, {})


def test_a_bundle_looked_at_while_it_is_copied_is_whole_in_the_end(active: Bundle, folder: Path) -> None:
    whole = storage.write(folder / "late", tiny.required_files(tiny.config(beams=1)))
    vocabulary = (folder / "late" / "vocabulary.json").read_bytes()
    (folder / "late" / "vocabulary.json").unlink()
    assert "vocabulary.json is missing" in other_bundles.load()[1]["late"]
    (folder / "late" / "vocabulary.json").write_bytes(vocabulary)
    assert other_bundles.load() == ({"late": whole}, {})
