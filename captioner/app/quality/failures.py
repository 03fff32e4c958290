"""Examples of the model's failures: what a test image shows, and the active model's caption. No Streamlit.

What an image shows was written by looking at it. A caption is always read from the bundle, and counts as a
failure only if it has one of the words that are wrong about its image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from captioner.app.quality import texts
from captioner.evaluation.predictions import ScoredCaption
from captioner.inference.redundancy import is_redundant
from captioner.text import words

MAX_MISTAKES = 2  # of a kind of failure


@dataclass(frozen=True)
class Case:
    """A test image, what it shows, and words that are wrong about it."""

    image: str
    shows: str
    wrong: frozenset[str]


@dataclass(frozen=True)
class Mistake:
    """A test image, what it shows (empty where nobody has written that), and the model's caption."""

    image: str
    shows: str
    caption: str


@dataclass(frozen=True)
class Failure:
    """A kind of mistakes."""

    title: str
    reason: str
    mistakes: tuple[Mistake, ...]


def _case(image: str, shows: str, wrong: str) -> Case:
    return Case(image, shows, frozenset(wrong.split()))


# What is wrong and why, with test images.
KINDS: tuple[tuple[tuple[str, str], tuple[Case, ...]], ...] = (
    (
        texts.RARE_THING,
        (
            _case("3358682439_be4b83544c.jpg", "Two people stroke a small kangaroo on a lawn", "dog dogs"),
            _case("226607225_44d696db6b.jpg", "A fish leaps out of the sea", "surfer surfboard surfing"),
            _case("771048251_602e5e8f45.jpg", "A kitten is held up to somebody’s face", "dog dogs"),
            _case("3459156091_c1879ebe28.jpg", "A child stands beside the statue of a bear", "horse dog"),
        ),
    ),
    (
        texts.ACTIVITY,
        (
            _case("3545586120_283d728a97.jpg", "Two boxers are in a ring", "guitar skateboard basketball"),
            _case("3186412658_2ab2ebd397.jpg", "Rugby players reach for the ball", "soccer basketball"),
            _case(
                "3159995270_17334ccb5b.jpg",
                "A skier glides down a slope",
                "skateboard skateboarder skateboarding skating surfboard",
            ),
            _case(
                "3119076670_64b5340530.jpg", "A snowboarder is in the air at night", "skateboarder skateboard"
            ),
        ),
    ),
    (
        texts.COUNTING,
        (
            _case("3642220260_3aa8a52670.jpg", "One black dog walks on a rocky beach", "two three dogs"),
            _case("229862312_1a0ba19dab.jpg", "One dog rolls on its back", "two three dogs"),
            _case("2822290399_97c809d43b.jpg", "One white dog is on a country lane", "two three dogs"),
            _case("2928152792_b16c73434a.jpg", "One child hangs head down", "two three children boys"),
            _case(
                "2475162978_2c51048dca.jpg",
                "A woman and a small boy cross a lawn",
                "boys men soccer children",
            ),
            _case("3484649669_7bfe62080b.jpg", "One child sits where water sprays up", "two three girls"),
            _case("3657016761_d553e514d9.jpg", "One child stands in a shower of water", "two three children"),
        ),
    ),
    (
        texts.PLACE,
        (
            _case("3328646934_5cca4cebce.jpg", "A child leaps down a sand dune", "snow snowy"),
            _case("3741827382_71e93298d0.jpg", "A boy jumps down a blue slide", "pool water ocean"),
            _case("3720366614_dfa8fe1088.jpg", "A small dog dances on white fleece", "snow snowy"),
        ),
    ),
    (
        texts.STANDING,
        (
            _case("3015863181_92ff43f4d8.jpg", "Somebody bends over to bowl", "standing sitting"),
            _case("2883099128_0b056eed9e.jpg", "A man without a shirt hits a tennis ball", "standing"),
            _case("1417031097_ab656bc4bd.jpg", "People hang in a fairground ride", "standing sitting"),
            _case("363617160_6cb0c723be.jpg", "Somebody paints the pavement", "standing sitting"),
        ),
    ),
)


def observed_failures(captions: Sequence[ScoredCaption]) -> list[Failure]:
    """The kinds of failure that the model's captions of test images show, each with mistakes."""
    by_image = {row.image: row.caption for row in captions}
    failures = [Failure(title, reason, _mistakes(cases, by_image)) for (title, reason), cases in KINDS]
    return [failure for failure in (*failures, _repetition(captions)) if failure.mistakes]


def _mistakes(cases: Sequence[Case], captions: dict[str, str]) -> tuple[Mistake, ...]:
    wrong = [case for case in cases if case.wrong & set(words(captions.get(case.image, "")))]
    return tuple(Mistake(case.image, case.shows, captions[case.image]) for case in wrong[:MAX_MISTAKES])


def _repetition(captions: Sequence[ScoredCaption]) -> Failure:
    """Captions that name a thing twice for no reason, or contradict themselves, all of them counted."""
    repeated = [row for row in captions if is_redundant(words(row.caption))]
    reason = texts.REPETITIONS.format(repeated=f"{len(repeated):,}", count=f"{len(captions):,}")
    mistakes = tuple(Mistake(row.image, "", row.caption) for row in repeated[:MAX_MISTAKES])
    return Failure(texts.REPETITION, reason, mistakes)
