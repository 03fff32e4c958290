"""The picture, its sentence and its words without any script, for browsers where the component fails.

It is on every page, unseen. The component's script hides it for good; where that does not run, because
something blocks it or it breaks, this appears after a moment.
"""

from __future__ import annotations

import streamlit as st

from captioner.app.components import browser, wording
from captioner.app.components.interactive_caption.attention import describe_attention
from captioner.inference.decoding import Candidate, Word

KEY = "plain-caption"  # of the container; component.js has it, too
DELAY = 3  # seconds
HEADINGS = "| Word | How sure | Where the model looked |\n|---|---|---|"
NO_SCRIPT = "A script of this page did not run in your browser, so the words cannot be selected."
# Streamlit would show the script's error in its own words.
STYLE = f"""
.st-key-interactive_caption [role="alert"] {{ display: none; }}
:has(> .st-key-{KEY}) {{ position: absolute; visibility: hidden; animation: appear 0s {DELAY}s forwards; }}
@keyframes appear {{ to {{ position: static; visibility: visible; }} }}
"""


def show(picture: bytes, candidate: Candidate, note: str) -> None:
    """Draw a JPEG file, the sentence, the note below it, and a table of the words."""
    browser.add_style(STYLE)
    with st.container(key=KEY):
        st.image(picture, width="stretch", alt=candidate.text)
        st.header(f"“{wording.escape(candidate.text)}”", anchor=False)
        st.markdown(wording.escape(note))
        st.caption(NO_SCRIPT)
        st.markdown("\n".join([HEADINGS, *map(_row, candidate.words)]))


def _row(word: Word) -> str:
    looked = "" if word.attention is None else describe_attention(word.attention)
    return f"| {wording.word_markdown(word.text)} | {wording.level(word) or ''} | {looked} |"
