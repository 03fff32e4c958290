"""The content of every file of a bundle as typed records, which ``reader`` validates.

Numbers, names and lists are bounded, so that no page meets NaN, a million words or a score of 1e9. Types are
strict: "3" is no number. Unknown columns and keys are ignored, except by records with
``forbid_unknown_fields``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from captioner import metrics
from captioner.bundle import migration, reader
from captioner.bundle.migration import FORMAT
from captioner.errors import PULL_AGAIN, BundleError

# One printable line, without characters that change the direction of text.
LINE = r"\A[^\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff]*\Z"

SplitName = Annotated[str, Meta(pattern=r"\A(official|kaggle)\Z")]  # datasets.SPLITS
DatasetName = Annotated[str, Meta(pattern=r"\A(Flickr8k|Flickr30k|COCO)\Z")]  # dataset_info.DATASETS
Side = Annotated[int, Meta(ge=1, le=256)]  # regions along a side of the grid
Tokenizer = Annotated[str, Meta(pattern=r"\A(captioner|kaggle)\Z")]  # text.TOKENIZERS
Name = Annotated[str, Meta(min_length=1, max_length=200, pattern=LINE)]
Line = Annotated[str, Meta(max_length=2000, pattern=LINE)]
Word = Annotated[str, Meta(max_length=200, pattern=r"\A\S+\Z")]
PositiveInt = Annotated[int, Meta(ge=1, le=1_000_000_000)]
Count = Annotated[int, Meta(ge=0, le=1_000_000_000)]
Counts = Annotated[dict[Name, Count], Meta(max_length=1000)]
Beams = Annotated[int, Meta(ge=1, le=100)]
Members = Annotated[int, Meta(ge=1, le=100)]  # decoders of an ensemble, which averages their probabilities
Samples = Annotated[int, Meta(ge=0, le=1000)]
LengthPenalty = Annotated[float, Meta(ge=0, le=10)]
MaxWords = Annotated[int, Meta(ge=1, le=200)]
Share = Annotated[float, Meta(ge=0, le=1)]
Cider = Annotated[float, Meta(ge=0, le=10)]
Score = Annotated[float, Meta(ge=0, le=1000)]
Scores = Annotated[dict[Name, Score], Meta(max_length=100)]  # by the keys of metrics.METRICS
Seconds = Annotated[float, Meta(ge=0, le=1e8)]
LogProb = Annotated[float, Meta(ge=-1e6, le=0)]
Loss = Annotated[float, Meta(ge=-1e6, le=1e6)]
NonNegativeFloat = Annotated[float, Meta(ge=0, le=1e6)]
RECORDED_OPTIONS = ("beams", "length_penalty", "max_words", "samples")  # of decoding, that a bundle sets


class Record(msgspec.Struct, frozen=True):
    """Content of a file or of a part of it."""


class Config(Record, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """config.json: how a bundle was trained, and its default decoding options."""

    recipe: Name
    encoder: Name
    decoder: Name
    members: Members
    image_size: Annotated[int, Meta(ge=8, le=2048)]  # pixels, the encoder's square
    grid: tuple[Side, Side]  # regions as rows, columns; (1, 1) when pooled
    pretrained: bool  # whether the encoder was pretrained
    horizontal_flip: bool  # test-time augmentation: regions are averaged over image and flip
    attention: bool  # whether ``step`` returns attention weights
    tokenizer: Tokenizer  # of the training captions
    split_name: SplitName  # trained on its "train" part
    beams: Beams
    length_penalty: LengthPenalty
    max_words: MaxWords
    samples: Samples = 0  # that the candidates are compared with; 0 is plain beam search
    versions: Annotated[dict[Name, Name], Meta(max_length=100)]  # library → version
    data_fingerprint: Name  # SHA-256 of the training data (``Dataset.fingerprint``)
    seed: Annotated[int, Meta(ge=0, le=2**63 - 1)]
    created: Name  # an ISO date
    format: Annotated[int, Meta(ge=FORMAT, le=FORMAT)] = FORMAT

    def __post_init__(self) -> None:
        try:
            datetime.fromisoformat(self.created)
        except (ValueError, TypeError) as error:
            raise ValueError(f"created must be an ISO date; it is {str(self.created)[:80]!r}") from error

    @property
    def decoders(self) -> str:
        """The decoder's name, with the number of ensemble members if there are several."""
        return self.decoder if self.members == 1 else f"{self.members} × {self.decoder}"

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Config:
        """From the object in config.json.

        Raises:
            BundleError: the format is unknown, or a field is missing, unknown or invalid.
        """
        migration.check_format(value.get("format"), "config.json")
        if value["format"] != FORMAT:
            value = migration.config(value)
        required = [field.name for field in msgspec.structs.fields(cls) if field.required]
        if missing := [name for name in required if name not in value]:
            raise BundleError(f"config.json lacks {', '.join(missing)}. {PULL_AGAIN}")
        return reader.decode(value, cls, "config.json")

    def to_json(self) -> dict[str, Any]:
        """The object for config.json; ``from_json`` undoes it."""
        fields: dict[str, Any] = msgspec.to_builtins(self)
        return {**fields, "grid": list(self.grid)}


