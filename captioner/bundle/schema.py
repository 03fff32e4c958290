"""What every file of a bundle holds, as typed records, and the one way in which they are read.

Numbers, names and lists are bounded, so that no page has to be ready for NaN, for a million words or for a
score of 1e9. Strict: nothing is taken for what it is not, "3" is no number. Columns and keys that are not
named here are ignored, except where a record says ``forbid_unknown_fields``.
"""

from __future__ import annotations

import csv
import io
import re
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from captioner import metrics
from captioner.errors import BundleError

AGAIN = "Pull or copy the bundle again."
# Printable, in one line, and nothing that turns the direction of the text around it.
LINE = r"\A[^\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff]*\Z"

SplitName = Annotated[str, Meta(pattern=r"\A(official|kaggle)\Z")]  # flickr8k.SPLITS
Tokenizer = Annotated[str, Meta(pattern=r"\A(captioner|kaggle)\Z")]  # text.TOKENIZERS
Name = Annotated[str, Meta(min_length=1, max_length=200, pattern=LINE)]
Line = Annotated[str, Meta(max_length=2000, pattern=LINE)]
Word = Annotated[str, Meta(max_length=200, pattern=r"\A\S+\Z")]
Number = Annotated[int, Meta(ge=1, le=1_000_000_000)]
Count = Annotated[int, Meta(ge=0, le=1_000_000_000)]
Counts = Annotated[dict[Name, Count], Meta(max_length=1000)]
Beams = Annotated[int, Meta(ge=1, le=100)]
LengthPenalty = Annotated[float, Meta(ge=0, le=10)]
Words = Annotated[int, Meta(ge=1, le=200)]
Share = Annotated[float, Meta(ge=0, le=1)]
Cider = Annotated[float, Meta(ge=0, le=10)]
Score = Annotated[float, Meta(ge=0, le=1000)]
Scores = Annotated[dict[Name, Score], Meta(max_length=100)]  # by the keys of metrics.METRICS
Seconds = Annotated[float, Meta(ge=0, le=1e8)]
LogProb = Annotated[float, Meta(ge=-1e6, le=0)]
Loss = Annotated[float, Meta(ge=-1e6, le=1e6)]
Rate = Annotated[float, Meta(ge=0, le=1e6)]
Amount = Annotated[float, Meta(ge=0, le=1e6)]

Found = TypeVar("Found")
Row = TypeVar("Row", bound="Record")


class Record(msgspec.Struct, frozen=True):
    """What a file, or a part of it, holds."""


class Metrics(Record, frozen=True, kw_only=True):
    """metrics.json: scores with all that they depend on. Shares are of the captions."""

    split_name: SplitName  # how the images were split
    split: Name
    images: Number
    tokenizer: Name  # of captions and references, for the scores
    beams: Beams
    length_penalty: LengthPenalty
    max_words: Words
    scores: Scores
    cider_interval: tuple[Cider, Cider]  # 95 %, bootstrap over images
    constant_baseline: Scores  # of the same caption for every image
    human_baseline: Scores | None  # of one reference against the others; None where an image has only one
    distinct_captions: Count
    words_used: Count
    verbatim_share: Share  # word for word a caption of the training split
    repeated_ngrams_share: Share  # a word twice in a row, or the same three words twice
    repeated_words_share: Share | None = None  # a content word twice; the first bundles did not count it
    human_repeated_words_share: Share | None = None  # of the references
    incomplete_share: Share  # ends in an article or a preposition
    seconds_per_image: Seconds  # median
    command: Line = ""  # that measures it again

    def __post_init__(self) -> None:
        for scores in (self.scores, self.constant_baseline, self.human_baseline):
            if scores is not None:
                metrics.check_scores(scores, metrics.METRICS)


class Epoch(Record, frozen=True):
    """A row of history.csv; None where nothing was measured."""

    epoch: Number
    phase: Name
    loss: Loss | None = None  # nats a word; while polishing, the reward with a minus sign
    val_loss: Amount | None = None  # nats a word
    learning_rate: Rate | None = None
    seconds: Seconds | None = None
    val_cider: Cider | None = None
    words_used: Count | None = None
    incomplete_share: Share | None = None


class Prediction(Record, frozen=True):
    """A row of predictions.csv: the caption of a test image, with a column for each metric of one image."""

    image: Name
    caption: Line
    log_prob: LogProb
    score: LogProb
    scores: Scores

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

    name: Name
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
    megabytes: Amount
    training_hours: Amount
    split_name: SplitName
    split: Name
    images: Number
    tokenizer: Name
    beams: Beams
    length_penalty: LengthPenalty
    max_words: Words
    scores: Scores
    seconds_per_image: Seconds

    def __post_init__(self) -> None:
        metrics.check_scores(self.scores, metrics.METRICS)


class Baselines(Record, frozen=True):
    """baselines.json: results of other bundles, to compare with."""

    baselines: Annotated[tuple[Baseline, ...], Meta(max_length=100)]


Coordinate = Annotated[int, Meta(ge=-1000, le=1000)]  # whole thousandths, as detector.SCALE
Centroid = Annotated[tuple[Coordinate, ...], Meta(min_length=1, max_length=10_000)]


