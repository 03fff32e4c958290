"""Streamlit finds the server in streamlit_app.py, and the server has all that belongs to it."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
from streamlit.web.server.app_discovery import discover_asgi_app

from captioner.app.caption import warm_up
from captioner.app.state import caption_api, session_cleanup
from captioner.app.state.index_page import IndexPage
from captioner.app.state.upload_limit import UploadLimit
from captioner.child_process import ROOT


def test_streamlit_finds_the_server_and_what_belongs_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    begun = []
    monkeypatch.setattr(warm_up, "start", lambda: begun.append(True))
    result = discover_asgi_app(ROOT / "streamlit_app.py")
    assert result.import_string == "streamlit_app:app"
    monkeypatch.syspath_prepend(str(ROOT))
    monkeypatch.setattr("streamlit.config._main_script_path", None)  # the import sets it
    app: Any = importlib.import_module("streamlit_app").app
    assert [each.cls for each in app._user_middleware] == [UploadLimit, IndexPage]
    assert app._user_lifespan is session_cleanup.lifespan
    assert app._user_routes == caption_api.routes
    assert begun
