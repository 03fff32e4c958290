"""Numbers and differences in words."""

from __future__ import annotations

import csv
import math
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from captioner.app.components import wording
from captioner.bundle.storage import Bundle
from captioner.feedback.rating import RATINGS
from captioner.inference.decoding import END_WORD, Word
from tests.fake_captioner import make_candidate

ROOT = Path(__file__).parents[3]
sentences = some.lists(some.sampled_from(["a", "dog", "runs", "in", "red"]), max_size=8).map(" ".join)


@pytest.mark.parametrize(
    ("probability", "expected"),
    [
        (1.0, "over 99\N{NO-BREAK SPACE}%"),
        (0.994, "99\N{NO-BREAK SPACE}%"),
        (0.5, "50\N{NO-BREAK SPACE}%"),
        (0.006, "1\N{NO-BREAK SPACE}%"),
        (0.001, "under 1\N{NO-BREAK SPACE}%"),
    ],
)
def test_a_percentage_never_claims_certainty(probability: float, expected: str) -> None:
    assert wording.percent(probability) == expected


@pytest.mark.parametrize(
    ("log_prob", "expected"),
    [
        (math.log(0.5), "50\N{NO-BREAK SPACE}%"),
        (-math.log(12), "1 in 12"),
        (-math.log(423), "1 in 420"),
        (-math.log(98_765), "1 in 99,000"),
        (-50, "less than 1 in a million"),
        (-1e6, "less than 1 in a million"),
    ],
)
def test_odds_are_round_numbers(log_prob: float, expected: str) -> None:
    assert wording.chance(log_prob) == expected


def test_the_end_has_a_name() -> None:
    assert wording.display_word(END_WORD) == wording.END_NAME


def test_differences_are_described_in_words() -> None:
    assert wording.describe_difference("a red dog runs", "a red cat runs") == "“cat” instead of “dog”"
    assert wording.describe_difference("a red dog runs", "a dog runs") == "leaves out “red”"
    assert wording.describe_difference("a dog runs", "a dog runs in") == "adds “in”"


@given(sentences)
def test_a_sentence_does_not_differ_from_itself(sentence: str) -> None:
    assert wording.describe_difference(sentence, sentence) == "the same words"
    assert wording.bold_differences(sentence, sentence) == sentence


@given(sentences, sentences)
def test_marking_changes_no_word(best: str, other: str) -> None:
    assert wording.bold_differences(best, other).replace("**", "") == other


@given(some.text("*_`[]()<>#$:~|^abc", max_size=20))
def test_markdown_is_escaped_so_that_unescaping_restores_it(text: str) -> None:
    escaped = wording.escape(text)
    plain = "".join(part for part in escaped.replace("\\", "")) if "\\" not in text else text
    assert plain == text
    assert all(escaped[i - 1] == "\\" for i, character in enumerate(escaped) if character in "*_`[<:$")


@pytest.mark.parametrize(
    "text", ["www.evil.example/a.jpg", "WWW.a.b", "https://evil.example", "me@evil.example", "@", "a www b"]
)
def test_no_address_is_left_that_markdown_would_link(text: str) -> None:
    bare = wording.escape(text).replace("\\", "")  # as Streamlit looks for addresses: unescaped
    assert not re.search(r"https?://[-.\w]|www\.|[-.\w+]@[-\w]", bare, re.IGNORECASE | re.ASCII)
    assert bare.replace("\N{WORD JOINER}", "") == text


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ("a dog runs", "a dog runs", set()),
        ("a dog runs", "a cat runs", {1}),
        ("a dog", "a big dog", {1}),
        ("a big dog", "a dog", set()),
        ("", "a dog", {0, 1}),
    ],
)
def test_what_the_other_sentence_has_not_is_marked(old: str, new: str, changed: set[int]) -> None:
    assert wording.changed_words(new, old) == changed


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [(-1.0, -1.01, ""), (-1.0, -2.0, "2.7"), (-5.0, -1.0, "55"), (-400.0, -1.0, "over a thousand")],
)
def test_a_likelihood_ratio_is_rounded_for_reading(first: float, second: float, expected: str) -> None:
    assert wording.likelihood_ratio(first, second) == wording.likelihood_ratio(second, first) == expected


@pytest.mark.parametrize(
    ("probability", "name"),
    [
        (1, "sure"),
        (0.7, "sure"),
        (0.69, "fairly sure"),
        (0.5, "fairly sure"),
        (0.49, "a guess"),
        (0, "a guess"),
    ],
)
def test_levels_have_their_lower_ends(probability: float, name: str) -> None:
    assert wording.level(Word("dog", -1, (), calibrated_probability=probability)) == name
    assert name in wording.LEVELS_EXPLAINED.lower()


def test_what_was_not_measured_is_not_rated() -> None:
    assert wording.level(Word("dog", 0, ())) is None
    uncalibrated = replace(make_candidate((("dog", 0.9),)), calibrated_probability=None)
    for caption in (uncalibrated, make_candidate((("a", 0.9), (END_WORD, 0.9)))):
        assert wording.verdict(caption.expected_precision) == wording.NO_VERDICT


@pytest.mark.parametrize(
    ("probabilities", "expected"),
    [
        ((0.9, 0.5), "about 7 in 10"),
        ((0.99,), "more than 9 in 10"),
        ((0.09,), "less than 1 in 10"),
        ((0.1,), "about 1 in 10"),
    ],
)
def test_the_sentence_is_about_the_average_content_word(
    probabilities: tuple[float, ...], expected: str
) -> None:
    words = tuple(("dog", probability) for probability in probabilities)
    caption = make_candidate((("a", 0.99), *words, (END_WORD, 0.99)))
    assert caption.expected_precision is not None
    sentence = wording.expected_precision_sentence(caption.expected_precision)
    assert sentence[1:] == wording.EXPECTED_PRECISION.format(share=expected)[1:]


def test_a_verdict_is_what_people_found_of_such_captions(committed: Bundle) -> None:
    shares = {(row.image, row.caption): row.expected_precision for row in committed.predictions()}
    found: dict[str, Counter[str]] = {verdict: Counter() for _, verdict in wording.VERDICTS}
    with (ROOT / "docs" / "human_evaluation.csv").open(encoding="utf-8") as check:
        for row in csv.DictReader(check):
            verdict = wording.verdict(shares[row["image"], row["caption"]])
            found[verdict][row["rating"]] += 1
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    for verdict, counts in found.items():
        first, second, third = (counts[rating] or "never" for rating in RATINGS)
        written = rf'{counts.total()} (called )?"{verdict[:-1]}" (were )?{first}\D+{second}\D+{third}\b'
        assert re.search(written, readme)
    right, partly, wrong = found.values()
    assert right["wrong"] == 0, "probably right, or nearly"
    assert right["right"] > right.total() / 2, "probably right, or nearly"
    assert partly["partly"] > partly.total() / 2, "perhaps only partly right"
    assert wrong["right"] < wrong.total() / 10, "probably wrong in places"
