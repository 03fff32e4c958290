"""What is set for the server, and what of that no page shows."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from captioner.app.state.settings import setting, without_paths
from captioner.child_process import ROOT


@pytest.mark.parametrize(
    ("sentence", "shown"),
    [
        ("/srv/my models/mine/config.json is missing.", "config.json is missing."),
        ("/tmp/x-1/vocabulary.json was altered", "vocabulary.json was altered"),
        (f"{ROOT}/artifacts holds no bundle", "artifacts holds no bundle"),
        ("C:\\Users\\me\\mine has 3 bytes", "mine has 3 bytes"),
        ("user/name is not at https://a.b/c or in 1/2", "user/name is not at https://a.b/c or in 1/2"),
    ],
)
def test_pages_show_no_paths_of_the_server(
    monkeypatch: pytest.MonkeyPatch, sentence: str, shown: str
) -> None:
    monkeypatch.setenv("CAPTIONER_BUNDLE", "/srv/my models/mine")
    assert without_paths(sentence) == shown


def test_settings_come_from_the_environment_then_from_the_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CAPTIONER_REPO", raising=False)
    monkeypatch.chdir(tmp_path)  # where no secrets are
    assert setting("CAPTIONER_REPO") == ""
    monkeypatch.setenv("CAPTIONER_BUNDLES", "/srv/others")  # as an earlier version called it
    assert setting("CAPTIONER_OTHER_BUNDLES") == "/srv/others"
    ask = "st.text(setting('CAPTIONER_REPO'))"
    app = AppTest.from_string(
        f"import streamlit as st\nfrom captioner.app.state.settings import setting\n{ask}"
    )
    app.secrets["CAPTIONER_REPO"] = "from/secrets"
    assert app.run().text[0].value == "from/secrets"
    monkeypatch.setenv("CAPTIONER_REPO", "from/environment")
    assert app.run().text[0].value == "from/environment"
