"""Shared fixtures: a tiny Flickr8k, a bundle that runs, and the real data if it is present."""

from __future__ import annotations

import gc
import itertools
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
import streamlit as st
from hypothesis import settings
from streamlit.components.v2 import manifest_scanner

from captioner.app.components import examples
from captioner.app.state import serving
from captioner.app.state.serving import ActiveBundle
from captioner.bundle import storage as bundles
from captioner.bundle.storage import Bundle
from captioner.data import datasets
from captioner.data.datasets import Dataset
from captioner.data.examples import Example
from tests import tiny, tiny_flickr8k
from tests.fake_captioner import FakeCaptioner, photo
from tests.fake_hub import FakeHub, connect

# The same examples at every run, however busy the machine; `make fuzz` draws others.
settings.register_profile("repeatable", max_examples=60, derandomize=True, database=None, deadline=None)
settings.register_profile("fresh", max_examples=300, database=None, deadline=None)
settings.load_profile("repeatable")
HERE = Path(__file__).parent
SLOW = ("training", "browser")  # folders, of which the quick tests leave out both
numbers = itertools.count()
Fake = TypeVar("Fake", bound=FakeCaptioner)
UseCaptioner = Callable[..., Fake]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--quick", action="store_true", help="leave out the slow tests; forbid TensorFlow")
    parser.addoption(
        "--slow", action="store_true", help="only training, browser, services, what is marked slow"
    )


def pytest_configure(config: pytest.Config) -> None:
    gc.set_threshold(200_000, 20, 50)  # at the default a tenth of the time goes into collecting garbage
    if config.getoption("--quick"):
        for name in ("tensorflow", "keras"):
            sys.modules[name] = None  # type: ignore[assignment]  # so that an import fails


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    slow = collection_path.parent == HERE and collection_path.name in SLOW
    return True if slow and config.getoption("--quick") else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    quick, slow = config.getoption("--quick"), config.getoption("--slow")
    if quick or slow:
        unwanted = [item for item in items if _is_slow(item) != slow]
        config.hook.pytest_deselected(items=unwanted)
        items[:] = [item for item in items if _is_slow(item) == slow]


def _is_slow(item: pytest.Item) -> bool:
    in_slow_folder = item.path.relative_to(HERE).parts[0] in SLOW
    return in_slow_folder or any(item.get_closest_marker(name) for name in ("service", "slow"))


@pytest.fixture(scope="session", autouse=True)
def quick_environment() -> Iterator[None]:
    """Take away what costs a third of the time and proves nothing here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda handle: None)  # the disk survives every test
        # Every page that is drawn would look through all installed packages again.
        patch.setattr(manifest_scanner, "scan_component_manifests", list)
        yield


@pytest.fixture(scope="session")
def kaggle_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Kaggle layout; not to be changed."""
    return tiny_flickr8k.kaggle(tmp_path_factory.mktemp("kaggle") / "flickr8k")


@pytest.fixture(scope="session")
def original_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The original layout; not to be changed."""
    return tiny_flickr8k.original(tmp_path_factory.mktemp("original") / "flickr8k")


@pytest.fixture(scope="session")
def tiny_dataset(kaggle_folder: Path) -> Dataset:
    """The official split: 8, 4 and 4 pictures."""
    return datasets.load(kaggle_folder)


@pytest.fixture(scope="session")
def kaggle_dataset(kaggle_folder: Path) -> Dataset:
    """The kaggle split: 14 and 2 pictures."""
    return datasets.load(kaggle_folder, "kaggle")


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A bundle that LiteRT runs; not to be changed."""
    return tiny.runnable_bundle(tmp_path_factory.mktemp("bundle") / "artifacts")


