"""A bundle and LiteRT: picture → captions, with what the model considered on the way."""

from __future__ import annotations

import math
import threading
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from captioner import images
from captioner.bundle.config import Config
from captioner.bundle.storage import Bundle
from captioner.errors import BundleError
from captioner.inference import blocklist, warning
from captioner.inference.decoding import DecodingOptions, DecodingResult, Hypothesis, State, Step, decode
from captioner.inference.warning import CaptionWarning
from captioner.text import END, START, Vocabulary

END_WORD = ""  # stands for the end of the sentence wherever a word is expected
JOINS = ("and", "or")  # people repeat a word across one of these in one caption of ten thousand
SIGNATURES = ("encode", "start", "step")


@dataclass(frozen=True)
class Word:
    """One word being chosen; the text is ``END_WORD`` where the sentence ends."""

    text: str
    log_prob: float  # nats, straight from the decoder
    runners_up: tuple[tuple[str, float], ...]  # the most likely other words, best first
    blocked: frozenset[str] = frozenset()  # of all these, what would repeat: only a visitor may say it
    attention: NDArray[np.float32] | None = field(
        default=None, compare=False, repr=False
    )  # [h, w], sums to 1


@dataclass(frozen=True)
class Candidate:
    """One sentence about a picture."""

    text: str
    words: tuple[Word, ...]  # END_WORD is the last when finished
    log_prob: float  # sum over the words
    score: float  # log_prob / number of words**length_penalty; ranks
    finished: bool  # False: cut off at max_words

    @property
    def confidence(self) -> float:
        """Geometric mean of the word probabilities, the end of the sentence included."""
        return math.exp(self.log_prob / len(self.words))


@dataclass(frozen=True)
class BeamNode:
    """One word in the tree of all that was considered. Roots have parent -1."""

    parent: int  # index of the node before
    word: str
    step: int  # counts from 0
    log_prob: float  # of the sentence up to here
    kept: bool  # False: a candidate that did not make it into the beam


@dataclass(frozen=True)
class Caption:
    """What the model says about a picture: at least one caption, best score first, and how it got there."""

    candidates: tuple[Candidate, ...]
    beam_tree: tuple[BeamNode, ...]
    leaves: tuple[int, ...]  # the node where each caption ends
    warnings: tuple[CaptionWarning, ...] = ()  # why to take them with caution

    @property
    def best(self) -> Candidate:
        return self.candidates[0]


def default_options(config: Config) -> DecodingOptions:
    """How the captions were chosen that the bundle's scores are of."""
    return DecodingOptions(beams=config.beams, length_penalty=config.alpha, max_words=config.max_words)


