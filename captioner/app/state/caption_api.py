"""The HTTP API beside the pages, on the same active bundle. CAPTIONER_API=off turns it off.

It is on by default: whoever reaches it also reaches the page, which captions the same pictures, and of a busy
one visitors feel at most the pictures that its few workers hold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from captioner.app.state import serving, upload_limit, uploads
from captioner.app.state.settings import setting
from captioner.http.api import Api
from captioner.http.queue import Limits, Queue

if TYPE_CHECKING:
    from captioner.inference.captioner import Captioner


# Caches nothing, but within a cached function no other one shows its spinner: here is no page to show it on.
@st.cache_resource(show_spinner=False, validate=lambda _: False)
def _captioner() -> Captioner:
    return serving.captioner()


queue = Queue(Limits(held_bytes=uploads.MAX_TOTAL_BYTES), others=upload_limit.held_bytes)
api = Api(_captioner, queue, enabled=lambda: setting("CAPTIONER_API") != "off")
routes = [api.route()]
