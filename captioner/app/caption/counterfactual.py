"""What if it had said another word: the model goes on from there, beside the sentence of its own."""

from __future__ import annotations

import math
from dataclasses import replace

import streamlit as st

from captioner.app.components import wording
from captioner.app.state import serving
from captioner.app.state.session import DecodedImage, caption_image
from captioner.inference.captioner import END_WORD, Candidate, Word
from captioner.inference.decoding import DecodingOptions

Path = tuple[tuple[str, ...], ...]  # the beginnings that the visitor made, one after the other
ASK = "What if it had said another word here? Choose one, and the model goes on from there."


def path(key: str) -> Path:
    """Where the visitor has left the model's own way; the last beginning is the one in force."""
    found: Path = st.session_state.get(_path_key(key), ())
    return found


def word_key(key: str) -> str:
    """Of the widget that selects a word of the sentence in force: the same for all, so it keeps the focus."""
    return f"word {key}"


def current(image: DecodedImage, own: Candidate, options: DecodingOptions, key: str) -> Candidate:
    """The sentence in force: the model's own, or how it goes on from the visitor's last choice."""
    if not (chosen := path(key)):
        return own
    prefix = serving.captioner().prefix(chosen[-1])
    return caption_image(image, replace(options, prefix=prefix)).best


def offered(word: Word, index: int) -> list[tuple[str, float]]:
    """The word that is there and its runners-up, with their log-probabilities, likeliest first."""
    others = [other for other in word.runners_up if index or other[0] != END_WORD]  # no empty sentence
    return sorted([(word.text, word.log_prob), *others], key=lambda option: -option[1])


def ask(shown: Candidate, index: int, key: str) -> None:
    """What could be said in a word's place; the word that is there is selected.

    What is chosen keeps its place and, as the widget stays the same, the keyboard's focus.
    """
    options = offered(shown.words[index], index)
    if len(options) == 1:
        return
    words = [text for text, _ in options]
    # Streamlit tells options apart by their labels: invisible marks keep those of another word apart.
    labels = [
        f"{_name(text)} :small[{wording.percent(math.exp(p))}]" + "\u2060" * index for text, p in options
    ]
    widget, there = f"instead {key}", words.index(shown.words[index].text)
    st.session_state[widget] = there
    st.pills(
        ASK,
        range(len(options)),
        format_func=labels.__getitem__,
        required=True,
        key=widget,
        wrap=True,
        on_change=_chosen,
        args=(key, widget, tuple(said.text for said in shown.words[:index]), words, there),
    )


def _chosen(key: str, widget: str, before: tuple[str, ...], words: list[str], there: int) -> None:
    number = st.session_state[widget]
    if number not in (None, there):
        _go(key, (*path(key), (*before, words[number])), len(before))


def _go(key: str, to: Path, selected: int | None) -> None:
    """Put another path in force, with a word selected."""
    st.session_state[_path_key(key)] = to
    st.session_state[word_key(key)] = selected


def beside(own: Candidate, new: Candidate, options: DecodingOptions, key: str) -> None:
    """The model's own sentence and the new one side by side, which is likelier, and the way back."""
    chosen = path(key)
    st.subheader(f"What if it had said {_quoted(chosen[-1][-1])}?", anchor=False)
    for column, title, this, that in zip(
        st.columns(2, gap="medium"),
        ("Its own sentence", f"With {_listed(chosen)}"),
        (own, new),
        (new, own),
        strict=True,
    ):
        with column.container(border=True):
            st.caption(title)
            end = "" if this.finished else " …"
            st.subheader(f"“{wording.highlighted(this.text, that.text)}{end}”", anchor=False)
            st.markdown(f"Its chance: {wording.odds(this.log_prob)}.")
    st.markdown(verdict(own, new, options))
    _back(chosen, key)


def _back(chosen: Path, key: str) -> None:
    with st.container(horizontal=True):
        last = chosen[-1]
        st.button(
            f"Undo {_quoted(last[-1])}",
            key=f"undo {key}",
            icon=":material/undo:",
            on_click=_go,
            args=(key, chosen[:-1], len(last) - 1),
        )
        if len(chosen) > 1:
            st.button(
                "Back to its own sentence",
                key=f"own {key}",
                icon=":material/restart_alt:",
                on_click=_go,
                args=(key, (), None),
            )


def verdict(own: Candidate, new: Candidate, options: DecodingOptions) -> str:
    """Which of the two the model finds better, as Markdown."""
    if own.text == new.text:
        return "**That leads back to the same sentence,** word for word."
    if options.temperature is not None:
        return f"**{_likelier(own, new)}** Both were drawn by lot, so neither need be the best it has."
    if new.score > own.score:
        gone = "it had given up this beginning too early" if options.beams > 1 else "it never looked back"
        why = f"The search missed it: {gone}."
        if any(word.text in word.blocked for word in new.words):
            why = f"The search may not say it: {wording.NO_REPEAT}."
        return f"**The new sentence turned out better than its own.** {_likelier(own, new)} {why}"
    if new.log_prob > own.log_prob:
        return (
            f"**{_likelier(own, new)}** It is also shorter, and the ranking evens out length. So its own "
            "sentence stays the better one for the model."
        )
    return f"**{_likelier(own, new)}**"


def _likelier(own: Candidate, new: Candidate) -> str:
    much = wording.times(own.log_prob, new.log_prob)
    if not much:
        return "Both are about equally likely."
    which = "The new sentence" if new.log_prob > own.log_prob else "Its own sentence"
    return f"{which} is {much} times as likely."


def told(key: str) -> str:
    """Who chose the words, as a sentence."""
    return f"You chose {_listed(path(key))}. The model went on from there."


def forced(word: Word, index: int, key: str) -> bool:
    """Whether the visitor put this word there."""
    return any(len(one) == index + 1 and one[-1] == word.text for one in _in_force(path(key)))


def _in_force(chosen: Path) -> list[tuple[str, ...]]:
    """Without what was chosen for a word that a later choice, before it, has undone."""
    return [one for one in chosen if one == chosen[-1][: len(one)]]


def _listed(chosen: Path) -> str:
    return " and ".join(_quoted(one[-1]) for one in _in_force(chosen))


def _quoted(word: str) -> str:
    return f"“{_name(word)}”"


def _name(word: str) -> str:
    return wording.escaped(wording.shown(word))


def _path_key(key: str) -> str:
    return f"path {key}"
