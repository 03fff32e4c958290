"""Laws of CIDEr; its agreement with coco-caption is tested with the other metrics."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captioner.cider import (
    EQUAL_WEIGHTS,
    Cider,
    NGramWeights,
    PredictedWords,
    document_frequencies,
    ngrams,
    word_similarity,
)
from captioner.text import words

REFERENCES = [
    [words("a dog runs on the grass"), words("the brown dog is running")],
    [words("a man in a red shirt"), words("a man wears red")],
    [words("two dogs play with a ball on the beach"), words("dogs on a beach")],
]
CANDIDATES = [words("a dog on the grass"), words("a man in red"), words("a dog and a ball")]
captions = st.lists(st.sampled_from(["a", "dog", "cat", "runs", "on", "the"]), max_size=9)
corpora = st.lists(st.lists(captions.filter(bool), min_size=1, max_size=4), min_size=1, max_size=5)
quickly = settings(max_examples=settings().max_examples // 3)


def test_cider_of_many_is_cider_of_each() -> None:
    cider, images = Cider(REFERENCES), [2, 0, 0, 1, 2]
    candidates = [CANDIDATES[i] for i in (1, 0, 2, 2, 2)]
    each = [cider.score(c, REFERENCES[i]) for c, i in zip(candidates, images, strict=True)]
    assert cider.score_all(candidates, images) == pytest.approx(each)
    assert cider.score_all([], []).shape == (0,)


def test_cider_of_a_caption_depends_on_no_other_candidate() -> None:
    cider = Cider(REFERENCES)
    alone = [cider.score_all([candidate], [i])[0] for i, candidate in enumerate(CANDIDATES)]
    assert cider.score_all(CANDIDATES, range(len(CANDIDATES))) == pytest.approx(alone)


def test_cider_gives_more_for_the_words_that_few_images_share() -> None:
    cider = Cider([[words("a dog")], [words("a cat")], [words("a fish")]])
    assert cider.score(["a"], [["a", "dog"]]) == 0 < cider.score(["dog"], [["a", "dog"]])


@given(captions, corpora)
@quickly
def test_weights_from_a_table_are_those_from_references(
    candidate: list[str], references: list[list[list[str]]]
) -> None:
    weights = NGramWeights.of_frequencies(len(references), document_frequencies(references))
    vector = weights.vector(candidate)
    similarities = [vector.similarity(weights.vector(reference)) for reference in references[0]]
    assert 10 * sum(similarities) / len(similarities) == pytest.approx(
        Cider(references).score(candidate, references[0])
    )


def test_document_frequencies_count_images_not_captions() -> None:
    counts = document_frequencies([[["a", "dog"], ["a", "a", "cat"]], [["a", "dog", "runs"]]])
    assert counts[("a",)] == counts[("a", "dog")] == counts[("dog",)] == 2
    assert counts[("a", "a")] == counts[("a", "dog", "runs")] == 1
    assert set(map(len, counts)) == {1, 2, 3}


@given(st.lists(st.lists(st.lists(st.sampled_from("abc"), max_size=6), min_size=1, max_size=3), max_size=6))
def test_rare_n_grams_are_left_out_and_no_others(references: list[list[list[str]]]) -> None:
    counts = document_frequencies(references)
    for least in (2, 3):
        frequent = {gram: number for gram, number in counts.items() if number >= least}
        assert document_frequencies(references, min_images=least) == frequent
    assert document_frequencies(references, max_n=1) == {g: n for g, n in counts.items() if len(g) == 1}


def test_an_n_gram_outside_the_table_weighs_as_much_as_it_is_said_to() -> None:
    weights = NGramWeights.of_frequencies(100, {("dog",): 50}, unseen=4)
    vector = weights.vector(["dog", "cat", "cat"])
    assert vector.weights[("dog",)] == pytest.approx(math.log(2))
    assert vector.weights[("cat",)] == pytest.approx(2 * math.log(25))


@given(captions.filter(bool), captions)
@quickly
def test_no_caption_is_more_similar_than_the_caption_itself(one: list[str], other: list[str]) -> None:
    vector = EQUAL_WEIGHTS.vector(one)
    itself = vector.similarity(EQUAL_WEIGHTS.vector(one))
    assert itself == pytest.approx(min(len(one), 4) / 4)  # too short for some n
    assert -1e-9 <= vector.similarity(EQUAL_WEIGHTS.vector(other)) <= itself + 1e-9


def test_n_grams_have_one_to_four_words() -> None:
    grams = ["a", "a", "dog", "runs", "a dog", "dog a", "a runs", "a dog a", "dog a runs", "a dog a runs"]
    assert ngrams(words("a dog a runs")) == Counter(tuple(gram.split()) for gram in grams)
    assert max(map(len, ngrams(words("a dog runs on the grass")))) == 4


def test_similarity_to_predicted_words_is_the_mean_similarity_to_the_captions_they_stand_for() -> None:
    # For captions of one word each, with equal weights, their words' shares are all there is to know.
    captions, candidate = [["dog"], ["dog"], ["cat"], ["tree"]], ["dog"]
    shares = {"dog": 0.5, "cat": 0.25, "tree": 0.25}
    (similarity,) = word_similarity([candidate], PredictedWords(shares, 1.0), EQUAL_WEIGHTS)
    assert similarity == pytest.approx(10 * np.mean([caption == candidate for caption in captions]))


def test_a_candidate_of_another_length_than_people_write_is_less_similar() -> None:
    predicted = [PredictedWords({"dog": 0.5}, length) for length in (None, 1.0, 4.0, 9.0)]
    similarities = [word_similarity([["dog"]], words, EQUAL_WEIGHTS)[0] for words in predicted]
    assert similarities[0] == similarities[1] > similarities[2] > similarities[3] > 0


def test_words_that_are_not_predicted_and_empty_candidates_gain_nothing() -> None:
    predicted = PredictedWords({"dog": 0.5})
    assert word_similarity([["bird"], []], predicted, EQUAL_WEIGHTS).tolist() == [0, 0]
