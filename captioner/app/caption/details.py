"""What a specialist wants to know of a caption: probabilities, scores, the search, why it warns."""

from __future__ import annotations

import math

import pandas as pd
import streamlit as st

from captioner.app.caption import beam_tree, texts
from captioner.app.components import examples, wording
from captioner.app.components.errors import error_boundary
from captioner.app.state.session import DecodedImage
from captioner.inference.captioner import Caption
from captioner.inference.decoding import Candidate, DecodingOptions

KEY = "details"


@st.fragment
@error_boundary()
def show(image: DecodedImage, caption: Caption, options: DecodingOptions) -> None:
    """Draw a box with all numbers behind a caption; they are made when it is opened, as charts take time."""
    box = st.expander(texts.DETAILS, icon=":material/query_stats:", key=KEY, on_change="rerun")
    if box.open:
        with box:
            _show_numbers(image, caption, options)


def _show_numbers(image: DecodedImage, caption: Caption, options: DecodingOptions) -> None:
    for warning in caption.warnings:
        st.markdown(texts.WHY_WARNING.format(reason=wording.escape(warning.reason)))
    if sentence := examples.expected_precision(image, caption.best):
        st.markdown(sentence)
        st.caption(wording.EXPECTED_PRECISION_EXPLAINED)
    st.subheader(texts.WORDS, anchor=False)
    st.dataframe(words(caption.best), hide_index=True, alt=texts.WORDS_TABLE)
    st.caption(wording.LEVELS_EXPLAINED)
    st.subheader(texts.SENTENCES, anchor=False)
    st.dataframe(sentences(caption), hide_index=True, alt=texts.SENTENCES_TABLE)
    st.caption(_method(options))
    if caption.best.calibrated_probability is not None:
        st.caption(texts.ALL_WORDS.format(share=wording.percent(caption.best.calibrated_probability)))
    beam_tree.show(caption, options)


def words(candidate: Candidate) -> pd.DataFrame:
    """A row for each word of a sentence."""
    return pd.DataFrame(
        {
            "Word": [wording.display_word(word.text) for word in candidate.words],
            "How sure": [wording.level(word) or texts.NOT_RATED for word in candidate.words],
            "Probability": [wording.percent(math.exp(word.log_prob)) for word in candidate.words],
            "Log-probability": [round(word.log_prob, 3) for word in candidate.words],
            "Runners-up": [
                ", ".join(
                    f"{wording.display_word(text)} {wording.percent(math.exp(p))}"
                    for text, p in word.runners_up
                )
                for word in candidate.words
            ],
        }
    )


def sentences(caption: Caption) -> pd.DataFrame:
    """A row for each candidate, best first."""
    agreements = [c.agreement for c in caption.candidates if c.agreement is not None]
    return pd.DataFrame(
        {
            "Sentence": [candidate.text for candidate in caption.candidates],
            "Chance": [wording.chance(candidate.log_prob) for candidate in caption.candidates],
            "Log-probability": [round(candidate.log_prob, 3) for candidate in caption.candidates],
            "Score": [round(candidate.score, 3) for candidate in caption.candidates],
            **({"Agreement": [round(a, 2) for a in agreements]} if agreements else {}),
        }
    )


def _method(options: DecodingOptions) -> str:
    method = (
        texts.BY_SAMPLING.format(
            sentences=options.num_return_sequences, temperature=f"{options.temperature:g}", seed=options.seed
        )
        if options.temperature is not None
        else texts.BY_BEAM_SEARCH.format(beams=options.beams)
    )
    sentence = texts.METHOD.format(method=method, length_penalty=f"{options.length_penalty:g}")
    return sentence + (f" {wording.consensus(options)} {texts.AGREEMENT}" if options.consensus else "")