class Metrics(Record, frozen=True, kw_only=True):
    """metrics.json: scores with all conditions they depend on. Shares are of the captions."""

    split_name: SplitName  # how the images were split
    split: Name
    images: PositiveInt
    tokenizer: Name  # of captions and references, for the scores
    beams: Beams
    length_penalty: LengthPenalty
    max_words: MaxWords
    samples: Samples = 0
    scores: Scores
    cider_interval: tuple[Cider, Cider]  # 95 %, bootstrap over images
    constant_baseline: Scores  # of the same caption for every image
    human_baseline: Scores | None  # of one reference against the others; None: no image has two
    distinct_captions: Count
    words_used: Count
    verbatim_share: Share  # word for word a caption of the training split
    repeated_ngrams_share: Share  # a word twice in a row, or the same three words twice
    redundant_share: Share | None = None  # as inference.redundancy finds it; absent from older bundles
    human_redundant_share: Share | None = None  # of the references
    incomplete_share: Share  # ends in an article or a preposition
    seconds_per_image: Seconds  # median
    command: Line = ""  # that reproduces it

    def __post_init__(self) -> None:
        for scores in (self.scores, self.constant_baseline, self.human_baseline):
            if scores is not None:
                metrics.check_scores(scores, metrics.METRICS)


class Epoch(Record, frozen=True):
    """A row of history.csv; None where nothing was measured."""

    epoch: PositiveInt
    phase: Name
    loss: Loss | None = None  # nats per word; in the self-critical phase, minus the reward
    val_loss: NonNegativeFloat | None = None  # nats per word
    learning_rate: NonNegativeFloat | None = None
    seconds: Seconds | None = None
    val_cider: Cider | None = None
    words_used: Count | None = None
    incomplete_share: Share | None = None


class Prediction(Record, frozen=True):
    """A row of predictions.csv: the caption of a test image, with a column for each per-image metric."""

    image: Name
    caption: Line
    log_prob: LogProb
    score: LogProb
    scores: Scores
    expected_precision: Share | None = None  # of its content words; None if not calibrated

    def __post_init__(self) -> None:
        metrics.check_scores(self.scores, metrics.per_image_metrics())

    @property
    def cider(self) -> float:
        return self.scores["cider"]


class WordCounts(Record, frozen=True):
    """The words of the training captions."""

    tokens: Count
    distinct: Count
    vocabulary_size: Count
    min_count: Count
    most_common: Annotated[tuple[tuple[Name, Count], ...], Meta(max_length=10_000)]


class DatasetStatistics(Record, frozen=True):
    """dataset.json: split sizes, caption lengths in words, and word counts."""

    name: DatasetName
    split_name: SplitName
    images: Counts
    captions: Counts
    caption_lengths: Counts
    words: WordCounts


