"""A visitor's actions on a page of the app, and the text that the page shows."""

from __future__ import annotations

from pathlib import Path

from streamlit.testing.v1 import AppTest

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


def checked(app: AppTest) -> AppTest:
    """Assert that the page shows no exception and no error."""
    assert not app.exception
    assert [error.value for error in app.error] == []
    return app


def page_text(app: AppTest) -> str:
    """All headings, text and captions of the page, with plain instead of no-break spaces."""
    kinds = (app.header, app.subheader, app.markdown, app.caption)
    return "\n".join(element.value for kind in kinds for element in kind).replace("\u00a0", " ")


def upload(app: AppTest, data: bytes, name: str = "mine.png") -> AppTest:
    app.file_uploader[0].set_value((name, data, "image/png")).run()
    return app


def press(app: AppTest, label: str) -> AppTest:
    next(button for button in app.button if button.label == label).click().run()
    return checked(app)
