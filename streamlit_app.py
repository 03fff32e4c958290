"""Names the pages, and what serves them. Start with ``streamlit run streamlit_app.py``."""

from __future__ import annotations

import streamlit as st

from captioner.app import server
from captioner.app.about import page as about
from captioner.app.batch import results as batch
from captioner.app.caption import page as caption
from captioner.app.compare.comparison import COMPARING
from captioner.app.components import layout
from captioner.app.how_it_works import page as how_it_works
from captioner.app.quality import page as quality
from captioner.app.review import page as review

PAGES = (  # address, title, icon
    (caption, "caption", "Caption", "image_search"),
    (quality, "quality", "How good is it?", "bar_chart"),
    (review, "review", "Review", "rate_review"),
    (how_it_works, "how_it_works", "How it works", "school"),
    (about, "about", "About", "info"),
)
# Addresses of former pages, in old links → where their content is.
MOVED = {"batch": "caption", COMPARING: "caption", "explore": "quality", "training": "how_it_works"}

if __name__ != "__main__":  # ``streamlit run`` finds this server in the text, and imports it
    app = st.App(__file__, **server.start())
else:  # a visitor's run of the page
    pages = {
        address: st.Page(module.page, title=title, icon=f":material/{icon}:", url_path=address)
        for module, address, title, icon in PAGES
    }
    moved = {old: (pages[new], {old: "1"} if old == COMPARING else {}) for old, new in MOVED.items()}
    layout.run(list(pages.values()), moved, batch.waiting_uploads)
