"""Laws of the scores, and their agreement with coco-caption."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.cider.cider import Cider as CocoCider
from pycocoevalcap.rouge.rouge import Rouge

from captioner import metrics
from captioner.cider import Cider
from captioner.text import is_content_word, words

FIXTURE = json.loads((Path(__file__).parent / "fixtures" / "coco_scores.json").read_text("utf-8"))
CANDIDATES = [image["candidate"].split() for image in FIXTURE["images"]]
REFERENCES = [[caption.split() for caption in image["references"]] for image in FIXTURE["images"]]

# Few words, so that n-grams coincide; references of one word and more, candidates may be empty.
captions = st.lists(st.sampled_from(["a", "dog", "cat", "runs", "on", "the"]), max_size=9)
reference_sets = st.lists(captions.filter(bool), min_size=1, max_size=4)
corpora = st.lists(st.tuples(captions, reference_sets), min_size=1, max_size=5)
COCO = ("bleu1", "bleu2", "bleu3", "bleu4", "rouge_l", "cider")  # the metrics that coco-caption has
quickly = settings(max_examples=settings().max_examples // 3)


def test_corpus_scores_are_those_of_coco_caption() -> None:
    scores = metrics.score(CANDIDATES, REFERENCES)
    assert {key: scores[key] for key in COCO} == pytest.approx(FIXTURE["corpus"], abs=1e-6)


@pytest.mark.parametrize("i", range(len(CANDIDATES)))
def test_caption_scores_are_those_of_coco_caption(i: int) -> None:
    expected, candidate, references = FIXTURE["images"][i], CANDIDATES[i], REFERENCES[i]
    assert metrics.sentence_bleu4(candidate, references) == pytest.approx(expected["bleu4"], abs=1e-6)
    assert metrics.rouge_l(candidate, references) == pytest.approx(expected["rouge_l"], abs=1e-6)
    assert Cider(REFERENCES).score(candidate, references) == pytest.approx(expected["cider"], abs=1e-6)


@given(corpora)
@quickly
def test_any_corpus_scores_as_coco_caption_has_it(corpus: list[tuple[list[str], list[list[str]]]]) -> None:
    candidates, references = [pair[0] for pair in corpus], [pair[1] for pair in corpus]
    expected, each = coco_scores(candidates, references)
    scores = metrics.score(candidates, references)
    assert {key: scores[key] for key in COCO} == pytest.approx(expected, abs=1e-6)
    bleu4 = [metrics.sentence_bleu4(*pair) for pair in corpus]
    assert bleu4 == pytest.approx(each["bleu4"], abs=1e-6)
    cider = Cider(references).score_all(candidates, range(len(corpus)))
    assert cider == pytest.approx(each["cider"], abs=1e-6)


def coco_scores(
    candidates: list[list[str]], references: list[list[list[str]]]
) -> tuple[dict[str, float], dict[str, Any]]:
    candidates_by_id = {i: [" ".join(caption)] for i, caption in enumerate(candidates)}
    references_by_id = {
        i: [" ".join(caption) for caption in captions] for i, captions in enumerate(references)
    }
    bleu, each_bleu = Bleu(4).compute_score(references_by_id, candidates_by_id, verbose=0)
    rouge, _ = Rouge().compute_score(references_by_id, candidates_by_id)
    cider, each_cider = CocoCider().compute_score(references_by_id, candidates_by_id)
    corpus = dict(zip(COCO, [*bleu, rouge, cider], strict=True))
    return corpus, {"bleu4": each_bleu[3], "cider": each_cider}


def test_a_reference_repeated_is_a_perfect_caption() -> None:
    alone = [references[0] for references in REFERENCES if len(references[0]) > 3]
    scores = metrics.score(alone, [[caption] for caption in alone])
    assert scores == pytest.approx({key: metric.maximum for key, metric in metrics.METRICS.items()}, abs=1e-6)


def test_an_empty_caption_scores_zero() -> None:
    scores = metrics.score([[] for _ in REFERENCES], REFERENCES)
    assert scores == pytest.approx(dict.fromkeys(scores, 0))
    assert metrics.sentence_bleu4([], REFERENCES[0]) == 0
    assert Cider(REFERENCES).score([], REFERENCES[0]) == 0


def test_a_word_matches_no_more_often_than_a_reference_has_it() -> None:
    # Papineni et al. 2002, example 2: seven words, of which one reference has two.
    references = [words("the cat is on the mat"), words("there is a cat on the mat")]
    assert metrics.bleu([["the"] * 7], [references])[0] == pytest.approx(2 / 7)


def test_bleu_punishes_only_captions_that_are_too_short() -> None:
    reference = words("a dog runs along the wet beach")
    short, long = (
        metrics.bleu([reference[:5]], [[reference]]),
        metrics.bleu([[*reference, "x"]], [[reference]]),
    )
    assert short[0] == pytest.approx(np.exp(1 - 7 / 5))
    assert long[0] == pytest.approx(7 / 8)


def test_the_closest_reference_is_the_shorter_of_two_equally_far() -> None:
    references = [words("a b c d"), words("a b c d e f")]
    assert metrics.bleu([words("a b c d e")], [references])[0] == pytest.approx(1)


def test_content_words_are_compared_with_any_reference_and_with_each() -> None:
    references = [words("a brown dog runs"), words("the dog is on the grass"), words("it is there")]
    # Said: brown, cat, grass; brown and grass are in a reference. Recall: 1 of 3, 1 of 2, and one without.
    recall = (1 / 3 + 1 / 2) / 2
    expected = 2 * (2 / 3) * recall / (2 / 3 + recall)
    assert metrics.content_f1(words("a brown cat on grass"), references) == pytest.approx(expected)


@given(captions, reference_sets, st.randoms(use_true_random=False))
@quickly
def test_content_f1_takes_neither_order_nor_repetition_nor_function_words(
    caption: list[str], references: list[list[str]], random: Any
) -> None:
    score = metrics.content_f1(caption, references)
    changed = [*caption, "the", *caption]
    random.shuffle(changed)
    assert metrics.content_f1(changed, references) == pytest.approx(score)
    assert 0 <= score <= 1


@given(captions, captions.filter(bool))
@quickly
def test_content_f1_is_1_for_the_same_content_words_0_for_others_and_symmetric(
    one: list[str], other: list[str]
) -> None:
    content, others = (set(filter(is_content_word, tokens)) for tokens in (one, other))
    score = metrics.content_f1(one, [other])
    assert (score == 1) == (bool(content) and content == others)
    assert (score == 0) == content.isdisjoint(others)
    assert one == [] or metrics.content_f1(other, [one]) == pytest.approx(score)


@given(corpora, st.randoms(use_true_random=False))
@quickly
def test_the_order_of_images_and_references_does_not_matter(
    corpus: list[tuple[list[str], list[list[str]]]], random: Any
) -> None:
    shuffled = [(caption, random.sample(references, len(references))) for caption, references in corpus]
    random.shuffle(shuffled)
    one = metrics.score([pair[0] for pair in corpus], [pair[1] for pair in corpus])
    other = metrics.score([pair[0] for pair in shuffled], [pair[1] for pair in shuffled])
    assert one == pytest.approx(other)


def test_text_and_missing_references_are_refused() -> None:
    with pytest.raises(TypeError, match="list of words"):
        metrics.sentence_bleu4("a dog", [["a", "dog"]])
    with pytest.raises(TypeError, match="lists of words"):
        metrics.rouge_l(["a", "dog"], ["a dog"])
    with pytest.raises(TypeError, match="lists of words"):
        metrics.content_f1(["a", "dog"], ["a dog"])
    with pytest.raises(ValueError, match="at least one reference"):
        metrics.rouge_l(["a"], [])
    with pytest.raises(ValueError, match="2 captions and 1 lists"):
        metrics.score([["a"], ["b"]], [[["a"]]])
    with pytest.raises(ValueError, match="at least one image"):
        Cider([])