class Captioner:
    """Captions pictures with a bundle. One object may serve many threads.

    Args:
        bundle: a loaded bundle.
        threads: of the encoder, the slowest part. It stops gaining at the number of cores.
        blocked: words that are never said, nor told as runners-up; those of ``blocklist`` by default.
        warns: whether captions come with warnings, where the bundle has what these need.

    Raises:
        BundleError: the model file is not one, or does not fit the bundle's vocabulary and configuration.
    """

    def __init__(
        self,
        bundle: Bundle,
        threads: int = 2,
        blocked: Collection[str] | None = None,
        *,
        warns: bool = True,
    ) -> None:
        self.bundle = bundle
        self.options = default_options(bundle.config)
        self._joins = [bundle.vocabulary.id(word) for word in JOINS if word in bundle.vocabulary]
        barred = blocklist.words() if blocked is None else blocked
        self._blocked = frozenset(bundle.vocabulary.id(word) for word in barred if word in bundle.vocabulary)
        self._model = _Model(bundle, threads)
        self.rules = warning.read(bundle, self._model.channels) if warns else warning.Rules()

    def caption(self, image: NDArray[np.uint8], options: DecodingOptions | None = None) -> Caption:
        """Describe uint8[H, W, 3]; the options default to the bundle's."""
        return self.decode(self.regions(image), options)

    def regions(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """What the encoder sees in uint8[H, W, 3]: float32[1, R, C]. Kept, it can be decoded many times."""
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise ValueError(f"a picture is uint8[H, W, 3]; got {image.dtype}{list(image.shape)}")
        square = images.square(image, self.bundle.config.image_size)
        return self._model.run("encode", image=square[None])["regions"]

    def decode(self, regions: NDArray[np.float32], options: DecodingOptions | None = None) -> Caption:
        """Put float32[1, R, C] from ``regions`` into words.

        The warnings are the same for all options, as their rules were measured with the bundle's. So other
        options may cost a second search.
        """
        options = options or self.options
        captions = self._search(regions, options)
        tested = captions
        if self.rules.threshold and options != self.options:
            tested = self._search(regions, self.options)
        return replace(captions, warnings=self.rules.warnings(regions, tested.best.confidence))

    def _search(self, regions: NDArray[np.float32], options: DecodingOptions) -> Caption:
        decoded = decode(_Stepper(self._model), regions, options, self._joins, self._blocked)
        return _spoken(decoded, self.bundle.vocabulary, self.bundle.config.grid)

    def prefix(self, words: Sequence[str]) -> tuple[int, ...]:
        """Ids for ``DecodingOptions.prefix``; ``END_WORD`` may be the last word.

        Raises:
            ValueError: the model does not know one of the words, or it is blocked.
        """
        vocabulary = self.bundle.vocabulary
        if strange := [word for word in words if word != END_WORD and word not in vocabulary]:
            raise ValueError(f"the model does not know the word {strange[0]!r}")
        ids = tuple(END if word == END_WORD else vocabulary.id(word) for word in words)
        if barred := [word for word, id in zip(words, ids, strict=True) if id in self._blocked]:
            raise ValueError(f"the word {barred[0]!r} is one of those that no caption says")
        return ids


def as_json(captions: Caption) -> dict[str, Any]:
    """The best caption with its words, the outlines of the others, the warnings: what JSON knows."""
    words = [
        {"word": word.text, "log_prob": word.log_prob, "runners_up": dict(word.runners_up)}
        for word in captions.best.words
    ]
    alternatives = [*map(_outline, captions.candidates[1:])]
    warnings = [*map(asdict, captions.warnings)]
    return {**_outline(captions.best), "warnings": warnings, "words": words, "alternatives": alternatives}


def _outline(caption: Candidate) -> dict[str, Any]:
    fields = ("log_prob", "score", "finished")
    return {"caption": caption.text, **{field: getattr(caption, field) for field in fields}}


class _Model:
    """The LiteRT file. An interpreter is not thread-safe, so every run of a signature holds the lock.

    A signature runner resizes its inputs only when their shape changes and copies outputs out, so interleaved
    sentences do not disturb each other, and it costs 0.01 ms more than the calls beneath it.
    """

    def __init__(self, bundle: Bundle, threads: int) -> None:
        self._lock = threading.Lock()
        try:
            self._interpreter = Interpreter(model_content=bundle.model(), num_threads=threads)
            present = self._interpreter.get_signature_list()
            if set(present) != set(SIGNATURES):
                raise ValueError(f"it has the signatures {', '.join(present) or 'none'}")
            self._runners = {name: self._interpreter.get_signature_runner(name) for name in SIGNATURES}
            self._check(bundle)
        except (
            ValueError,
            RuntimeError,
            KeyError,
        ) as error:  # what LiteRT raises on a file that it cannot run
            raise BundleError(
                f"{bundle.model_path} does not fit its bundle: {str(error)[:200]}. Export or pull it again."
            ) from error

    def run(self, signature: str, **inputs: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Run encode, start or step on named arrays, and give the named results."""
        with self._lock:
            outputs: dict[str, NDArray[Any]] = self._runners[signature](**inputs)
        return outputs

    def _check(self, bundle: Bundle) -> None:
        """Take two steps on a black picture, and compare every shape with what the bundle promises.

        The second goes on from the state that the first gave. With as many rows as captions will have, so
        that the first of them finds the interpreter resized.
        """
        size, (height, width), rows = bundle.config.image_size, bundle.config.grid, bundle.config.beams
        black = np.zeros((1, size, size, 3), np.uint8)
        _expect("image", self._runners["encode"].get_input_details()["image"]["shape"], black.shape)
        regions = self.run("encode", image=black)["regions"]
        _expect("regions", regions.shape[:2], (1, height * width))
        self.channels = int(regions.shape[2])
        stepper = _Stepper(self)
        state = {name: np.repeat(row, rows, axis=0) for name, row in stepper.start(regions).items()}
        words = np.full(rows, START, np.int32)
        _, later, _ = stepper.step(words, state)
        _expect_state(later, state)
        log_probs, _, attention = stepper.step(words, {name: row[::-1] for name, row in later.items()})
        _expect("log_probs", log_probs.shape, (rows, len(bundle.vocabulary)))
        if np.isnan(log_probs).any():
            raise ValueError("its probabilities are not numbers")
        expected = (rows, height * width) if bundle.config.attention else None
        _expect("attention", attention if attention is None else attention.shape, expected)


class _Stepper:
    """``decoding.Stepper`` for one picture; it keeps to itself what is fixed for the picture."""

    def __init__(self, model: _Model) -> None:
        self._model = model
        self._fixed: State = {}

    def start(self, regions: NDArray[np.float32]) -> State:
        outputs = self._model.run("start", regions=regions)
        self._fixed = {name: value for name, value in outputs.items() if name.startswith("fixed_")}
        return {name: value for name, value in outputs.items() if name.startswith("state_")}

    def step(
        self, words: NDArray[np.int32], state: State
    ) -> tuple[NDArray[np.float32], State, NDArray[np.float32] | None]:
        outputs = self._model.run("step", word=words, **state, **self._fixed)
        log_probs, attention = outputs.pop("log_probs"), outputs.pop("attention", None)
        return log_probs, outputs, attention


def _expect(name: str, found: object, expected: object) -> None:
    found = tuple(map(int, found)) if isinstance(found, tuple | np.ndarray) else found
    if found != expected:
        raise ValueError(f"{name} has the shape {found} where the bundle says {expected}")


def _expect_state(found: State, expected: State) -> None:
    """What a step gives must be what the next one takes."""
    shapes, wanted = ({name: row.shape for name, row in state.items()} for state in (found, expected))
    if shapes != wanted:
        raise ValueError(f"a step gives the state {shapes} where the next one takes {wanted}")


def _spoken(decoded: DecodingResult, vocabulary: Vocabulary, grid: tuple[int, int]) -> Caption:
    captions = tuple(_caption(hypothesis, vocabulary, grid) for hypothesis in decoded.hypotheses)
    tree = tuple(
        BeamNode(node.parent, _word(node.id, vocabulary), node.step, node.log_prob, node.kept)
        for node in decoded.tree
    )
    return Caption(captions, tree, decoded.leaves)


def _caption(hypothesis: Hypothesis, vocabulary: Vocabulary, grid: tuple[int, int]) -> Candidate:
    words = tuple(_chosen(step, vocabulary, grid) for step in hypothesis.steps)
    text = vocabulary.text(hypothesis.ids)
    return Candidate(text, words, hypothesis.log_prob, hypothesis.score, hypothesis.finished)


def _chosen(step: Step, vocabulary: Vocabulary, grid: tuple[int, int]) -> Word:
    runners_up = tuple((_word(id, vocabulary), log_prob) for id, log_prob in step.runners_up)
    attention = None if step.attention is None else step.attention.reshape(grid)
    blocked = frozenset(_word(id, vocabulary) for id in step.blocked)
    return Word(_word(step.id, vocabulary), step.log_prob, runners_up, blocked, attention)


def _word(id: int, vocabulary: Vocabulary) -> str:
    return END_WORD if id == END else vocabulary.words[id]
