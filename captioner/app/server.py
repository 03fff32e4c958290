"""What the web server has besides the pages: upload limits, the HTTP API, a first page, background work."""

from __future__ import annotations

from typing import Any

from starlette.middleware import Middleware

from captioner.app.caption import warm_up
from captioner.app.state import caption_api, index_page, session_cleanup, upload_limit
from captioner.http import allocator


def start() -> dict[str, Any]:
    """Prepare the process, begin to load the model, and return the arguments of ``st.App``."""
    allocator.configure()
    warm_up.start()
    return {
        "routes": caption_api.routes,
        "middleware": [
            Middleware(upload_limit.UploadLimit, others=caption_api.queue.held_bytes),
            Middleware(index_page.IndexPage),
        ],
        "lifespan": session_cleanup.lifespan,
    }
