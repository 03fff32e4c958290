"""A bundle and LiteRT: picture → caption, with all that the model considered."""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from captioner import images
from captioner.bundle.schema import Config
from captioner.bundle.storage import Bundle
from captioner.errors import BundleError
from captioner.inference import blocklist as blocklists
from captioner.inference import document_frequencies, warning
from captioner.inference.beam_search import State, decode
from captioner.inference.decoding import END_WORD, Candidate, DecodingOptions, DecodingResult, Word
from captioner.inference.warning import CaptionWarning, WarningRules
from captioner.text import END, START

CONJUNCTIONS = ("and", "or")  # people repeat a word across one of these in one caption of ten thousand
SIGNATURES = ("encode", "start", "step")

Picture: TypeAlias = images.Source | NDArray[np.uint8]  # a file, its bytes, a Pillow image or uint8[H, W, 3]


@dataclass(frozen=True, repr=False)
class Caption(DecodingResult):
    """What the model says about a picture. Prints as the sentence; the rest shows how the model chose it."""

    warnings: tuple[CaptionWarning, ...] = ()  # why the sentence may be wrong

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        warned = "".join(f", {warning.code}" for warning in self.warnings)
        count = len(self.candidates)
        return f"<Caption {self.text!r}, confidence {self.best.confidence:.0%}, best of {count}{warned}>"

    @property
    def best(self) -> Candidate:
        """The candidate that ranks first."""
        return self.candidates[0]

    @property
    def alternatives(self) -> tuple[Candidate, ...]:
        """The other candidates, best first."""
        return self.candidates[1:]

    @property
    def text(self) -> str:
        """The best candidate's sentence."""
        return self.best.text

    @property
    def words(self) -> tuple[Word, ...]:
        """The best candidate's words; ``END_WORD`` is the last when it is finished."""
        return self.best.words

    @property
    def attention(self) -> NDArray[np.float32] | None:
        """Where the model looked at each word: float32[T, h, w], each map of sum 1; None if it has none."""
        maps = [word.attention for word in self.words if word.attention is not None]
        return np.stack(maps) if maps else None

    def to_dict(self) -> dict[str, Any]:
        """The sentence with its words, the alternatives, the warnings: what JSON can hold."""
        words = [
            {
                "word": w.text,
                "log_prob": w.log_prob,
                "calibrated": w.calibrated,
                "runners_up": dict(w.runners_up),
            }
            for w in self.words
        ]
        return {
            **_summary(self.best),
            "warnings": [*map(asdict, self.warnings)],
            "words": words,
            "alternatives": [*map(_summary, self.alternatives)],
        }


def _summary(candidate: Candidate) -> dict[str, Any]:
    fields = ("log_prob", "score", "finished", "calibrated", "agreement")
    return {"caption": candidate.text, **{field: getattr(candidate, field) for field in fields}}


def default_options(config: Config) -> DecodingOptions:
    """The options with which the bundle's scores were measured."""
    names = ("beams", "length_penalty", "max_words", "samples")
    return DecodingOptions(**{name: getattr(config, name) for name in names})


class Captioner:
    """Captions pictures with a bundle. One object may serve many threads.

    Args:
        bundle: a loaded bundle.
        threads: of the encoder, the slowest part. It stops gaining at the number of cores.
        blocklist: words that are neither chosen nor reported; those of ``blocklist.txt`` by default.
        with_warnings: whether captions come with warnings and calibrated probabilities, if the bundle can.

    Raises:
        BundleError: the model file is not one, or does not fit the bundle's vocabulary and configuration.
    """

    def __init__(
        self,
        bundle: Bundle,
        threads: int = 2,
        blocklist: Collection[str] | None = None,
        *,
        with_warnings: bool = True,
    ) -> None:
        self.bundle = bundle
        self.options = default_options(bundle.config)
        self._texts = [END_WORD if id == END else word for id, word in enumerate(bundle.vocabulary.words)]
        self._conjunctions = self._ids(CONJUNCTIONS)
        self._blocklist = self._ids(blocklists.words() if blocklist is None else blocklist)
        self._weights = document_frequencies.weights(bundle)
        self._model = _Model(bundle, threads)
        rules = warning.read(bundle, self._model.channels) if with_warnings else None
        self.warning_rules = rules or WarningRules()

    def caption(self, picture: Picture, options: DecodingOptions | None = None) -> Caption:
        """Describe a picture.

        Args:
            picture: the path of a file, a file's bytes, a Pillow image, or uint8[H, W, 3].
            options: how to search; the bundle's own by default.

        Raises:
            ImageError: the picture cannot be read.
            ValueError: an array of another shape or type, or a prefix with an unknown or blocked word.
        """
        return self.decode(self.encode(picture), options)

    def encode(self, picture: Picture) -> NDArray[np.float32]:
        """Regions float32[1, R, C] of a picture as ``caption`` takes it. They can be decoded many times.

        Raises:
            ImageError: the picture cannot be read.
            ValueError: an array of another shape or type.
        """
        image = picture if isinstance(picture, np.ndarray) else images.read(picture)
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise ValueError(f"a picture is uint8[H, W, 3]; got {image.dtype}{list(image.shape)}")
        square = images.square(image, self.bundle.config.image_size)
        return self._model.run("encode", image=square[None])["regions"]

    def decode(self, regions: NDArray[np.float32], options: DecodingOptions | None = None) -> Caption:
        """Put regions float32[1, R, C] from ``encode`` into words.

        The warnings do not depend on ``options``: their thresholds were measured with the bundle's own. So
        other options may need a second search.

        Raises:
            ValueError: the prefix has a word outside the vocabulary or on the blocklist.
            CaptionerError: no allowed word has a probability above zero.
        """
        options = options or self.options
        result = self._search(regions, options)
        default_result = result
        if self.warning_rules.confidence and options != self.options:
            default_result = self._search(regions, self.options)
        warnings = self.warning_rules.warnings(regions, default_result.candidates[0].confidence)
        candidates = self.warning_rules.calibrated(result.candidates, options, warnings)
        return Caption(candidates, result.beam_tree, result.leaves, warnings)

    def prefix(self, words: Sequence[str]) -> tuple[int, ...]:
        """Ids for ``DecodingOptions.prefix``; ``END_WORD`` may be the last word.

        Raises:
            ValueError: the model does not know one of the words, or it is on the blocklist.
        """
        vocabulary = self.bundle.vocabulary
        if unknown := [word for word in words if word != END_WORD and word not in vocabulary]:
            raise ValueError(f"the model does not know the word {unknown[0]!r}")
        ids = tuple(END if word == END_WORD else vocabulary.id(word) for word in words)
        if blocked := [word for word, id in zip(words, ids, strict=True) if id in self._blocklist]:
            raise ValueError(f"the word {blocked[0]!r} is on the blocklist")
        return ids

    def _search(self, regions: NDArray[np.float32], options: DecodingOptions) -> DecodingResult:
        return decode(
            _Stepper(self._model),
            regions,
            options,
            self._texts,
            conjunctions=self._conjunctions,
            blocklist=self._blocklist,
            weights=self._weights,
        )

    def _ids(self, words: Collection[str]) -> frozenset[int]:
        """Those of the words that the vocabulary has."""
        vocabulary = self.bundle.vocabulary
        return frozenset(vocabulary.id(word) for word in words if word in vocabulary)


