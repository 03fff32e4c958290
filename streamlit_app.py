"""Names the pages, and what serves them. Start with ``streamlit run streamlit_app.py``."""

from __future__ import annotations

import streamlit as st
from starlette.middleware import Middleware

from captioner.app.about import page as about
from captioner.app.batch import page as batch
from captioner.app.caption import page as caption
from captioner.app.compare import page as compare
from captioner.app.components.errors import error_boundary
from captioner.app.explore import page as explore
from captioner.app.review import page as review
from captioner.app.state import memory, server, uploads
from captioner.app.training_report import page as training_report
from captioner.child_process import ROOT

if __name__ != "__main__":  # ``streamlit run`` finds this server in the text, and imports it
    memory.settle()
    app = st.App(__file__, middleware=[Middleware(server.UploadLimit)], lifespan=server.clearing_up)
else:  # a visitor's run of the page
    PAGES = [
        st.Page(
            caption.page, title="Caption", icon=":material/image_search:", url_path="caption", default=True
        ),
        st.Page(batch.page, title="Many pictures", icon=":material/photo_library:", url_path="batch"),
        st.Page(compare.page, title="Compare", icon=":material/compare:", url_path="compare"),
        st.Page(explore.page, title="Explore", icon=":material/travel_explore:", url_path="explore"),
        st.Page(review.page, title="Review", icon=":material/rate_review:", url_path="review"),
        st.Page(
            training_report.page, title="How it was trained", icon=":material/school:", url_path="training"
        ),
        st.Page(about.page, title="About", icon=":material/info:", url_path="about"),
    ]
    server.visits.here()
    # Our own file: for a ":material/…:" icon, a browser would ask fonts.gstatic.com.
    icon = ROOT / "captioner" / "app" / "icon.png"
    st.set_page_config(page_title="Captioner", page_icon=icon, layout="wide")
    chosen = st.navigation(PAGES, position="top")
    uploads.free_other_pages(chosen.url_path, batch.waiting_uploads())
    # Wide screens get margins, not longer lines.
    with st.container(horizontal_alignment="center"), st.container(width=1080):
        with error_boundary():
            chosen.run()
        st.divider()
        with st.container(horizontal=True):  # on a phone the navigation hides behind a button
            for other in PAGES:
                st.page_link(other)
