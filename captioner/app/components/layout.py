"""The frame of every page: its name, the navigation, the margins; and where the pages of old links are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import streamlit as st

from captioner.app.components import browser
from captioner.app.components.errors import error_boundary
from captioner.app.state import uploads
from captioner.app.state.index_page import NAME
from captioner.app.state.session_cleanup import sessions
from captioner.child_process import ROOT

if TYPE_CHECKING:
    from streamlit.navigation.page import Page
    from streamlit.runtime.uploaded_file_manager import UploadedFile

ICON = ROOT / "captioner" / "app" / "icon.png"  # for a ":material/…:", a browser would ask fonts.gstatic.com
LOGO = ROOT / "captioner" / "app" / "logo.svg"  # the mark and the name
MISTAKES = "mistakes"  # part of the page “How good is it?”, as ``link`` and its address name it
WIDTH = 1080  # pixels: wider screens get margins instead of longer lines
# A phone: less of its first screen for the title, and a name for the button that shows the pages.
STYLE = """@media (max-width: 640px) {
  h1 { font-size: 1.6rem !important; padding-top: 0 !important; }
  [data-testid="stMainBlockContainer"] { padding-top: 4.5rem !important; }
}
[data-testid="stExpandSidebarButton"]::after { content: "Menu"; }"""


def run(
    pages: Sequence[Page],
    moved: Mapping[str, tuple[Page, Mapping[str, str]]],
    waiting_uploads: Callable[[], Sequence[UploadedFile]],
) -> None:
    """Run the page that the visitor is on.

    Args:
        pages: all pages; the first is the one that opens.
        moved: address of a former page → the page that has its content, and query parameters to add.
        waiting_uploads: the files that outlive a change of page, as they wait to be captioned.
    """
    sessions.note_current()
    st.session_state["pages"] = {page.url_path: page for page in pages}
    hidden = [_redirect(address, *target) for address, target in moved.items()]
    # Before the navigation: a browser would ask fonts.gstatic.com for a page's icon until this one comes.
    st.set_page_config(page_icon=ICON, layout="wide")
    current = st.navigation([*pages, *hidden], position="top")
    st.set_page_config(page_title=f"{current.title} – {NAME}")
    ink = st.get_option(f"theme.{st.context.theme.type or 'light'}.textColor") or "currentColor"
    st.logo(LOGO.read_text("utf-8").replace("currentColor", ink), size="large")
    browser.add_style(STYLE)
    browser.close_menu(current.url_path)
    uploads.free_other_pages(current.url_path, waiting_uploads())
    with st.container(horizontal_alignment="center"), st.container(width=WIDTH), error_boundary():
        current.run()


def link(address: str, label: str, **query: str) -> None:
    """A link to another page by its address; nothing where the page runs alone."""
    if page := st.session_state.get("pages", {}).get(address):
        st.page_link(page, label=label, query_params=query or None)


def _redirect(address: str, target: Page, added: Mapping[str, str]) -> Page:
    """A page that no menu shows, and that sends a visitor on with all that the old link says."""

    def redirect() -> None:
        st.switch_page(target, query_params={**st.query_params.to_dict(), **added})

    return st.Page(redirect, title=target.title, url_path=address, visibility="hidden")
