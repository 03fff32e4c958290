"""A bundle and LiteRT: picture → caption, with all that the model considered."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from captioner import images
from captioner.bundle.schema import RECORDED_OPTIONS, Config
from captioner.bundle.storage import Bundle
from captioner.cider import PredictedWords
from captioner.errors import BundleError
from captioner.inference import blocklist as blocklists
from captioner.inference import reranking, warning
from captioner.inference.beam_search import decode
from captioner.inference.confidence import ConfidenceCache
from captioner.inference.decoding import END_WORD, FIGURES, Candidate, DecodingOptions, DecodingResult, Word
from captioner.inference.litert_model import Model, PictureStepper
from captioner.inference.warning import CaptionWarning, WarningRules
from captioner.text import END

CONJUNCTIONS = ("and", "or")  # people repeat a word across one of these in one caption of ten thousand

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
                "calibrated_probability": w.calibrated_probability,
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
    return {"caption": candidate.text, **{figure: getattr(candidate, figure) for figure in FIGURES}}


def default_options(config: Config) -> DecodingOptions:
    """The options with which the bundle's scores were measured."""
    return DecodingOptions(**{name: getattr(config, name) for name in RECORDED_OPTIONS})


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
        self._weights = reranking.read_weights(bundle)
        self._caption_length = _mean_caption_length(bundle)
        self._model = Model(bundle, threads)
        rules = warning.read(bundle, self._model.channels) if with_warnings else None
        self.warning_rules = rules or WarningRules()
        self._confidences = ConfidenceCache()

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
        other options need a second search, unless the picture was captioned recently.

        Raises:
            ValueError: the prefix has a word outside the vocabulary or on the blocklist.
            CaptionerError: no allowed word has a probability above zero.
        """
        options = options or self.options
        result = self._search(regions, options)

        def own_confidence() -> float:
            own = result if options == self.options else self._search(regions, self.options)
            return own.candidates[0].confidence

        rules = self.warning_rules
        confidence = self._confidences.of(regions, own_confidence) if rules.confidence else 1.0  # not read
        warnings = rules.warnings(regions, confidence)
        candidates = rules.calibrated(result.candidates, options, warnings)
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
            PictureStepper(self._model),
            regions,
            options,
            self._texts,
            conjunctions=self._conjunctions,
            blocklist=self._blocklist,
            weights=self._weights,
            predicted=self._predicted_words(regions) if options.consensus else None,
        )

    def _predicted_words(self, regions: NDArray[np.float32]) -> PredictedWords | None:
        weights = self._model.predict_words(regions)
        if weights is None:
            return None
        return PredictedWords(dict(zip(self._texts, weights.tolist(), strict=True)), self._caption_length)

    def _ids(self, words: Collection[str]) -> frozenset[int]:
        """Those of the words that the vocabulary has."""
        vocabulary = self.bundle.vocabulary
        return frozenset(vocabulary.id(word) for word in words if word in vocabulary)


def _mean_caption_length(bundle: Bundle) -> float | None:
    """Words in a training caption on average, if the bundle says."""
    try:
        statistics = bundle.dataset()
    except BundleError:  # the pages that show it report this; a caption can do without
        return None
    if statistics is None or not (total := sum(statistics.caption_lengths.values())):
        return None
    return sum(int(words) * count for words, count in statistics.caption_lengths.items()) / total
