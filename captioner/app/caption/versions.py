"""Other sentences about the same image, and how each differs from the caption."""

from __future__ import annotations

import streamlit as st

from captioner.app.caption import texts
from captioner.app.components import wording
from captioner.inference.captioner import Caption
from captioner.inference.decoding import DecodingOptions


def show(caption: Caption, options: DecodingOptions) -> None:
    """Draw the other candidates, best first."""
    sampled = options.temperature is not None
    if not caption.alternatives:
        st.markdown(texts.ALL_SAME if sampled else texts.ONLY_ONE)
        return
    st.markdown(texts.RANDOM_VERSIONS_TEXT if sampled else texts.VERSIONS_TEXT)
    st.markdown(
        "\n".join(
            f"{rank}. {wording.bold_differences(caption.text, other.text)}  \n"
            f":small[{wording.escape(wording.describe_difference(caption.text, other.text))}]"
            for rank, other in enumerate(caption.alternatives, start=2)
        )
    )
