"""config.json: what a bundle is, as a frozen dataclass; every field is checked, an unknown one is refused."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any

from captioner.errors import BundleError
from captioner.flickr8k import SPLITS
from captioner.text import TOKENIZERS

FORMAT = 1
AGAIN = "Pull or copy the bundle again."


def check_format(number: object, name: str) -> None:
    """Raise ``BundleError`` unless a file carries the format number that this version reads."""
    if type(number) is int and number == FORMAT:
        return
    shown = str(number)[:20]
    if type(number) is int and number > FORMAT:
        raise BundleError(f"{name} has format {shown}; this captioner reads {FORMAT}. Update captioner.")
    raise BundleError(f"{name} has no format that captioner knows ({shown!r}). {AGAIN}")


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 200 and value.isprintable()


def _is_count(low: int, high: int) -> Callable[[object], bool]:
    return lambda value: type(value) is int and low <= value <= high


def _is_real(low: float, high: float) -> Callable[[object], bool]:
    return lambda value: type(value) in (int, float) and math.isfinite(value) and low <= value <= high  # type: ignore


def _is_grid(value: object) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and all(map(_is_count(1, 256), value))


def _is_versions(value: object) -> bool:
    return isinstance(value, Mapping) and all(_is_name(part) for item in value.items() for part in item)


def _is_date(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(datetime.fromisoformat(value))
    except ValueError:
        return False


_RULES: dict[str, tuple[Callable[[object], bool], str]] = {
    "format": (_is_count(1, FORMAT), f"at most {FORMAT}"),
    "recipe": (_is_name, "a name"),
    "encoder": (_is_name, "a name"),
    "decoder": (_is_name, "a name"),
    "members": (_is_count(1, 100), "1 to 100"),
    "image_size": (_is_count(8, 2048), "8 to 2048 pixels"),
    "grid": (_is_grid, "two whole numbers, rows and columns"),
    "mirror": (lambda value: isinstance(value, bool), "true or false"),
    "attention": (lambda value: isinstance(value, bool), "true or false"),
    "pretrained": (lambda value: isinstance(value, bool), "true or false"),
    "tokenizer": (lambda value: value in tuple(TOKENIZERS), " or ".join(TOKENIZERS)),
    "split": (lambda value: value in SPLITS, " or ".join(SPLITS)),
    "beams": (_is_count(1, 100), "1 to 100"),
    "alpha": (_is_real(0, 10), "0 to 10"),
    "max_words": (_is_count(1, 200), "1 to 200"),
    "versions": (_is_versions, "names of libraries with their versions"),
    "data": (_is_name, "the fingerprint of the captions"),
    "seed": (_is_count(0, 2**63 - 1), "a whole number from 0"),
    "created": (_is_date, "an ISO date"),
}


@dataclass(frozen=True)
class Config:
    """How a bundle was made, and how it captions unless told otherwise.

    Raises:
        ValueError: a field breaks its rule; says the field, the rule and what came.
    """

    recipe: str
    encoder: str
    decoder: str
    members: int  # so many decoders caption together, by the mean of their probabilities
    image_size: int  # pixels, the encoder's square
    grid: tuple[int, int]  # regions as rows, columns; (1, 1) when pooled
    pretrained: bool  # whether the encoder began with weights from elsewhere
    mirror: bool  # whether the encoder looks at the mirror image, too
    attention: bool  # whether steps say where they looked
    tokenizer: str  # of the captions trained on
    split: str  # trained on its "train" part
    beams: int
    alpha: float
    max_words: int
    versions: Mapping[str, str]  # library → version
    data: str  # fingerprint of the captions trained on
    seed: int
    created: str
    format: int = FORMAT

    def __post_init__(self) -> None:
        for name, (holds, rule) in _RULES.items():
            value = getattr(self, name)
            if not holds(value):
                raise ValueError(f"{name} must be {rule}; it is {str(value)[:80]!r}")

    @property
    def decoders(self) -> str:
        """The decoder by name, and how many of it if several caption together."""
        return self.decoder if self.members == 1 else f"{self.members} × {self.decoder}"

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Config:
        """From the object in config.json; ``BundleError`` when it has another format or a field is wrong."""
        check_format(value.get("format"), "config.json")
        names = {field.name for field in fields(cls)}
        if set(value) != names:
            odd = ", ".join(sorted(name[:40] for name in names ^ set(value)))
            raise BundleError(f"config.json lacks, or has and should not: {odd}. {AGAIN}")
        grid = value["grid"]
        try:
            return cls(**{**value, "grid": tuple(grid) if isinstance(grid, list) else grid})
        except ValueError as error:
            raise BundleError(f"config.json: {error}. {AGAIN}") from error

    def to_json(self) -> dict[str, Any]:
        """The object for config.json; ``from_json`` undoes it."""
        return {**asdict(self), "grid": list(self.grid), "versions": dict(self.versions)}