@pytest.fixture(scope="session")
def sealed_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle with every file; not to be changed."""
    return tiny.full_bundle(tmp_path_factory.mktemp("pristine") / "artifacts").folder


@pytest.fixture
def artifacts(sealed_bundle: Path, tmp_path: Path) -> Path:
    """A copy of ``sealed_bundle`` that a test may change."""
    return shutil.copytree(sealed_bundle, tmp_path / "artifacts")


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    """A fake Hub that the client connects to."""
    with FakeHub() as server:
        connect(server, monkeypatch, tmp_path / "cache")
        yield server


@pytest.fixture(scope="session")
def committed() -> Bundle:
    """The bundle that comes with the repository; not to be changed."""
    return bundles.load(serving.COMMITTED)


@pytest.fixture(scope="session")
def real_flickr8k() -> Path:
    """The real dataset's folder, where there is one."""
    folder = Path(os.environ.get("CAPTIONER_FLICKR8K") or "data/flickr8k")
    if not folder.is_dir():
        pytest.skip(f"no Flickr8k at {folder}; CAPTIONER_FLICKR8K names its folder")
    return folder


@pytest.fixture(scope="session")
def real_encoders() -> Path:
    """A folder of ImageNet weights, where there is one."""
    folder = Path(os.environ.get("CAPTIONER_ENCODERS") or "data/encoders")
    if not folder.is_dir():
        pytest.skip(f"no encoder weights at {folder}; CAPTIONER_ENCODERS names their folder")
    return folder


# These two do not ask for ``monkeypatch``: it would then be undone after a test's other fixtures, not before.
@pytest.fixture(autouse=True)
def main_module() -> Iterator[None]:
    """Puts back what AppTest replaces by a page: processes that are started later would run that page."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "__main__", sys.modules["__main__"])
        yield


@pytest.fixture(autouse=True)
def ratings_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where people's ratings go in a test: nowhere else, and into a new file for each."""
    file = tmp_path_factory.getbasetemp() / "ratings" / f"{next(numbers)}.sqlite"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CAPTIONER_DATABASE", f"sqlite:///{file}")
        yield file


@pytest.fixture
def empty_caches() -> Iterator[None]:
    """Empty Streamlit's resource caches before and after a test."""
    st.cache_resource.clear()
    yield
    st.cache_resource.clear()


@pytest.fixture
def use_captioner(monkeypatch: pytest.MonkeyPatch, empty_caches: None) -> UseCaptioner[Fake]:
    """Replaces the app's captioner, bundle and example pictures."""

    def put(captioner: Fake, pictures: Mapping[str, Example] | None = None) -> Fake:
        thumbnail = np.zeros((6, 8, 3), np.uint8)
        offered = {name: (example, thumbnail) for name, example in (pictures or {}).items()}
        sentence = "Pictures from a test." if offered else "No example pictures here: it is a test."
        running = ActiveBundle(captioner.bundle, "a test", "It stands in.")
        monkeypatch.setattr(serving, "active_bundle", lambda: running)
        monkeypatch.setattr(serving, "captioner", lambda: captioner)
        monkeypatch.setattr(serving, "examples", lambda: (dict(pictures or {}), sentence))
        monkeypatch.setattr(examples, "thumbnails", lambda: (offered, sentence))
        return captioner

    return put


@pytest.fixture
def fake(use_captioner: UseCaptioner[FakeCaptioner], tmp_path: Path) -> FakeCaptioner:
    """The app's captioner, without a model; there are two example pictures."""
    return use_captioner(
        FakeCaptioner(tiny.full_bundle(tmp_path / "artifacts")), example_pictures("one.png", "two.png")
    )


@pytest.fixture
def no_examples(fake: FakeCaptioner, monkeypatch: pytest.MonkeyPatch) -> None:
    """No picture is open until a test uploads one."""
    monkeypatch.setattr(examples, "thumbnails", lambda: ({}, "No examples here: it is a test."))


def example_pictures(*names: str) -> dict[str, Example]:
    """Example pictures, each with a reference that names it."""
    return {
        name: Example(name, "a test", (f"Somebody wrote {name}.",), lambda seed=seed: photo(seed))  # type: ignore[misc]
        for seed, name in enumerate(names, start=1)
    }
