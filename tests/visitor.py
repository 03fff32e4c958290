"""A visitor's actions on a page of the app, and the text that the page shows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import TextInput

from captioner.app.components.interactive_caption.component import PINNED

APP = Path(__file__).resolve().parent.parent / "streamlit_app.py"
TIMEOUT = 60  # seconds


def open_page(page: str | None = None, **query: str) -> AppTest:
    """Open one page by its folder's name, or the whole app, with these query parameters."""
    if page is None:
        app = AppTest.from_file(APP, default_timeout=TIMEOUT)
    else:
        script = (
            f"from captioner.app.{page} import page\n"
            "from captioner.app.components.errors import error_boundary\n"
            "with error_boundary():\n    page.page()"
        )
        app = AppTest.from_string(script, default_timeout=TIMEOUT)
    for name, value in query.items():
        app.query_params[name] = value
    return app.run()


def reconnect(app: AppTest) -> AppTest:
    """The same browser in a new session, as after a restart of the server: only its widgets have values."""
    again = AppTest(app._script_path, default_timeout=TIMEOUT)
    again.query_params = dict(app.query_params)
    return checked(again._run(app._tree.get_widget_states()))


def checked(app: AppTest) -> AppTest:
    """Assert that the page shows no exception and no error."""
    assert not app.exception
    assert [error.value for error in app.error] == []
    return app


def page_text(app: AppTest) -> str:
    """All headings, text, captions and warnings of the page, with plain instead of no-break spaces."""
    kinds = (app.header, app.subheader, app.markdown, app.caption, app.warning)
    return "\n".join(element.value for kind in kinds for element in kind).replace("\u00a0", " ")


def upload(app: AppTest, data: bytes, name: str = "mine.png") -> AppTest:
    app.file_uploader[0].set_value((name, data, "image/png")).run()
    return app


def text_input(app: AppTest, label: str) -> TextInput:
    return next(one for one in app.text_input if one.label == label)


def press(app: AppTest, label: str) -> AppTest:
    next(button for button in app.button if button.label == label).click().run()
    return checked(app)


def interactive_caption(app: AppTest) -> dict[str, Any] | None:
    """What the browser gets to draw a picture with its sentence; None while there is no picture."""
    components = _interactive_captions(app)
    data: dict[str, Any] | None = json.loads(components[0].proto.json) if components else None
    return data


def _interactive_captions(app: AppTest) -> list[Any]:
    """The component, without the one that takes pasted files."""
    components = app.get("bidi_component")
    return [found for found in components if found.proto.component_name == "interactive_caption"]


def sentence(app: AppTest) -> str | None:
    """The sentence that stands with the picture."""
    data = interactive_caption(app)
    return str(data["sentence"]) if data else None


def open_details(app: AppTest) -> AppTest:
    """Open the box with all numbers behind a caption."""
    app.session_state["details"] = True
    return checked(app.run())


def pin(app: AppTest, index: int | None) -> AppTest:
    """Pin a word. Streamlit's tests run no browser, so the page's own record of it is set."""
    app.session_state[PINNED] = ((interactive_caption(app) or {})["key"], index)
    return checked(app.run())
