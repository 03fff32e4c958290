"""Which bundle the app runs, and what it says about that."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from captioner.app.state import serving
from captioner.app.state.serving import ActiveBundle
from captioner.bundle import hub, storage
from captioner.bundle.storage import Bundle
from captioner.errors import BundleError
from captioner.inference.captioner import Captioner
from captioner.text import SPECIALS
from tests import tiny
from tests.fake_hub import FakeHub

REPO = "someone/captioner"


@pytest.fixture
def committed(tmp_path: Path) -> Bundle:
    return write(tmp_path / "artifacts", "committed")


def write(folder: Path, recipe: str, model: bytes = b"") -> Bundle:
    """A bundle that LiteRT runs unless another model is given: what is pulled is tried."""
    files = tiny.required_files(tiny.config(recipe=recipe), model or tiny.litert_model("attention"))
    return storage.write(folder, files | {"README.md": "# A card\n"})


def choose(tmp_path: Path, repo: str = "", folder: str = "", revision: str = "") -> ActiveBundle:
    return serving.select_bundle(folder, repo, revision, tmp_path / "pulled", tmp_path / "artifacts")


def fetch(tmp_path: Path, recipe: str, revision: str | None = None) -> Bundle:
    """Push a bundle, and have it in the store, as the app's process that fetches does."""
    hub.push(write(tmp_path / "trained", recipe).folder, REPO)
    return hub.update(REPO, revision, tmp_path / "pulled", Captioner)


def test_with_nothing_set_the_committed_bundle_runs(tmp_path: Path, committed: Bundle) -> None:
    active = choose(tmp_path)
    assert active.bundle.checksum == committed.checksum
    assert active.reason == serving.FALLBACK


def test_what_was_fetched_runs_only_where_its_repository_is_named(
    server: FakeHub, tmp_path: Path, committed: Bundle
) -> None:
    fetched = fetch(tmp_path, "pushed")
    active = choose(tmp_path, REPO)
    assert active.bundle.checksum == fetched.checksum
    assert REPO in active.source
    for repo in ("", "someone/else"):
        assert choose(tmp_path, repo).bundle.checksum == committed.checksum


def test_choosing_a_bundle_sends_no_request(server: FakeHub, tmp_path: Path, committed: Bundle) -> None:
    assert choose(tmp_path, REPO).bundle.checksum == committed.checksum
    assert server.requests == []


def test_another_commit_than_the_one_named_is_used_until_that_one_is_here(
    server: FakeHub, tmp_path: Path, committed: Bundle
) -> None:
    first = hub.push(write(tmp_path / "trained", "first").folder, REPO)
    fetch(tmp_path, "second")
    active = choose(tmp_path, REPO, revision=first.commit)
    assert active.bundle.config.recipe == "second"
    assert f"CAPTIONER_REVISION names {first.commit[:12]}" in active.reason
    hub.update(REPO, first.commit, tmp_path / "pulled", Captioner)
    assert choose(tmp_path, REPO, revision=first.commit).bundle.config.recipe == "first"


@pytest.mark.parametrize("name", ["vocabulary.json", "manifest.json", "captioner.tflite"])
def test_a_damaged_fetched_bundle_is_passed_over(
    server: FakeHub, tmp_path: Path, committed: Bundle, name: str
) -> None:
    fetched = fetch(tmp_path, "pushed")
    (fetched.folder / name).write_text("[]")
    active = choose(tmp_path, REPO)
    assert active.bundle.checksum == committed.checksum
    assert "cannot be used" in active.reason


def test_a_fetched_model_that_does_not_run_is_passed_over(
    server: FakeHub, tmp_path: Path, committed: Bundle, empty_caches: None
) -> None:
    hub.push(write(tmp_path / "trained", "broken", b"not a model").folder, REPO)
    hub.update(REPO, None, tmp_path / "pulled", lambda _: None)  # another LiteRT may have run it
    active = choose(tmp_path, REPO)
    assert active.bundle.checksum == committed.checksum
    assert "cannot be used" in active.reason


def test_a_named_folder_goes_before_everything(server: FakeHub, tmp_path: Path) -> None:
    mine = write(tmp_path / "mine", "mine")
    active = choose(tmp_path, REPO, folder=str(mine.folder))
    assert (active.bundle.checksum, active.source) == (mine.checksum, "the folder mine")
    assert server.requests == []


def test_a_named_folder_is_tried(tmp_path: Path, committed: Bundle) -> None:
    with pytest.raises(BundleError, match="does not"):
        choose(tmp_path, folder=str(write(tmp_path / "mine", "mine", b"not a model").folder))


def test_no_bundle_at_all_is_explained(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="holds no bundle"):
        choose(tmp_path)


def test_the_bundle_is_found_once_for_all_visitors(
    tmp_path: Path, committed: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    st.cache_resource.clear()
    calls = []

    def choose(*settings: str) -> ActiveBundle:
        calls.append(settings)
        return ActiveBundle(committed, "a test", "It is one.")

    monkeypatch.setattr(serving, "select_bundle", choose)
    script = "from captioner.app.state import serving\nserving.active_bundle()"
    for _ in range(2):
        assert not AppTest.from_string(script).run().exception
    assert len(calls) == 1
    st.cache_resource.clear()


CAPTION = """
import numpy as np
import streamlit as st
from captioner.app.state import serving, session
image = np.arange(3072, dtype=np.uint8).reshape(32, 32, 3)
for number in range({pictures}):
    picture = session.DecodedImage("a.png", image, str(number))
    best = session.caption_image(picture, serving.captioner().options).best
st.text(best.text)
"""


def test_a_bundle_written_while_the_app_runs_becomes_active(
    tmp_path: Path, committed: Bundle, monkeypatch: pytest.MonkeyPatch, empty_caches: None
) -> None:
    monkeypatch.setenv("CAPTIONER_BUNDLE", str(committed.folder))
    image = np.arange(3072, dtype=np.uint8).reshape(32, 32, 3)
    app = AppTest.from_string(CAPTION.format(pictures=1), default_timeout=60)
    before = app.run().text[0].value
    assert before == Captioner(committed).caption(image).best.text
    words = json.dumps([*SPECIALS, *reversed(tiny.WORDS)])  # so that the same ids are other words
    after = Captioner(storage.replace(committed.folder, {"vocabulary.json": words})).caption(image).best.text
    assert app.run().text[0].value == after != before


def test_a_broken_bundle_is_reported_without_its_path(
    tmp_path: Path, committed: Bundle, monkeypatch: pytest.MonkeyPatch, empty_caches: None
) -> None:
    committed.model_path.write_bytes(b"")
    monkeypatch.setenv("CAPTIONER_BUNDLE", str(committed.folder))
    script = (
        "from captioner.app.components.errors import error_boundary\n"
        "from captioner.app.state import serving\n"
        "with error_boundary():\n    serving.active_bundle()"
    )
    (error,) = AppTest.from_string(script, default_timeout=60).run().error
    assert error.value.startswith("Captioner.tflite has 0 bytes")
    assert str(tmp_path) not in error.value
