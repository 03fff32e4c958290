"""A session that its browser has left is closed, and memory goes back to the system."""

from __future__ import annotations

import asyncio

from captioner.app.state import session_cleanup
from captioner.app.state.upload_limit import MIN_BYTES
from tests.app.state.conftest import UploadServer


def test_a_session_that_was_left_is_closed_and_its_bytes_are_freed(streamlit: UploadServer) -> None:
    assert asyncio.run(streamlit.put("me", 9 * MIN_BYTES)) == 204
    assert asyncio.run(streamlit.put("you", 5 * MIN_BYTES)) == 204
    assert session_cleanup.sessions.close_abandoned(0) == 0
    streamlit.active.remove("me")
    assert session_cleanup.sessions.close_abandoned(3600) == 0  # the connection may only be lost for a moment
    assert session_cleanup.sessions.close_abandoned(0) == 1
    assert streamlit.closed == ["me"]
    assert streamlit.stored() == 5 * MIN_BYTES
    assert session_cleanup.sessions.close_abandoned(0) == 0
