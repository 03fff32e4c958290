"""The LiteRT file of a bundle: its signatures, and the checks that it is what the bundle says."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from captioner.bundle.storage import Bundle
from captioner.errors import BundleError
from captioner.inference.beam_search import State
from captioner.text import START

SIGNATURES = ("encode", "start", "step")
WORDS_SIGNATURE = "predict_words"  # optional (training.word_predictor)


class Model:
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
            if set(signatures) - {WORDS_SIGNATURE} != set(SIGNATURES):
                raise ValueError(f"it has the signatures {', '.join(signatures) or 'none'}")
            self._runners = {name: self._interpreter.get_signature_runner(name) for name in signatures}
            self._check(bundle)
        except (ValueError, RuntimeError, KeyError) as error:  # LiteRT's, on a file that it cannot run
            raise BundleError(
                f"{bundle.model_path} does not fit its bundle: {str(error)[:200]}. Export or pull it again."
            ) from error

    def run(self, signature: str, **inputs: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Run a signature on named arrays, and give the named results, shaped as in ``captioner``."""
        with self._lock:
            outputs: dict[str, NDArray[Any]] = self._runners[signature](**inputs)
        return outputs

    def predict_words(self, regions: NDArray[np.float32]) -> NDArray[np.float32] | None:
        """Expected tf-idf weight of each word float32[V] (``cider.PredictedWords``), if it can."""
        if WORDS_SIGNATURE not in self._runners:
            return None
        return np.asarray(self.run(WORDS_SIGNATURE, regions=regions)["weights"][0])

    def _check(self, bundle: Bundle) -> None:
        """Take two steps on a black picture, and compare every shape with what the bundle promises.

        The second continues from the first one's state. It has as many rows as there are beams, so that
        the interpreter is resized before the first caption.
        """
        size, (height, width) = bundle.config.image_size, bundle.config.grid
        rows = bundle.config.beams
        black = np.zeros((1, size, size, 3), np.uint8)
        _expect("image", self._runners["encode"].get_input_details()["image"]["shape"], black.shape)
        regions = self.run("encode", image=black)["regions"]
        _expect("regions", regions.shape[:2], (1, height * width))
        self.channels = int(regions.shape[2])
        stepper = PictureStepper(self)
        state = {name: np.repeat(row, rows, axis=0) for name, row in stepper.start(regions).items()}
        ids = np.full(rows, START, np.int32)
        _, next_state, _ = stepper.step(ids, state)
        _expect_state(next_state, state)
        log_probs, _, attention = stepper.step(ids, {name: row[::-1] for name, row in next_state.items()})
        _expect("log_probs", log_probs.shape, (rows, len(bundle.vocabulary)))
        if np.isnan(log_probs).any():
            raise ValueError("its probabilities are not numbers")
        if (weights := self.predict_words(regions)) is not None:
            _expect("weights", weights.shape, (len(bundle.vocabulary),))
        expected = (rows, height, width) if bundle.config.attention else None
        _expect("attention", attention if attention is None else attention.shape, expected)


class PictureStepper:
    """``beam_search.Stepper`` for one picture; it stores what is fixed for the picture."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._fixed: State = {}

    def start(self, regions: NDArray[np.float32]) -> State:
        """Regions float32[1, R, C] → the first state, each float32[1, …]."""
        outputs = self._model.run("start", regions=regions)
        self._fixed = {name: value for name, value in outputs.items() if name.startswith("fixed_")}
        return {name: value for name, value in outputs.items() if name.startswith("state_")}

    def step(
        self, ids: NDArray[np.int32], state: State
    ) -> tuple[NDArray[np.float32], State, NDArray[np.float32] | None]:
        """Ids int32[N], state → log-probabilities float32[N, V], next state, attention float32[N, h, w]."""
        outputs = self._model.run("step", word=ids, **state, **self._fixed)
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
