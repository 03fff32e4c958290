"""Decoders whose every probability is known, and slow searches to compare with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from captioner.inference.decoding import DecodingOptions, DecodingResult, Hypothesis, State, decode
from captioner.text import END, PAD, START, UNKNOWN

Said = tuple[int, ...]
Speaker = Callable[[Said], NDArray[np.float32]]  # the words so far -> log-probabilities float32[V]

REGIONS = np.zeros((1, 4, 8), np.float32)
A, B, C = 4, 5, 6  # the words of a vocabulary of seven


class TableStepper:
    """A decoder that asks a ``Speaker``.

    The words so far travel in the state, so that a mixed-up beam is noticed; attention is the last word.
    """

    def __init__(self, speaker: Speaker) -> None:
        self.speaker = speaker
        self.steps = 0
        self.rows: set[int] = set()

    def start(self, regions: NDArray[np.float32]) -> State:
        assert regions is REGIONS
        return {"said": np.zeros((1, 0), np.float32)}

    def step(
        self, words: NDArray[np.int32], state: State
    ) -> tuple[NDArray[np.float32], State, NDArray[np.float32]]:
        assert words.dtype == np.int32
        assert len(words) == len(state["said"])
        self.steps += 1
        self.rows.add(len(words))
        said = np.column_stack([state["said"], words]).astype(np.float32)
        log_probs = np.stack([self.speaker(tuple(map(int, row[1:]))) for row in said])
        return log_probs, {"said": said}, np.tile(words[:, None].astype(np.float32), (1, 4))


def any_speaker(seed: int, vocabulary: int = 7, sharpness: float = 2.0) -> Speaker:
    """A decoder without any rules: other words before, other probabilities."""

    def speak(said: Said) -> NDArray[np.float32]:
        logits = sharpness * np.random.default_rng([seed, *said]).normal(size=vocabulary)
        return np.asarray(logits - np.log(np.exp(logits).sum()), np.float32)

    return speak


def table(rules: dict[Said, dict[int, float]]) -> Speaker:
    """A decoder with these probabilities; what is not in the table ends, as good as surely."""

    def speak(said: Said) -> NDArray[np.float32]:
        probabilities = np.full(7, 1e-6)
        for word, probability in rules.get(said, {END: 0.99}).items():
            probabilities[word] = probability
        return np.asarray(np.log(probabilities), np.float32)

    return speak


def may_follow(said: Said, word: int) -> bool:
    """The rules of choosing, once more and slowly."""
    trigrams = {said[i : i + 3] for i in range(len(said) - 2)}
    return not (
        word in (PAD, START, UNKNOWN)
        or (word == END and not said)
        or said[-1:] == (word,)
        or (*said[-2:], word) in trigrams
    )


def every_sentence(
    speaker: Speaker, max_words: int, said: Said = (), total: float = 0.0
) -> Iterator[tuple[Said, float]]:
    """All that may be said and its log-probability, END included where there is one."""
    if len(said) == max_words or said[-1:] == (END,):
        yield said, total
        return
    for word, log_prob in enumerate(speaker(said).tolist()):
        if may_follow(said, word):
            yield from every_sentence(speaker, max_words, (*said, word), total + log_prob)


def greedy(speaker: Speaker, max_words: int) -> Said:
    said: Said = ()
    while len(said) < max_words and said[-1:] != (END,):
        said += (max((w for w in range(7) if may_follow(said, w)), key=speaker(said).__getitem__),)
    return said


def slow_beam_search(speaker: Speaker, beams: int, length_penalty: float, max_words: int) -> list[Said]:
    """Beam search that never stops early, best sentence first."""
    live: dict[Said, float] = {(): 0.0}
    ended: dict[Said, float] = {}
    for _ in range(max_words):
        grown = {
            (*said, word): total + float(log_prob)
            for said, total in live.items()
            for word, log_prob in enumerate(speaker(said))
            if may_follow(said, word)
        }
        kept = sorted(grown, key=grown.__getitem__, reverse=True)[:beams]
        ended |= {said: grown[said] for said in kept if said[-1] == END}
        live = {said: grown[said] for said in kept if said[-1] != END}
    found = ended | live
    return sorted(found, key=lambda said: found[said] / len(said) ** length_penalty, reverse=True)[:beams]


def search(speaker: Speaker, **options: Any) -> DecodingResult:
    """``decode`` with these options, regions being of no account."""
    return decode(TableStepper(speaker), REGIONS, DecodingOptions(**options))


def spoken(hypothesis: Hypothesis) -> Said:
    """Its ids, END included."""
    return tuple(step.id for step in hypothesis.steps)


def summary(decoded: DecodingResult) -> list[tuple[Said, float]]:
    return [(spoken(hypothesis), hypothesis.log_prob) for hypothesis in decoded.hypotheses]
