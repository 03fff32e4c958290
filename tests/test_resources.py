"""Which bundle the app runs, and what it says about that."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from captioner import bundle, hub
from captioner.app import resources
from captioner.bundle import Bundle
from captioner.errors import BundleError
from captioner.model import Captioner
from captioner.text import SPECIALS
from tests import tiny
from tests.fake_captioner import FakeCaptioner
from tests.stand_in_hub import StandInHub

REPO = "someone/captioner"
AT_ONCE = 5  # seconds, on a busy machine


@pytest.fixture
def committed(tmp_path: Path) -> Bundle:
    return write(tmp_path / "artifacts", "committed")


def write(folder: Path, recipe: str, model: bytes = b"") -> Bundle:
    """A bundle that LiteRT runs unless another model is given: what is pulled is tried."""
    files = tiny.files(tiny.config(recipe=recipe), model or tiny.model("attention"))
    return bundle.write(folder, files | {"README.md": "# A card\n"})


def choose(tmp_path: Path, repo: str = "", folder: str = "", revision: str = "") -> resources.Running:
    return resources.choose(folder, repo, revision, tmp_path / "pulled", tmp_path / "artifacts")


def test_with_nothing_set_the_committed_bundle_runs(tmp_path: Path, committed: Bundle) -> None:
    running = choose(tmp_path)
    assert running.bundle.checksum == committed.checksum
    assert "No CAPTIONER_REPO is set" in running.why


def test_what_was_pushed_runs(server: StandInHub, tmp_path: Path, committed: Bundle) -> None:
    pushed = hub.push(write(tmp_path / "trained", "pushed").folder, REPO)
    running = choose(tmp_path, REPO)
    assert running.bundle.config.recipe == "pushed"
    assert REPO in running.source
    assert pushed.commit[:12] in running.source


def test_a_revision_is_kept_to(server: StandInHub, tmp_path: Path, committed: Bundle) -> None:
    first = hub.push(write(tmp_path / "trained", "first").folder, REPO)
    hub.push(write(tmp_path / "trained", "second").folder, REPO)
    assert choose(tmp_path, REPO).bundle.config.recipe == "second"
    assert choose(tmp_path, REPO, revision=first.commit).bundle.config.recipe == "first"


@pytest.mark.parametrize("repo", [REPO, ""])
def test_without_the_hub_the_last_good_bundle_runs_at_once(
    server: StandInHub, tmp_path: Path, committed: Bundle, repo: str
) -> None:
    hub.push(write(tmp_path / "trained", "pushed").folder, REPO)
    choose(tmp_path, REPO)
    server.stop()
    started = time.monotonic()
    running = choose(tmp_path, repo)
    assert running.bundle.config.recipe == "pushed"
    assert REPO in running.source
    assert ("could not be reached" if repo else "No CAPTIONER_REPO is set") in running.why
    assert time.monotonic() - started < AT_ONCE


def test_without_the_hub_and_without_a_pulled_bundle_the_committed_one_runs(
    server: StandInHub, tmp_path: Path, committed: Bundle
) -> None:
    server.stop()
    running = choose(tmp_path, REPO)
    assert running.bundle.checksum == committed.checksum
    assert "could not be reached" in running.why


def test_a_damaged_pulled_bundle_is_passed_over(
    server: StandInHub, tmp_path: Path, committed: Bundle
) -> None:
    hub.push(write(tmp_path / "trained", "pushed").folder, REPO)
    choose(tmp_path, REPO)
    server.stop()
    (tmp_path / "pulled" / "vocabulary.json").write_text("[]")
    assert choose(tmp_path, REPO).bundle.checksum == committed.checksum


def test_a_pulled_model_that_does_not_run_is_passed_over(
    server: StandInHub, tmp_path: Path, committed: Bundle
) -> None:
    broken = hub.push(write(tmp_path / "trained", "broken", b"not a model").folder, REPO)
    running = choose(tmp_path, REPO)
    assert running.bundle.checksum == committed.checksum
    assert f"{broken.commit[:12]} was not taken over" in running.why
    assert "does not fit its bundle" in running.why

    hub.push(write(tmp_path / "trained", "good").folder, REPO)
    choose(tmp_path, REPO)
    hub.push(write(tmp_path / "trained", "broken", b"not a model").folder, REPO)
    assert choose(tmp_path, REPO).bundle.config.recipe == "good"


def test_a_named_folder_goes_before_everything(server: StandInHub, tmp_path: Path) -> None:
    mine = write(tmp_path / "mine", "mine")
    assert choose(tmp_path, REPO, folder=str(mine.folder)).bundle.checksum == mine.checksum
    assert server.requests == []


def test_no_bundle_at_all_is_explained(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="holds no bundle"):
        choose(tmp_path)


def test_settings_come_from_the_environment_then_from_the_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CAPTIONER_REPO", raising=False)
    monkeypatch.chdir(tmp_path)  # where no secrets are
    assert resources.setting("CAPTIONER_REPO") == ""
    ask = "st.text(resources.setting('CAPTIONER_REPO'))"
    app = AppTest.from_string(f"import streamlit as st\nfrom captioner.app import resources\n{ask}")
    app.secrets["CAPTIONER_REPO"] = "from/secrets"
    assert app.run().text[0].value == "from/secrets"
    monkeypatch.setenv("CAPTIONER_REPO", "from/environment")
    assert app.run().text[0].value == "from/environment"


def test_the_bundle_is_found_once_for_all_visitors(
    tmp_path: Path, committed: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    st.cache_resource.clear()
    asked = []

    def choose(*settings: str) -> resources.Running:
        asked.append(settings)
        return resources.Running(committed, "a test", "It is one.")

    monkeypatch.setattr(resources, "choose", choose)
    script = "from captioner.app import resources\nresources.running()"
    for _ in range(2):
        assert not AppTest.from_string(script).run().exception
    assert len(asked) == 1
    st.cache_resource.clear()


CAPTION = """
import numpy as np
import streamlit as st
from captioner.app import resources
image = np.arange(3072, dtype=np.uint8).reshape(32, 32, 3)
for number in range({pictures}):
    picture = resources.Picture("a.png", bytes([number]))
    said = resources.captions(picture, image, resources.captioner().options).best
st.text(said.text)
"""


def test_a_bundle_that_is_written_while_the_app_runs_is_the_one_that_speaks(
    tmp_path: Path, committed: Bundle, monkeypatch: pytest.MonkeyPatch, nothing_cached: None
) -> None:
    monkeypatch.setenv("CAPTIONER_BUNDLE", str(committed.folder))
    image = np.arange(3072, dtype=np.uint8).reshape(32, 32, 3)
    app = AppTest.from_string(CAPTION.format(pictures=1), default_timeout=60)
    before = app.run().text[0].value
    assert before == Captioner(committed).caption(image).best.text
    words = json.dumps([*SPECIALS, *reversed(tiny.WORDS)])  # so that the same ids are other words
    after = Captioner(bundle.replace(committed.folder, {"vocabulary.json": words})).caption(image).best.text
    assert app.run().text[0].value == after != before


def test_a_visit_keeps_the_captions_and_what_was_seen_in_the_open_pictures(fake: FakeCaptioner) -> None:
    app = AppTest.from_string(CAPTION.format(pictures=5)).run().run()
    assert (len(app.session_state["_captions"]), len(app.session_state["_regions"])) == (5, resources.OPEN)
    assert fake.encoded == 5
