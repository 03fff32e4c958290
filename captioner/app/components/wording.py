"""Words for pages: probabilities, warnings, differences between sentences; escaping for Markdown."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from captioner.inference.warning import ADVICE, SENTENCES

if TYPE_CHECKING:  # wording needs no LiteRT
    from captioner.bundle.ratings import RatingSummary
    from captioner.bundle.schema import Metrics
    from captioner.inference.decoding import DecodingOptions, Word

MIN_RATIO = 1.05  # below it, two sentences are about equally likely
END_NAME = "(end)"  # how ``decoding.END_WORD``, which is empty, is shown

NO_REPEAT = "no sentence may repeat itself"  # why ``decoding`` blocks a word

_ADDRESS = re.compile(r"(www(?=\.)|://|@)", re.IGNORECASE)  # Markdown turns it into a link
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>$:~^&])")

BYTE_ORDER_MARK = "\ufeff"  # at the start of a CSV file; without it, Excel shows é as Ã©


def percent(probability: float) -> str:
    """A probability for reading; never rounded to 0% or 100%, with no line break before the sign."""
    if probability >= 0.995:
        return "over 99\N{NO-BREAK SPACE}%"
    text = "under 1%" if probability < 0.005 else f"{probability:.0%}"
    return text.replace("%", "\N{NO-BREAK SPACE}%")


def chance(log_prob: float) -> str:
    """The probability of a whole sentence, from its logarithm in nats, as people say it: "1 in 420"."""
    times = math.exp(min(-log_prob, 600))
    if times < 10:
        return percent(math.exp(log_prob))
    if times >= 1e6:
        return "less than 1 in a million"
    digits = 10 ** (len(str(round(times))) - 2)
    return f"1 in {round(times / digits) * digits:,}"


def likelihood_ratio(first: float, second: float) -> str:
    """How many times as likely one sentence is as another, from nats; empty where that is about the same."""
    ratio = math.exp(min(abs(first - second), 600))
    if ratio < MIN_RATIO:
        return ""
    return "over a thousand" if ratio > 1000 else f"{ratio:.{1 if ratio < 10 else 0}f}"


def display_word(word: str) -> str:
    """The word itself, or ``END_NAME`` for the end of the sentence."""
    return word or END_NAME


def word_markdown(word: str) -> str:
    """``display_word``, escaped."""
    return escape(display_word(word))


def escape(text: str) -> str:
    """Text that Markdown shows as it is: the words come from a file.

    No backslash keeps an address from becoming a link, but an invisible word joiner in it does.
    """
    return _MARKDOWN.sub(r"\\\1", _ADDRESS.sub("\\1\N{WORD JOINER}", text))


def warning(code: str) -> str:
    """Why to take a caption with caution, as Markdown."""
    return f":material/warning: **{SENTENCES[code]}** {ADVICE[code]}"


def bold_differences(best: str, other: str) -> str:
    """The other sentence as Markdown; words that the best one does not have are bold."""
    words = other.split()
    parts = [
        f"**{escape(' '.join(words[start:end]))}**" if tag != "equal" else escape(" ".join(words[start:end]))
        for tag, _, _, start, end in _changes(best, other)
        if end > start
    ]
    return " ".join(parts)


def highlight_differences(sentence: str, other: str) -> str:
    """A sentence as Markdown; words that the other one does not have are in italics on a darker ground."""
    words = sentence.split()
    parts = [
        f"*:primary-background[{part}]*" if tag != "equal" else part
        for tag, _, _, start, end in _changes(other, sentence)
        if (part := escape(" ".join(words[start:end])))
    ]
    return " ".join(parts)


def changed_words(sentence: str, other: str) -> set[int]:
    """Indices of the words of a sentence that the other one does not have at that place."""
    changes = _changes(other, sentence)
    return {index for tag, _, _, start, end in changes if tag != "equal" for index in range(start, end)}


def describe_difference(best: str, other: str) -> str:
    """How the other sentence differs from the best, in words."""
    old, new = best.split(), other.split()
    changes = [change for change in _changes(best, other) if change[0] != "equal"]
    if len(changes) > 3:
        return "a different sentence"
    parts = [_change(" ".join(old[a:b]), " ".join(new[c:d])) for _, a, b, c, d in changes]
    return "; ".join(parts) or "the same words"


def _changes(best: str, other: str) -> Sequence[tuple[str, int, int, int, int]]:
    return SequenceMatcher(None, best.split(), other.split(), autojunk=False).get_opcodes()


def _change(old: str, new: str) -> str:
    if not old:
        return f"adds “{new}”"
    return f"“{new}” instead of “{old}”" if new else f"leaves out “{old}”"


def consensus(options: DecodingOptions) -> str:
    """How consensus reranking chose the caption."""
    return (
        f"It wrote {options.samples} versions and chose the sentence that agrees best with them, "
        "and with the words that people use for such pictures."
    )


def score_conditions(metrics: Metrics) -> str:
    """All that a test score depends on: only scores of the same conditions can be compared."""
    beams = "1 beam" if metrics.beams == 1 else f"{metrics.beams} beams"
    samples = f", chosen by agreement with {metrics.samples} samples" if metrics.samples else ""
    return (
        f"{metrics.images:,} pictures of the {metrics.split} split ({metrics.split_name}), tokeniser "
        f"“{metrics.tokenizer}”, {beams}, length penalty {metrics.length_penalty:g}, at most "
        f"{metrics.max_words} words{samples}"
    )


CHECKED = (
    "In a check of **{captions:,}** photos that it had not learned from, picked at random, its sentence was "
    "right for **{right:,}**, partly right for **{partly:,}** and wrong for **{wrong:,}**."
)
CHECKED_OFTEN = (
    "In a check of **{captions:,}** of its sentences about photos that it had not learned from, picked at "
    "random, there were **{total:,}** ratings: right **{right:,}**, partly right **{partly:,}**, wrong "
    "**{wrong:,}**."
)


def human_evaluation_sentence(evaluation: RatingSummary) -> str:
    """What people found who checked the model's own sentences, as Markdown."""
    return (CHECKED if evaluation.total == evaluation.captions else CHECKED_OFTEN).format(
        captions=evaluation.captions,
        total=evaluation.total,
        right=evaluation.right.count,
        partly=evaluation.partly.count,
        wrong=evaluation.wrong.count,
    )


