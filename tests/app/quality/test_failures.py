"""The failures that the page describes are those of the active model."""

from __future__ import annotations

from pathlib import Path

import pytest

from captioner.app.quality import failures
from captioner.app.quality.failures import Mistake
from captioner.app.quality.failures import observed_failures as observed
from captioner.bundle.storage import Bundle
from captioner.data import datasets
from captioner.evaluation import predictions
from captioner.evaluation.predictions import ScoredCaption

CASES = [case for _, cases in failures.KINDS for case in cases]


def captions_of(captions: dict[str, str]) -> list[ScoredCaption]:
    return [ScoredCaption(image, caption, 0.5, {}) for image, caption in captions.items()]


def test_a_failure_is_described_with_captions_of_the_model() -> None:
    case = CASES[0]
    caption = f"a {min(case.wrong)} somewhere"
    (result,) = observed(captions_of({case.image: caption, "another.jpg": "a dog runs"}))
    assert result.title == failures.KINDS[0][0][0]
    assert result.mistakes == (Mistake(case.image, case.shows, caption),)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.image)
def test_a_failure_that_did_not_occur_is_not_described(case: failures.Case) -> None:
    assert observed(captions_of({case.image: "something else altogether"})) == []
    assert observed(captions_of({case.image: f"a {min(case.wrong)}ish thing"})) == [], (
        "only whole words count"
    )
    assert observed(captions_of({case.image: case.shows})) == [], "this is what the picture shows"
    assert all(observed(captions_of({case.image: f"a {word}"})) for word in case.wrong)


def test_each_kind_of_failure_has_only_a_few_examples() -> None:
    everything = captions_of({case.image: " ".join(case.wrong) for case in CASES})
    assert [len(failure.mistakes) for failure in observed(everything)] == [failures.MAX_MISTAKES] * len(
        failures.KINDS
    )


@pytest.mark.parametrize(
    ("caption", "twice"), [("a man in a hat and a hat", True), ("a black dog and a white dog", False)]
)
def test_redundant_captions_are_found_and_counted(caption: str, twice: bool) -> None:
    """By the rule of the metrics (``redundancy``), so that page and card say the same."""
    result = observed(captions_of({"a.jpg": caption, "b.jpg": "a dog runs"}))
    assert [failure.mistakes for failure in result] == ([(Mistake("a.jpg", "", caption),)] if twice else [])
    assert all("in 1 of its 2 sentences" in failure.reason for failure in result)


def test_an_empty_caption_is_no_failure() -> None:
    assert observed([]) == []


def test_examples_are_captions_of_the_committed_bundle(committed: Bundle) -> None:
    everything = predictions.scored_captions(committed)
    examples = {example.caption for failure in observed(everything) for example in failure.mistakes}
    assert examples <= {sentence.caption for sentence in everything}


def test_the_pictures_are_of_the_test_split(real_flickr8k: Path) -> None:
    assert {case.image for case in CASES} <= set(datasets.load(real_flickr8k).splits["test"])
