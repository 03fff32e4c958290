"""The HTTP API beside the pages captions with the active bundle."""

from __future__ import annotations

import asyncio

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from captioner.app.state import caption_api, serving, upload_limit, uploads
from captioner.app.state.serving import ActiveBundle
from captioner.app.state.upload_limit import MIN_BYTES
from captioner.bundle.storage import Bundle
from captioner.http.problems import Problem
from captioner.http.queue import Limits
from captioner.inference.captioner import Captioner
from tests.app.state.conftest import UploadServer
from tests.image_files import FILES

CAPTIONS = "/api/v1/captions"


@pytest.fixture
def client(
    tiny_bundle: Bundle, streamlit: UploadServer, monkeypatch: pytest.MonkeyPatch, empty_caches: None
) -> TestClient:
    """The routes as the server has them, before the first visitor."""
    monkeypatch.setattr(serving, "_active_bundle", lambda: ActiveBundle(tiny_bundle, "a test", "It is one."))
    return TestClient(Starlette(routes=caption_api.routes))


def test_it_captions_as_the_active_bundle_does(
    client: TestClient, tiny_bundle: Bundle, caplog: pytest.LogCaptureFixture
) -> None:
    answer = client.post(CAPTIONS, files={"picture": ("x", FILES["png"])})
    assert answer.json() == Captioner(tiny_bundle).caption(FILES["png"]).to_dict()
    assert client.get("/api/v1/health").json()["bundle_checksum"] == tiny_bundle.checksum
    assert "ScriptRunContext" not in caplog.text


def test_a_setting_turns_it_off(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAPTIONER_API", "off")
    answer = client.post(CAPTIONS, content=FILES["png"])
    assert (answer.status_code, "turned off" in answer.json()["detail"]) == (404, True)


def test_it_shares_the_memory_with_uploads(
    client: TestClient, streamlit: UploadServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload_limit, "QUEUE_TIMEOUT", 0.05)
    monkeypatch.setattr(streamlit.app, "_others", caption_api.queue.held_bytes)
    with monkeypatch.context() as captioning:
        captioning.setattr(caption_api.queue, "_held", 7 * MIN_BYTES)
        assert asyncio.run(streamlit.put("me", 9 * MIN_BYTES)) == 503
    assert asyncio.run(streamlit.put("me", 9 * MIN_BYTES)) == 204
    monkeypatch.setattr(caption_api.queue, "limits", Limits(held_bytes=streamlit.stored() + 10))
    assert client.post(CAPTIONS, content=FILES["png"]).status_code == 503


def test_uploads_that_still_arrive_have_their_share(
    streamlit: UploadServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = caption_api.queue
    monkeypatch.setattr(queue, "limits", Limits(held_bytes=uploads.MAX_TOTAL_BYTES))

    async def upload() -> None:
        begun = asyncio.Event()
        arriving = asyncio.create_task(streamlit.put("me", 9 * MIN_BYTES, begun=begun))
        while not upload_limit.held_bytes():
            await asyncio.sleep(0)
        assert streamlit.stored() == 0
        with pytest.raises(Problem, match="take all the memory"):
            queue.hold(7 * MIN_BYTES)
        begun.set()
        assert await arriving == 204

    asyncio.run(asyncio.wait_for(upload(), 60))
    assert upload_limit.held_bytes() == streamlit.stored() == 9 * MIN_BYTES