class Baseline(Record, frozen=True):
    """The results of another bundle."""

    recipe: Name
    encoder: Name
    decoder: Name
    phases: Annotated[tuple[Name, ...], Meta(max_length=100)]
    megabytes: NonNegativeFloat
    training_hours: NonNegativeFloat
    split_name: SplitName
    split: Name
    images: PositiveInt
    tokenizer: Name
    beams: Beams
    length_penalty: LengthPenalty
    max_words: MaxWords
    scores: Scores
    seconds_per_image: Seconds
    samples: Samples = 0

    def __post_init__(self) -> None:
        metrics.check_scores(self.scores, metrics.METRICS)


class Baselines(Record, frozen=True):
    """baselines.json: results of other bundles, for comparison."""

    baselines: Annotated[tuple[Baseline, ...], Meta(max_length=100)]


Option = Annotated[float, Meta(ge=0, le=1e9)] | bool | Name  # of decoding
Weight = Annotated[float, Meta(ge=0, le=1e6)]  # never negative, so that what is more probable stays so


class ReliabilityBin(Record, frozen=True):
    """Predictions of about the same calibrated probability, and how many of them were right."""

    predicted: Share  # mean calibrated probability
    observed: Share  # that were right
    count: PositiveInt


class Calibrator(Record, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Logistic calibration of words or of captions, and how it holds on other pictures."""

    intercept: Annotated[float, Meta(ge=-1e6, le=1e6)]
    weights: Annotated[dict[Name, Weight], Meta(min_length=1, max_length=20)]  # feature → weight
    bins: Annotated[tuple[ReliabilityBin, ...], Meta(min_length=1, max_length=100)]  # of equal mass
    expected_calibration_error: Share  # mean gap between predicted and observed, weighted by count
    auc: Share | None  # how often one that is right has more than one that is wrong; None without both
    mean_right: Share | None  # mean calibrated probability of those that were right
    mean_wrong: Share | None
    human_share: Share | None  # of people's own words or sentences that would count as right

    @property
    def count(self) -> int:
        """Words or captions on which it was measured."""
        return sum(bin.count for bin in self.bins)

    @property
    def observed(self) -> float:
        """The share of them that was right."""
        return sum(bin.observed * bin.count for bin in self.bins) / self.count


class CalibrationParameters(Record, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """calibration.json: calibrated probabilities of words and captions, and their measured reliability."""

    split_name: SplitName  # how the pictures were split
    fitted_images: PositiveInt  # of the dev split
    split: Annotated[str, Meta(pattern=r"\A(dev|test)\Z")]  # on which the reliability was measured
    images: PositiveInt  # in that split
    options: Annotated[dict[Name, Option], Meta(max_length=100)]  # of decoding, for which all this holds
    words: Calibrator
    captions: Calibrator
    command: Line = ""  # that reproduces it


Coordinate = Annotated[int, Meta(ge=-1000, le=1000)]  # whole thousandths, as detector.SCALE
Centroid = Annotated[tuple[Coordinate, ...], Meta(min_length=1, max_length=10_000)]


class NoveltyParameters(Record, frozen=True, forbid_unknown_fields=True):
    """novelty.json: the parameters of the novelty detector and its measured detection rates."""

    centroids: Annotated[tuple[Centroid, ...], Meta(min_length=1, max_length=64)]  # int[K, C], not normalised
    threshold: Annotated[float, Meta(ge=-1, le=1)]  # an image of lower similarity is novel
    split_name: SplitName  # how the pictures were split
    split: Annotated[str, Meta(pattern=r"\A(dev|test)\Z")]  # on which false positives were counted
    images: PositiveInt  # in that split
    false_positives: Count
    # kind → detected, tested
    detected: Annotated[dict[Name, tuple[Count, PositiveInt]], Meta(max_length=100)]

    def __post_init__(self) -> None:
        for holds, rule in (
            (len({*map(len, self.centroids)}) == 1, "centroids must be equally long"),
            (all(map(any, self.centroids)), "no centroid must be all 0"),
            (self.false_positives <= self.images, "false_positives must be some of the images"),
            (
                all(part <= whole for part, whole in self.detected.values()),
                "detected must be some of the tested",
            ),
        ):
            if not holds:
                raise ValueError(rule)
