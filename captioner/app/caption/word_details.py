"""The pinned word: how sure the model was of it, what else it could have said, and trying that."""

from __future__ import annotations

import math

import pandas as pd
import streamlit as st

from captioner.app.caption import counterfactual, texts
from captioner.app.components import charts, wording
from captioner.app.components.interactive_caption.attention import describe_attention
from captioner.inference.decoding import Candidate, DecodingOptions, Word
from captioner.text import is_content_word

MAX_OTHERS = 2  # words in the sentence about them; the chart has all


def show(candidate: Candidate, index: int, options: DecodingOptions, key: str) -> None:
    """Draw the details of one word of a sentence."""
    word = candidate.words[index]
    chosen = counterfactual.is_chosen(word, index, key)
    with st.container(border=True):
        st.subheader(_title(word), anchor=False)
        st.markdown(" ".join(filter(None, (_certainty(word, chosen=chosen), _looked(word)))))
        st.markdown(_others(word))
        left, right = st.columns(2, gap="large")
        with left:
            _show_others(word)
            for reason in explain_likelier_words(word, options, chosen=chosen):
                st.caption(reason)
        with right:
            counterfactual.show_choices(candidate, index, key)


def _title(word: Word) -> str:
    return f"“{wording.word_markdown(word.text)}”" if word.text else texts.END_OF_SENTENCE


def _certainty(word: Word, *, chosen: bool) -> str:
    """How sure one may be of a word, in a sentence or two."""
    level = wording.level(word)
    if chosen or not word.text:
        return texts.YOUR_WORD if chosen else texts.END
    if level is None or word.calibrated is None:
        return "" if is_content_word(word.text) else texts.FUNCTION_WORD
    return f"{texts.LEVELS[level]} {texts.MEASURED.format(share=wording.in_10(word.calibrated))}"


def _looked(word: Word) -> str:
    return "" if word.attention is None else texts.LOOKED.format(where=describe_attention(word.attention))


def _others(word: Word) -> str:
    """The likeliest words that could have stood there instead."""
    allowed = [text for text, _ in word.runners_up if text not in word.blocked][:MAX_OTHERS]
    named = texts.OR.join(f"“{wording.word_markdown(text)}”" for text in allowed)
    return texts.OTHER_WORDS.format(words=named) if named else texts.NO_OTHER_WORDS


def _show_others(word: Word) -> None:
    if not word.runners_up:
        return
    frame = _frame(word)
    rows = zip(frame["word"], frame["label"], strict=True)
    listed = ", ".join(f"“{text}” ({label})" for text, label in rows)
    st.altair_chart(
        charts.probabilities(frame), width="stretch", alt=texts.OTHER_WORDS_CHART.format(words=listed)
    )


def _frame(word: Word) -> pd.DataFrame:
    """A row for the word and each runner-up: word, probability, chosen (or other), label."""
    rows = [(word.text, word.log_prob, "chosen"), *((*other, "other") for other in word.runners_up)]
    frame = pd.DataFrame(rows, columns=["word", "probability", "chosen"]).sort_values(
        "probability", ascending=False, kind="stable"
    )
    probabilities = frame["probability"].map(math.exp)
    return frame.assign(
        word=frame["word"].map(wording.display_word),
        probability=probabilities,
        label=probabilities.map(wording.in_10),
    )


def explain_likelier_words(word: Word, options: DecodingOptions, *, chosen: bool) -> list[str]:
    """Why likelier words than this one were not used, as Markdown: a sentence for each reason.

    ``chosen`` is whether the visitor chose the word.
    """
    chosen_instead = _reason(options, chosen=chosen).format(word=wording.word_markdown(word.text))
    not_allowed = texts.LIKELIER_BLOCKED.format(rule=wording.NO_REPEAT)
    examples: dict[str, str] = {}  # reason → the first word that it applies to
    for text, log_prob in word.runners_up:
        if log_prob > word.log_prob:
            blocked = text in word.blocked and not chosen
            examples.setdefault(not_allowed if blocked else chosen_instead, wording.word_markdown(text))
    return [texts.LIKELIER_WORD.format(word=text, reason=reason) for reason, text in examples.items()]


def _reason(options: DecodingOptions, *, chosen: bool) -> str:
    if chosen:
        return texts.LIKELIER_YOU_CHOSE
    if options.temperature is not None:
        return texts.LIKELIER_RANDOM
    return texts.LIKELIER_SENTENCE
