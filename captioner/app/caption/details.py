"""What a specialist wants to know of a caption: probabilities, scores, the search, why it warns."""

from __future__ import annotations

import math

import pandas as pd
import streamlit as st

from captioner.app.caption import beam_tree
from captioner.app.components import wording
from captioner.app.components.errors import error_boundary
from captioner.inference.captioner import Caption
from captioner.inference.decoding import Candidate, DecodingOptions

TITLE, KEY = "Details", "details"
ALL_WORDS = "Of captions as likely as this one, {often} have only words that people used, too."
NOT_RATED = "not rated"
AGREEMENT = "Agreement is the mean similarity to them (CIDEr, 0 to 10); a part of the score is added."


@st.fragment
@error_boundary()
def show(caption: Caption, options: DecodingOptions) -> None:
    """Draw a box with all numbers behind a caption; they are made when it is opened, as charts take time."""
    box = st.expander(TITLE, icon=":material/query_stats:", key=KEY, on_change="rerun")
    if box.open:
        with box:
            _show_numbers(caption, options)


def _show_numbers(caption: Caption, options: DecodingOptions) -> None:
    for warning in caption.warnings:
        st.markdown(f"**Why there is a warning:** {wording.escape(warning.reason)}")
    st.subheader("The words", anchor=False)
    st.dataframe(words(caption.best), hide_index=True, alt="Every word with its probability")
    st.caption(f"{wording.LEVELS_EXPLAINED} {wording.CONFIDENCE_EXPLAINED}")
    st.subheader("The sentences", anchor=False)
    st.dataframe(sentences(caption), hide_index=True, alt="Every sentence with its probability and score")
    st.caption(_method(options))
    if caption.best.calibrated is not None:
        st.caption(ALL_WORDS.format(often=wording.frequency(caption.best.calibrated)))
    beam_tree.show(caption, options)


def words(candidate: Candidate) -> pd.DataFrame:
    """A row for each word of a sentence."""
    return pd.DataFrame(
        {
            "Word": [wording.display_word(word.text) for word in candidate.words],
            "How sure": [wording.level(word) or NOT_RATED for word in candidate.words],
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
        f"picked the words of {options.beams} sentences at random (sampling, temperature "
        f"{options.temperature:g}, seed {options.seed}); the same one may have come up twice"
        if options.temperature is not None
        else f"followed {options.beams} sentences at once (beam search)"
    )
    return (
        f"The model {method}. “1 in …” is the chance that it says exactly this sentence: all its word "
        "probabilities multiplied. Longer sentences would mostly lose, so the ranking evens out length: "
        f"score = log-probability ÷ words\\^{options.length_penalty:g}."
        + (f" {wording.consensus(options)} {AGREEMENT}" if options.consensus else "")
    )