class _Model:
    """The LiteRT file. An interpreter is not thread-safe, so every run of a signature holds the lock.

    A signature runner resizes its inputs only when their shape changes and copies outputs out, so interleaved
    sentences do not disturb each other. It takes 0.01 ms longer than the lower-level calls.
    """

    def __init__(self, bundle: Bundle, threads: int) -> None:
        self._lock = threading.Lock()
        self.grid = bundle.config.grid
        try:
            self._interpreter = Interpreter(model_content=bundle.model(), num_threads=threads)
            signatures = self._interpreter.get_signature_list()
            if set(signatures) != set(SIGNATURES):
                raise ValueError(f"it has the signatures {', '.join(signatures) or 'none'}")
            self._runners = {name: self._interpreter.get_signature_runner(name) for name in SIGNATURES}
            self._check(bundle)
        except (ValueError, RuntimeError, KeyError) as error:  # LiteRT's, on a file that it cannot run
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

        The second continues from the first one's state. It has as many rows as captions will have, so
        that the interpreter is resized before the first caption.
        """
        size, (height, width) = bundle.config.image_size, bundle.config.grid
        rows = bundle.config.beams + bundle.config.samples
        black = np.zeros((1, size, size, 3), np.uint8)
        _expect("image", self._runners["encode"].get_input_details()["image"]["shape"], black.shape)
        regions = self.run("encode", image=black)["regions"]
        _expect("regions", regions.shape[:2], (1, height * width))
        self.channels = int(regions.shape[2])
        stepper = _Stepper(self)
        state = {name: np.repeat(row, rows, axis=0) for name, row in stepper.start(regions).items()}
        words = np.full(rows, START, np.int32)
        _, next_state, _ = stepper.step(words, state)
        _expect_state(next_state, state)
        log_probs, _, attention = stepper.step(words, {name: row[::-1] for name, row in next_state.items()})
        _expect("log_probs", log_probs.shape, (rows, len(bundle.vocabulary)))
        if np.isnan(log_probs).any():
            raise ValueError("its probabilities are not numbers")
        expected = (rows, height, width) if bundle.config.attention else None
        _expect("attention", attention if attention is None else attention.shape, expected)


class _Stepper:
    """``beam_search.Stepper`` for one picture; it stores what is fixed for the picture."""

    def __init__(self, model: _Model) -> None:
        self._model = model
        self._fixed: State = {}

    def start(self, regions: NDArray[np.float32]) -> State:
        """Regions float32[1, R, C] → the first state, each float32[1, …]."""
        outputs = self._model.run("start", regions=regions)
        self._fixed = {name: value for name, value in outputs.items() if name.startswith("fixed_")}
        return {name: value for name, value in outputs.items() if name.startswith("state_")}

    def step(
        self, words: NDArray[np.int32], state: State
    ) -> tuple[NDArray[np.float32], State, NDArray[np.float32] | None]:
        """Ids int32[N], state → log-probabilities float32[N, V], next state, attention float32[N, h, w]."""
        outputs = self._model.run("step", word=words, **state, **self._fixed)
        log_probs, attention = outputs.pop("log_probs"), outputs.pop("attention", None)
        maps = None if attention is None else attention.reshape(-1, *self._model.grid)
        return log_probs, outputs, maps


def _expect(name: str, actual: object, expected: object) -> None:
    actual = tuple(map(int, actual)) if isinstance(actual, tuple | np.ndarray) else actual
    if actual != expected:
        raise ValueError(f"{name} has the shape {actual} where the bundle says {expected}")


def _expect_state(actual: State, expected: State) -> None:
    """The output state of a step must be a valid input of the next one."""
    actual_shapes, expected_shapes = (
        {name: row.shape for name, row in state.items()} for state in (actual, expected)
    )
    if actual_shapes != expected_shapes:
        raise ValueError(f"a step gives the state {actual_shapes} where the next one takes {expected_shapes}")
