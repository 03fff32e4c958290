"""A word replaced by another, and the sentence that follows."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from captioner import images
from captioner.app.caption import counterfactual
from captioner.bundle.storage import Bundle
from captioner.inference.captioner import Captioner
from captioner.inference.decoding import Candidate, DecodingOptions
from tests.app.caption.test_page import open_page
from tests.fake_captioner import SENTENCES, FakeCaptioner, make_candidate, photo
from tests.visitor import checked, interactive_caption, pin, press, sentence, upload

GREEDY = DecodingOptions(beams=1)
BEAM = DecodingOptions(beams=3)


def at_word(index: int) -> AppTest:
    """The app with a word of the sentence selected."""
    return pin(checked(upload(open_page(), photo(3))), index)


def caption_data(app: AppTest) -> dict[str, Any]:
    data = interactive_caption(app)
    assert data
    return data


def choose(app: AppTest, option: int) -> AppTest:
    app.pills[0].set_value(option).run()
    return checked(app)


def test_the_model_goes_on_from_a_runner_up_and_does_not_look_again(
    fake: FakeCaptioner, no_examples: None
) -> None:
    app = choose(at_word(1), 1)
    assert sentence(app) == "a ball runs"
    assert fake.decoded[-1] == replace(fake.options, prefix=(4, 9))
    assert fake.encoded == 1
    headings = [heading.value for heading in app.subheader]
    start = headings.index("Another word: “ball”")
    assert headings[start : start + 3] == [
        "Another word: “ball”",
        "“a *:primary-background[dog]* runs”",
        "“a *:primary-background[ball]* runs”",
    ]
    assert caption_data(app)["words"][1]["name"] == "ball, your choice, 2nd of 3 words"
    assert caption_data(app)["pinned"] == 1


def test_the_word_that_is_there_changes_nothing(fake: FakeCaptioner, no_examples: None) -> None:
    app = choose(at_word(1), 0)
    assert sentence(app) == "a dog runs"
    assert len(fake.decoded) == 1
    assert "Another word" not in "".join(heading.value for heading in app.subheader)


def test_choices_are_undone_one_by_one_or_all_at_once(fake: FakeCaptioner) -> None:
    app = choose(at_word(1), 1)
    app = choose(pin(app, 2), 1)
    assert sentence(app) == "a ball ball"
    assert "You chose “ball” and “ball”" in caption_data(app)["note"][1]
    app = press(app, "Undo “ball”")
    assert sentence(app) == "a ball runs"
    assert caption_data(app)["pinned"] == 2
    app = press(choose(app, 1), "Back to the model’s own sentence")
    assert sentence(app) == "a dog runs"
    assert not any(button.label.startswith("Undo") for button in app.button)


def test_an_earlier_choice_suspends_later_ones(fake: FakeCaptioner) -> None:
    app = choose(pin(choose(at_word(2), 1), 1), 1)
    assert sentence(app) == "a ball runs"
    assert "You chose “ball”. The" in caption_data(app)["note"][1]
    assert sentence(press(app, "Undo “ball”")) == "a dog ball"


def test_a_sentence_can_be_ended_but_not_before_it_begins(
    fake: FakeCaptioner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.fake_captioner.RUNNER_UP", ("", 0.05))
    assert not at_word(0).pills
    assert sentence(choose(at_word(1), 1)) == "a"


def test_another_setting_starts_from_the_models_own_sentence(fake: FakeCaptioner) -> None:
    app = choose(at_word(1), 1)
    app.slider(key="beams").set_value(1).run()
    assert sentence(checked(app)) == "a dog runs"


def scored(own: float, new: float, *, words: int = 3) -> tuple[Candidate, Candidate]:
    """A sentence and another with these log-probabilities, of as many words unless it says otherwise."""
    first = replace(make_candidate(SENTENCES[0]), log_prob=own, score=own / 4)
    return first, replace(make_candidate(SENTENCES[1]), log_prob=new, score=new / words)


@pytest.mark.parametrize(
    ("options", "own", "new", "words", "expected"),
    [
        (BEAM, -4, -4 + math.log(2), 4, "ranks higher than the model’s own.** The new sentence is 2.0 times"),
        (BEAM, -4, -4 + math.log(2), 4, "it dropped this beginning too early"),
        (GREEDY, -4, -3, 4, "never changes a word again"),
        (BEAM, -4, -4 + math.log(20), 1, "is 3.0 times"),
        (BEAM, -4, -4 - math.log(20), 4, "The model’s own sentence is 20 times as likely"),
        (BEAM, -4, -400, 4, "over a thousand times"),
        (BEAM, -4, -4.01, 4, "equally likely"),
        (replace(BEAM, temperature=1.0), -4, -2, 4, "chosen partly at random"),
    ],
)
def test_the_ranking_is_described(
    options: DecodingOptions, own: float, new: float, words: int, expected: str
) -> None:
    if expected == "is 3.0 times":  # likelier, but so short that it ranks below
        new = own + math.log(3)
        expected = "is 3.0 times as likely.** But it is shorter"
    assert expected in counterfactual.describe_ranking(*scored(own, new, words=words), options)


def test_a_blocked_word_is_not_called_missed() -> None:
    own, new = scored(-4, -3, words=4)
    repeated = replace(new.words[0], blocked=frozenset({new.words[0].text}))
    message = counterfactual.describe_ranking(own, replace(new, words=(repeated, *new.words[1:])), BEAM)
    assert "no sentence may repeat itself" in message
    assert "missed" not in message


def test_after_a_consensus_the_search_did_not_miss_a_likelier_sentence() -> None:
    message = counterfactual.describe_ranking(*scored(-4, -3, words=4), replace(BEAM, samples=40))
    assert "agrees best with the versions that it wrote" in message
    assert "missed" not in message


def test_an_unchanged_sentence_is_reported_as_unchanged() -> None:
    own = make_candidate(SENTENCES[0])
    assert "same sentence" in counterfactual.describe_ranking(own, replace(own, log_prob=-1.0), BEAM)


def test_greedy_search_completes_its_own_prefixes_to_itself(tiny_bundle: Bundle) -> None:
    captioner = Captioner(tiny_bundle)
    options = replace(captioner.options, beams=1)
    for seed in range(3):
        image = np.random.default_rng(seed).integers(0, 256, (40, 60, 3), dtype=np.uint8)
        regions = captioner.encode(image)
        own = captioner.decode(regions, options).best
        for count in range(1, len(own.words) + 1):
            prefix = captioner.prefix([word.text for word in own.words[:count]])
            assert captioner.decode(regions, replace(options, prefix=prefix)).best == own


def test_a_chosen_word_keeps_its_place_in_the_list(tiny_bundle: Bundle) -> None:
    captioner = Captioner(tiny_bundle)
    options = replace(captioner.options, beams=1)
    regions = captioner.encode(images.read(photo(1)))
    own = captioner.decode(regions, options).best
    before = [word.text for word in own.words[:2]]
    there = counterfactual.choices(own.words[2], 2)
    assert len(there) > 2
    for text, _ in there:
        prefix = captioner.prefix([*before, text])
        chosen = captioner.decode(regions, replace(options, prefix=prefix)).best
        assert [word for word, _ in counterfactual.choices(chosen.words[2], 2)] == [word for word, _ in there]
