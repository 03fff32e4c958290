"""Counterfactual captions: a visitor replaces a word, the model completes the sentence, both are compared."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from captioner.app.caption import texts
from captioner.app.components import wording
from captioner.app.components.interactive_caption import component as interactive_caption
from captioner.app.state import serving
from captioner.app.state.session import DecodedImage, caption_image
from captioner.inference.decoding import END_WORD, Candidate, DecodingOptions, Word

# The prefixes that the visitor has made, each the words up to one that they chose. The last one counts.
Prefixes = tuple[tuple[str, ...], ...]


def prefixes(key: str) -> Prefixes:
    """The visitor's prefixes for the caption with this key, in the order in which they were made."""
    stored: Prefixes = st.session_state.get(_prefixes_key(key), ())
    return stored


def shown_candidate(image: DecodedImage, own: Candidate, options: DecodingOptions, key: str) -> Candidate:
    """The sentence to show: the model's own, or its continuation of the visitor's last prefix."""
    chosen = prefixes(key)
    if not chosen:
        return own
    prefix = serving.captioner().prefix(chosen[-1])
    return caption_image(image, replace(options, prefix=prefix)).best


def choices(word: Word, index: int) -> list[tuple[str, float]]:
    """A word and its runners-up with their log-probabilities in nats, likeliest first."""
    others = [other for other in word.runners_up if index or other[0] != END_WORD]  # no empty sentence
    return sorted([(word.text, word.log_prob), *others], key=lambda choice: -choice[1])


def show_choices(candidate: Candidate, index: int, key: str) -> None:
    """Draw the alternatives to a word, with that word selected.

    The choices keep their order and, as the widget stays the same, the keyboard's focus.
    """
    options = choices(candidate.words[index], index)
    if len(options) == 1:
        return
    words = [text for text, _ in options]
    # Streamlit tells options apart by their labels: invisible characters make those of each word different.
    labels = [wording.word_markdown(text) + "\u2060" * index for text in words]
    widget, current = f"instead {key}", words.index(candidate.words[index].text)
    before = tuple(word.text for word in candidate.words[:index])
    st.session_state[widget] = current
    st.pills(
        texts.TRY,
        range(len(options)),
        format_func=labels.__getitem__,
        required=True,
        key=widget,
        wrap=True,
        on_change=_on_choice,
        args=(key, widget, before, words, current),
    )
    st.caption(texts.TRY_HELP)


def _on_choice(key: str, widget: str, before: tuple[str, ...], words: list[str], current: int) -> None:
    number = st.session_state[widget]
    if number not in (None, current):
        _set_prefixes(key, (*prefixes(key), (*before, words[number])), len(before))


def _set_prefixes(key: str, chosen: Prefixes, selected: int | None) -> None:
    """Keep these prefixes and pin a word."""
    st.session_state[_prefixes_key(key)] = chosen
    interactive_caption.pin(key, selected)


def show_comparison(own: Candidate, new: Candidate, options: DecodingOptions, key: str) -> None:
    """Draw the model's own sentence beside the new one, which one is likelier, and buttons to go back."""
    chosen = prefixes(key)
    st.subheader(texts.ANOTHER_WORD.format(word=_quoted(chosen[-1][-1])), anchor=False)
    for column, title, this, other in zip(
        st.columns(2, gap="medium"),
        (texts.OWN_SENTENCE, texts.WITH_WORDS.format(words=_listed(chosen))),
        (own, new),
        (new, own),
        strict=True,
    ):
        with column.container(border=True):
            st.caption(title)
            end = "" if this.finished else " …"
            st.subheader(f"“{wording.highlight_differences(this.text, other.text)}{end}”", anchor=False)
    st.markdown(describe_ranking(own, new, options))
    with st.container(horizontal=True):
        last = chosen[-1]
        _back_button(texts.UNDO.format(word=_quoted(last[-1])), "undo", key, chosen[:-1], len(last) - 1)
        if len(chosen) > 1:
            _back_button(texts.BACK_TO_OWN, "restart_alt", key, (), None)


def _back_button(label: str, icon: str, key: str, chosen: Prefixes, selected: int | None) -> None:
    st.button(
        label,
        key=f"{icon} {key}",
        icon=f":material/{icon}:",
        on_click=_set_prefixes,
        args=(key, chosen, selected),
    )


def describe_ranking(own: Candidate, new: Candidate, options: DecodingOptions) -> str:
    """Which of the two the model ranks higher, as Markdown."""
    if own.text == new.text:
        return texts.SAME
    ratio = _likelihood_ratio(own, new)
    if options.temperature is not None:
        return f"**{ratio}** {texts.BOTH_RANDOM}"
    if options.consensus and new.score > own.score:
        return f"**{ratio}** {texts.AGREED}"
    if new.score > own.score:
        return texts.NEW_RANKS_HIGHER.format(likelier=ratio, why=_why_missed(new, options))
    if new.log_prob > own.log_prob:
        return f"**{ratio}** {texts.SHORTER}"
    return f"**{ratio}**"


def _why_missed(new: Candidate, options: DecodingOptions) -> str:
    if any(word.text in word.blocked for word in new.words):
        return texts.NOT_ALLOWED.format(rule=wording.NO_REPEAT)
    if options.beams > 1:
        return texts.DROPPED_TOO_EARLY
    return texts.NEVER_CHANGES


def _likelihood_ratio(own: Candidate, new: Candidate) -> str:
    times = wording.likelihood_ratio(own.log_prob, new.log_prob)
    if not times:
        return texts.EQUALLY_LIKELY
    likelier = texts.NEW_SENTENCE if new.log_prob > own.log_prob else texts.OWN_SENTENCE
    return texts.TIMES_AS_LIKELY.format(sentence=likelier, times=times)


def summary(key: str) -> str:
    """Which words the visitor chose, as a sentence in plain text."""
    chosen = texts.AND.join(f"“{wording.display_word(prefix[-1])}”" for prefix in _still_valid(prefixes(key)))
    return texts.YOU_CHOSE.format(words=chosen)


def chosen_indices(candidate: Candidate, key: str) -> set[int]:
    """Which words of a sentence the visitor put there."""
    return {index for index, word in enumerate(candidate.words) if is_chosen(word, index, key)}


def is_chosen(word: Word, index: int, key: str) -> bool:
    """Whether the visitor put this word there."""
    return any(len(prefix) == index + 1 and prefix[-1] == word.text for prefix in _still_valid(prefixes(key)))


def _still_valid(chosen: Prefixes) -> list[tuple[str, ...]]:
    """Those that the last one begins with: a choice earlier in the sentence replaces all after it."""
    return [prefix for prefix in chosen if prefix == chosen[-1][: len(prefix)]]


def _listed(chosen: Prefixes) -> str:
    return texts.AND.join(_quoted(prefix[-1]) for prefix in _still_valid(chosen))


def _quoted(word: str) -> str:
    return f"“{wording.word_markdown(word)}”"


def _prefixes_key(key: str) -> str:
    return f"prefixes {key}"
