"""Warnings above a caption."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from captioner.app.components import wording


def show(codes: Sequence[str]) -> None:
    """Each warning in a box; the caption that follows is then called the best guess."""
    for code in codes:
        st.warning(wording.warning(code))
    if codes:
        st.caption(wording.BEST_GUESS)
