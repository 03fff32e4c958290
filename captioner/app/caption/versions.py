"""Other sentences about the same image, and how each differs from the caption."""

from __future__ import annotations

import streamlit as st

from captioner.app.components import wording
from captioner.inference.captioner import Caption
from captioner.inference.decoding import DecodingOptions

TITLE, ICON = "Other versions", ":material/format_list_numbered:"
INTRODUCTION = "The model weighed several sentences. Words that the caption does not have are bold."
RANDOM = "The model made these at random. Words that the caption does not have are bold."
ONLY_ONE = "None: the model weighed only one sentence. Below you can have it weigh more."
ALL_SAME = "None: all random versions were the same. Another number or more creativity changes that."


def show(caption: Caption, options: DecodingOptions) -> None:
    """Draw the other candidates, best first."""
    sampled = options.temperature is not None
    if not caption.alternatives:
        st.markdown(ALL_SAME if sampled else ONLY_ONE)
        return
    st.markdown(RANDOM if sampled else INTRODUCTION)
    st.markdown(
        "\n".join(
            f"{rank}. {wording.bold_differences(caption.text, other.text)}  \n"
            f":small[{wording.escape(wording.describe_difference(caption.text, other.text))}]"
            for rank, other in enumerate(caption.alternatives, start=2)
        )
    )
