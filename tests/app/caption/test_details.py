"""The numbers behind a caption."""

from __future__ import annotations

from captioner.app.caption import details
from captioner.inference.captioner import Caption
from tests.fake_captioner import SENTENCES, make_candidate


def test_every_word_and_every_sentence_has_a_row() -> None:
    caption = Caption(tuple(map(make_candidate, SENTENCES)), (), ())
    words, sentences = details.words(caption.best), details.sentences(caption)
    assert words["How sure"].tolist() == ["not rated", "fairly sure", "a guess", "not rated"]
    assert words["Probability"][1] == "60\N{NO-BREAK SPACE}%"
    assert words["Runners-up"][1] == "ball 5\N{NO-BREAK SPACE}%"
    assert sentences["Sentence"].tolist() == ["a dog runs", "a cat sits"]
    assert sentences["Score"].tolist() == [round(candidate.score, 3) for candidate in caption.candidates]
