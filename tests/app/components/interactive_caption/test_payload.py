"""The data of a sentence for the browser: plain JSON, with each word's rating and attention."""

from __future__ import annotations

import json
from dataclasses import replace

from captioner.app.components import wording
from captioner.app.components.interactive_caption import payload
from tests.fake_captioner import SENTENCES, make_candidate

CANDIDATE = make_candidate(SENTENCES[0])  # "a dog runs", with 90 %, 60 % and 30 %, and its end


def test_it_survives_json_and_names_every_word_and_its_place() -> None:
    data = json.loads(json.dumps(payload.build(CANDIDATE)))
    assert data["sentence"] == "a dog runs"
    assert [word["name"] for word in data["words"]] == [
        "a, 1st of 3 words",
        "dog, fairly sure, 2nd of 3 words",
        "runs, a guess, 3rd of 3 words",
        "end of the sentence",
    ]
    assert [word["style"] for word in data["words"]] == ["", "fairly", "guess", "end"]
    assert data["words"][1]["place"] == "dog: looked mostly at the lower left"
    assert [rating["text"] for rating in data["legend"]] == ["sure", "fairly sure", "a guess"]


def test_the_visitors_own_word_is_not_rated_but_called_theirs() -> None:
    word = payload.build(CANDIDATE, {2})["words"][2]
    assert (word["name"], word["style"]) == ("runs, your choice, 3rd of 3 words", "chosen")


def test_without_attention_nothing_claims_that_the_model_looked() -> None:
    words = tuple(replace(word, attention=None) for word in CANDIDATE.words)
    for word in payload.build(replace(CANDIDATE, words=words))["words"]:
        assert word["attention"] is None
        assert word["place"] == ""


def test_what_is_not_measured_is_not_rated() -> None:
    words = tuple(replace(word, calibrated_probability=None) for word in CANDIDATE.words)
    data = payload.build(replace(CANDIDATE, words=words))
    assert data["legend"] == []
    assert [word["style"] for word in data["words"]] == ["", "", "", "end"]


def test_every_level_has_a_style() -> None:
    assert list(payload.LEVEL_STYLES) == [name for _, name in wording.LEVELS]
