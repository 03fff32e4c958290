"""The pinned word: how sure the model was of it, why it is there, what else it could have said."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd
import streamlit as st

from captioner.app.caption import counterfactual, texts
from captioner.app.components import charts, wording
from captioner.app.components.interactive_caption.attention import describe_attention
from captioner.inference.decoding import Candidate, DecodingOptions, Word
from captioner.text import is_content_word

MAX_OTHERS = 2  # words in the sentence about them; the chart has all
MAX_BEFORE = 5  # words before it that are quoted


def show(candidate: Candidate, index: int, options: DecodingOptions, key: str) -> None:
    """Draw the details of one word of a sentence."""
    word = candidate.words[index]
    chosen = counterfactual.is_chosen(word, index, key)
    with st.container(border=True):
        st.subheader(_title(word), anchor=False)
        if not chosen:
            st.markdown(explain(candidate.words, index, options))
        st.markdown(" ".join(filter(None, (_certainty(word, chosen=chosen), _attention_sentence(word)))))
        st.markdown(_others(word))
        counterfactual.show_choices(candidate, index, key)
        _show_probabilities(word)


def _title(word: Word) -> str:
    return f"“{wording.word_markdown(word.text)}”" if word.text else texts.END_OF_SENTENCE


def _certainty(word: Word, *, chosen: bool) -> str:
    """How sure one may be of a word, in a sentence or two."""
    level = wording.level(word)
    if chosen or not word.text:
        return texts.YOUR_WORD if chosen else texts.END
    if level is None or word.calibrated_probability is None:
        return "" if is_content_word(word.text) else texts.FUNCTION_WORD
    return f"{texts.LEVELS[level]} {texts.MEASURED.format(share=wording.in_10(word.calibrated_probability))}"


def _attention_sentence(word: Word) -> str:
    return "" if word.attention is None else texts.LOOKED.format(where=describe_attention(word.attention))


def _others(word: Word) -> str:
    """The likeliest words that could have stood there instead."""
    allowed = [text for text, _ in word.runners_up if text not in word.blocked][:MAX_OTHERS]
    named = texts.OR.join(map(_quoted, allowed))
    return texts.OTHER_WORDS.format(words=named[:1].upper() + named[1:]) if named else texts.NO_OTHER_WORDS


def _quoted(word: str) -> str:
    return texts.QUOTED.format(word=wording.word_markdown(word)) if word else texts.TO_STOP


def _show_probabilities(word: Word) -> None:
    """A chart of the model's own probabilities, folded: they are not those of being right."""
    if not word.runners_up:
        return
    frame = _frame(word)
    rows = zip(frame["word"], frame["label"], strict=True)
    listed = ", ".join(f"“{text}” ({label})" for text, label in rows)
    with st.expander(texts.OTHER_WORDS_DETAILS, icon=":material/bar_chart:"):
        st.altair_chart(
            charts.probabilities(frame), width="stretch", alt=texts.OTHER_WORDS_CHART.format(words=listed)
        )
        st.caption(texts.OTHER_WORDS_EXPLAINED)


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
        label=probabilities.map(wording.percent),
    )


def explain(words: Sequence[Word], index: int, options: DecodingOptions) -> str:
    """Why a word stands where it does, as Markdown.

    The decoder gives every word a probability, from the picture's regions and the words so far. Where others
    had a higher one, there is a reason why they were not used.

    Args:
        words: of the sentence.
        index: of the word.
        options: how the sentence was found.
    """
    word, place = words[index], _place(words[:index])
    chosen_instead = _reason(options).format(word=_quoted(word.text))
    not_allowed = texts.LIKELIER_BLOCKED.format(rule=wording.NO_REPEAT)
    examples: dict[str, str] = {}  # reason → the first word that it applies to
    for text, log_prob in word.runners_up:
        if log_prob > word.log_prob:
            examples.setdefault(not_allowed if text in word.blocked else chosen_instead, _quoted(text))
    sentences = [texts.LIKELIEST.format(word=_quoted(word.text), place=place)]
    if examples:
        templates = [texts.LIKELIER, *[texts.LIKELIER_TOO] * (len(examples) - 1)]
        sentences = [
            template.format(word=other, place=place, reason=reason)
            for template, (reason, other) in zip(templates, examples.items(), strict=True)
        ]
    return " ".join([texts.WHY, *sentences])


def _place(before: Sequence[Word]) -> str:
    """Where a word stands: after these."""
    previous = [wording.word_markdown(word.text) for word in before]
    cut = ["…"] if len(previous) > MAX_BEFORE else []
    words = " ".join(cut + previous[-MAX_BEFORE:])
    return texts.AFTER_WORDS.format(words=words) if words else texts.FIRST_WORD


def _reason(options: DecodingOptions) -> str:
    if options.temperature is not None:
        return texts.LIKELIER_RANDOM
    return texts.LIKELIER_SENTENCE
