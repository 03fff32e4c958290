"""The frame of every page: the navigation, the margins, and the links at the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import streamlit as st

from captioner.app.components.errors import error_boundary
from captioner.app.state import uploads
from captioner.app.state.session_cleanup import sessions
from captioner.child_process import ROOT

if TYPE_CHECKING:
    from streamlit.navigation.page import StreamlitPage
    from streamlit.runtime.uploaded_file_manager import UploadedFile

ICON = ROOT / "captioner" / "app" / "icon.png"  # for a ":material/…:", a browser would ask fonts.gstatic.com
WIDTH = 1080  # pixels: wider screens get margins instead of longer lines


def run(pages: Sequence[StreamlitPage], waiting_uploads: Callable[[], Sequence[UploadedFile]]) -> None:
    """Run the page that the visitor is on.

    Args:
        pages: all pages; the first is the one that opens.
        waiting_uploads: the files that outlive a change of page, as they wait to be captioned.
    """
    sessions.note_current()
    st.set_page_config(page_title="Captioner", page_icon=ICON, layout="wide")
    current = st.navigation(pages, position="top")
    uploads.free_other_pages(current.url_path, waiting_uploads())
    with st.container(horizontal_alignment="center"), st.container(width=WIDTH):
        with error_boundary():
            current.run()
        st.divider()
        with st.container(horizontal=True):  # on a phone the navigation hides behind a button
            for page in pages:
                st.page_link(page)
