"""Other sentences about the same image, and how each differs from the caption."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from captioner.app.caption import texts
from captioner.app.components import decoding_controls, wording
from captioner.app.state import serving
from captioner.app.state.session import DecodedImage, caption_image
from captioner.inference.captioner import Caption
from captioner.inference.decoding import Candidate, DecodingOptions

MAX_TRIES = 4  # versions, to find one that differs


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


def other_seed(image: DecodedImage, shown: Candidate, options: DecodingOptions) -> int:
    """The number of the next random version that says something else, or that of the last one tried."""
    sampled = options.temperature is not None
    plain = decoding_controls.without_samples(serving.captioner().options)
    base = options if sampled else replace(plain, temperature=decoding_controls.DEFAULT_TEMPERATURE)
    seed = options.seed if sampled else decoding_controls.DEFAULT_SEED - 1
    for _ in range(MAX_TRIES):
        seed = (seed + 1) % (decoding_controls.MAX_SEED + 1)
        if caption_image(image, replace(base, seed=seed)).best.text != shown.text:
            break
    return seed