class NoveltyParameters(Record, frozen=True, forbid_unknown_fields=True):
    """novelty.json: where the training pictures lie, from where on one is unlike them, and how that does."""

    centroids: Annotated[tuple[Centroid, ...], Meta(min_length=1, max_length=64)]  # [K, C], of any length
    threshold: Annotated[float, Meta(ge=-1, le=1)]  # an image of a lower similarity is unlike them
    split_name: SplitName  # how the pictures were split
    split: Annotated[str, Meta(pattern=r"\A(dev|test)\Z")]  # that the false positives were counted on
    images: Number  # of these
    false_positives: Count
    detected: Annotated[dict[Name, tuple[Count, Number]], Meta(max_length=100)]  # kind → detected, tried

    def __post_init__(self) -> None:
        for holds, rule in (
            (len({*map(len, self.centroids)}) == 1, "centroids must be equally long"),
            (all(map(any, self.centroids)), "no centroid must be all 0"),
            (self.false_positives <= self.images, "false_positives must be some of the images"),
            (
                all(part <= whole for part, whole in self.detected.values()),
                "detected must be some of the tried",
            ),
        ):
            if not holds:
                raise ValueError(rule)


def decode(value: object, kind: type[Found], name: str) -> Found:
    """A value as JSON has it, as a record; ``name`` is the file's, for the error.

    Raises:
        BundleError: a field is missing or breaks its rule: which, the rule, what came.
    """
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise BundleError(f"{name}: {_describe(str(error), value)}. {AGAIN}") from error


def rows(text: str, kind: type[Row], name: str, most: int) -> list[Row]:
    """The rows of a CSV file with a head; a blank is None, and so is NaN in a column that may lack values.

    A record's ``scores`` are the columns of the metrics that score an image alone.

    Raises:
        BundleError: it is no table, has more than ``most`` rows, or a cell breaks the rule of its column.
    """
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    lacking = {field.name for field in msgspec.structs.fields(kind) if not field.required}
    scored = metrics.per_image_metrics() if "scores" in kind.__struct_fields__ else []
    found: list[Row] = []
    try:
        head = next(reader, [])
        if len(set(head)) < len(head):
            raise BundleError(f"{name} has two columns of the same name. {AGAIN}")
        for cells in reader:
            if len(found) == most:
                raise BundleError(f"{name} must have at most {most:,} rows; it has more. {AGAIN}")
            if len(cells) != len(head):
                raise BundleError(
                    f"{name}, row {len(found) + 1}: {len(cells)} cells, not {len(head)}. {AGAIN}"
                )
            named: dict[str, Any] = {
                c: v for c, v in zip(head, cells, strict=True) if c not in lacking or v not in ("", "nan")
            }
            if scored:
                named["scores"] = {key: named[key] for key in scored if key in named}
            found.append(_row(named, kind, f"{name}, row {len(found) + 1}"))
    except csv.Error as error:
        raise BundleError(f"{name} is not a table as captioner writes it ({error}). {AGAIN}") from error
    return found


def _row(cells: dict[str, Any], kind: type[Row], name: str) -> Row:
    try:
        return msgspec.convert(cells, kind, strict=False)  # numbers, too, are text in a CSV file
    except msgspec.ValidationError as error:
        raise BundleError(f"{name}: {_describe(str(error), cells)}. {AGAIN}") from error


_TYPE_NAMES = {
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "nothing",
}


def _describe(message: str, value: Any) -> str:
    """A message of msgspec in plain words, with the field and its value."""
    rule, _, path = message.partition(" - at ")
    keyed = path.startswith("`key` in ")
    path = path.removeprefix("`key` in ").strip("`").removeprefix("$").lstrip(".")
    if match := re.fullmatch(r"Object missing required field `(.*)`", rule):
        return f"{'.'.join(filter(None, (path, match[1])))} is missing"
    if match := re.fullmatch(r"Object contains unknown field `(.*)`", rule):
        return f"{match[1][:40]!r} is no field that this captioner knows"
    if match := re.fullmatch(r"Expected (.*?)(?:, got .*)?", rule):
        rule = f"must be {_expected(match[1])}"
    elif rule == "Number out of range":
        rule = "must be a smaller number"
    else:  # a rule about several fields
        return rule
    return f"{'each key of ' if keyed else ''}{path or 'it'} {rule}{_describe_value(path, value)}"


def _expected(rule: str) -> str:
    if options := re.search(r"regex '.*\((.*)\)", rule):
        return options[1].replace("|", " or ")
    words = re.sub(r"`([a-z]+)`", lambda kind: _TYPE_NAMES.get(kind[1], kind[1]), rule)
    return "a line of plain text" if "regex" in words else words.replace("`", "")


def _describe_value(path: str, value: Any) -> str:
    """What stands at a path; nothing where the path does not tell which of many."""
    if "..." in path:
        return ""
    for name, index in re.findall(r"([^.\[\]]+)|\[(\d+)\]", path):
        value = value[name] if name else value[int(index)]
    shown = str(value)
    return f"; it is {shown[:60]!r}{' …' if len(shown) > 60 else ''}"
