"""Names the pages, and what serves them. Start with ``streamlit run streamlit_app.py``."""

from __future__ import annotations

import streamlit as st
from starlette.middleware import Middleware

from captioner.app.about import page as about
from captioner.app.batch import page as batch
from captioner.app.caption import page as caption
from captioner.app.compare import page as compare
from captioner.app.components import layout
from captioner.app.explore import page as explore
from captioner.app.review import page as review
from captioner.app.state import session_cleanup
from captioner.app.state.upload_limit import UploadLimit
from captioner.app.training_report import page as training_report

PAGES = (  # address, title, icon
    (caption, "caption", "Caption", "image_search"),
    (batch, "batch", "Many pictures", "photo_library"),
    (compare, "compare", "Compare", "compare"),
    (explore, "explore", "Explore", "travel_explore"),
    (review, "review", "Review", "rate_review"),
    (training_report, "training", "How it was trained", "school"),
    (about, "about", "About", "info"),
)

if __name__ != "__main__":  # ``streamlit run`` finds this server in the text, and imports it
    session_cleanup.configure_allocator()
    app = st.App(__file__, middleware=[Middleware(UploadLimit)], lifespan=session_cleanup.lifespan)
else:  # a visitor's run of the page
    pages = [
        st.Page(module.page, title=title, icon=f":material/{icon}:", url_path=address)
        for module, address, title, icon in PAGES
    ]
    layout.run(pages, batch.waiting_uploads)