# Least calibrated probability → what a content word is called.
LEVELS = ((0.7, "sure"), (0.5, "fairly sure"), (0.0, "a guess"))
LEVELS_EXPLAINED = (
    f"**{LEVELS[0][1].capitalize()}**: people used at least {10 * LEVELS[0][0]:.0f} in 10 such words, too. "
    f"**{LEVELS[1][1].capitalize()}**: at least {10 * LEVELS[1][0]:.0f} in 10. "
    f"**{LEVELS[2][1].capitalize()}**: fewer. Words like “a” and “in” are not rated."
)
PRIVACY = "Your pictures stay in this server’s memory while the page is open, never stored or shared."
BEST_GUESS = "Best guess"  # above a caption that comes with a warning
# Least expected precision → what to think of a caption, as docs/human_evaluation.csv found.
VERDICTS = (
    (LEVELS[0][0], "Probably right, or nearly."),
    (LEVELS[1][0], "Perhaps only partly right."),
    (LEVELS[2][0], "Probably wrong in places."),
)
NO_VERDICT = "May be right or wrong."
CHECK_IT = "Check it before you use it."
EXPECTED_PRECISION = "{share} of its words likely match what people would write."
EXPECTED_PRECISION_EXPLAINED = (
    "Measured on test pictures, each described by five people: how many words of such captions are in one of "
    "their sentences. Words like “a” and “in” do not count. A word that nobody used can still be right: of "
    "their own words, people share only about 6 in 10."
)


def level(word: Word) -> str | None:
    """How sure one may be of a word: one of ``LEVELS``; None for a function word, or if not measured."""
    if word.calibrated_probability is None:
        return None
    return next(name for least, name in LEVELS if word.calibrated_probability >= least)


def verdict(expected_precision: float | None) -> str:
    """What to think of a caption, from ``Candidate.expected_precision``."""
    if expected_precision is None:
        return NO_VERDICT
    return next(text for least, text in VERDICTS if expected_precision >= least)


def expected_precision_sentence(expected_precision: float) -> str:
    """How many of a caption's words are expected to be right, as a sentence."""
    share = in_10(expected_precision)
    return EXPECTED_PRECISION.format(share=share[:1].upper() + share[1:])


def in_10(share: float) -> str:
    """A share or a probability as people say it, "about 6 in 10"; exact ones stand under "Details" only."""
    if share < 0.1:
        return "less than 1 in 10"
    return f"about {10 * share:.0f} in 10" if share < 0.95 else "more than 9 in 10"
