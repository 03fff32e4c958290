"""Uploads are bounded as they arrive."""

from __future__ import annotations

import asyncio
import inspect
from pathlib import Path

import pytest
from streamlit.runtime.app_session import AppSession

from captioner.app.state import upload_limit, uploads
from captioner.app.state.upload_limit import MIN_BYTES
from tests.app.state.conftest import FRAME, UploadServer

ROOT = Path(__file__).resolve().parents[3]


def test_uploads_within_the_limit_are_accepted(streamlit: UploadServer) -> None:
    assert asyncio.run(streamlit.put("me", 5 * MIN_BYTES)) == 204
    assert streamlit.stored() == 5 * MIN_BYTES
    assert streamlit.reruns == []


def test_uploads_above_the_limit_of_a_session_are_refused_with_a_message(streamlit: UploadServer) -> None:
    statuses = [asyncio.run(streamlit.put("me", 4 * MIN_BYTES - FRAME)) for _ in range(4)]
    assert statuses == [204, 204, 413, 413]
    assert streamlit.stored() == 2 * (4 * MIN_BYTES - FRAME)
    assert streamlit.reruns == ["me"]  # once, for both
    assert asyncio.run(streamlit.put("you", 4 * MIN_BYTES)) == 204


def test_small_files_count_too(streamlit: UploadServer) -> None:
    assert [asyncio.run(streamlit.put("me", 1)) for _ in range(11)] == [204] * 10 + [413]


def test_files_that_arrive_together_count_together(streamlit: UploadServer) -> None:
    async def together() -> list[int]:
        return await asyncio.gather(*(streamlit.put("me", 4 * MIN_BYTES - FRAME) for _ in range(5)))

    assert sorted(asyncio.run(together())) == [204, 204, 413, 413, 413]


def test_freed_bytes_may_be_used_again(streamlit: UploadServer) -> None:
    for number in range(5):
        assert asyncio.run(streamlit.put("me", 9 * MIN_BYTES, str(number))) == 204
        streamlit.uploaded_file_mgr.remove_file("me", str(number))


def test_a_full_server_refuses_in_the_end_and_says_that_it_is_busy(
    streamlit: UploadServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload_limit, "QUEUE_TIMEOUT", 0.05)
    assert asyncio.run(streamlit.put("me", 9 * MIN_BYTES)) == 204
    assert asyncio.run(streamlit.put("you", 9 * MIN_BYTES)) == 503
    assert streamlit.reruns == ["you"]
    assert uploads._refusals == {"you": uploads.SERVER_BUSY}


def test_a_full_server_lets_visitors_wait_in_a_queue(streamlit: UploadServer) -> None:
    arrived: list[str] = []

    async def one(session: str) -> None:
        assert await streamlit.put(session, 9 * MIN_BYTES, session) == 204
        arrived.append(session)

    async def line() -> None:
        others = [asyncio.create_task(one(session)) for session in ("me", "you", "them")]
        for session in ("me", "you", "them"):
            while session not in arrived:
                await asyncio.sleep(0)
            assert arrived[-1] == session  # those behind wait
            streamlit.uploaded_file_mgr.remove_file(session, session)
        await asyncio.gather(*others)

    asyncio.run(asyncio.wait_for(line(), 60))
    assert arrived == ["me", "you", "them"]


def test_a_file_that_never_arrives_gives_up_its_room(
    streamlit: UploadServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload_limit, "UPLOAD_TIMEOUT", 0.05)

    async def stalled() -> None:
        never: asyncio.Event = asyncio.Event()
        with pytest.raises(IndexError):  # the connection ends without an answer
            await streamlit.put("me", 9 * MIN_BYTES, begun=never)

    asyncio.run(stalled())
    assert asyncio.run(streamlit.put("me", 9 * MIN_BYTES)) == 204


@pytest.mark.parametrize("length", [b"", b"-1", b"many"])
def test_a_file_must_come_with_its_length(streamlit: UploadServer, length: bytes) -> None:
    assert asyncio.run(streamlit.put("me", 1, length=length)) == 400
    assert streamlit.stored() == 0


def test_an_unknown_session_takes_no_place_in_the_queue(streamlit: UploadServer) -> None:
    assert asyncio.run(streamlit.put("me", 9 * MIN_BYTES)) == 204
    assert asyncio.run(streamlit.put("nobody", 9 * MIN_BYTES)) == 400


def test_streamlit_still_reruns_a_page_from_its_last_state() -> None:
    assert "self.request_rerun(self._client_state)" in inspect.getsource(AppSession)
