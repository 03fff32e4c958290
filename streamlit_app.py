"""Names the pages. Start with ``streamlit run streamlit_app.py``."""

from __future__ import annotations

import streamlit as st

from captioner.app import about, batch, caption, compare, explore, resources, review, training

PAGES = [
    st.Page(caption.page, title="Caption", icon=":material/image_search:", url_path="caption", default=True),
    st.Page(batch.page, title="Many pictures", icon=":material/photo_library:", url_path="batch"),
    st.Page(compare.page, title="Compare", icon=":material/compare:", url_path="compare"),
    st.Page(explore.page, title="Explore", icon=":material/travel_explore:", url_path="explore"),
    st.Page(review.page, title="Review", icon=":material/rate_review:", url_path="review"),
    st.Page(training.page, title="How it was trained", icon=":material/school:", url_path="training"),
    st.Page(about.page, title="About", icon=":material/info:", url_path="about"),
]

# Our own file: for a ":material/…:" icon, a browser would ask fonts.gstatic.com.
icon = resources.ROOT / "captioner" / "app" / "icon.png"
st.set_page_config(page_title="Captioner", page_icon=icon, layout="wide")
here = st.navigation(PAGES, position="top")
# Wide screens get margins, not longer lines.
with st.container(horizontal_alignment="center"), st.container(width=1080):
    with resources.explained():
        here.run()
    st.divider()
    with st.container(horizontal=True):  # on a phone the navigation hides behind a button
        for other in PAGES:
            st.page_link(other)
