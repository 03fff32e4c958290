"""config.json: what a bundle is, as a record; every field is checked, an unknown one is refused."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from captioner.bundle import migration, schema
from captioner.bundle.schema import AGAIN, Beams, LengthPenalty, Name, Record, SplitName, Tokenizer, Words
from captioner.errors import BundleError

FORMAT = 2

Side = Annotated[int, Meta(ge=1, le=256)]  # of the grid


def check_format(number: object, name: str) -> None:
    """Raise ``BundleError`` unless a file carries a format number that this version reads."""
    if type(number) is int and 1 <= number <= FORMAT:
        return
    shown = str(number)[:20]
    if type(number) is int and number > FORMAT:
        raise BundleError(f"{name} has format {shown}; this captioner reads {FORMAT}. Update captioner.")
    raise BundleError(f"{name} has no format that captioner knows ({shown!r}). {AGAIN}")


class Config(Record, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a bundle was made, and how it captions unless told otherwise."""

    recipe: Name
    encoder: Name
    decoder: Name
    members: Annotated[int, Meta(ge=1, le=100)]  # so many decoders, by the mean of their probabilities
    image_size: Annotated[int, Meta(ge=8, le=2048)]  # pixels, the encoder's square
    grid: tuple[Side, Side]  # regions as rows, columns; (1, 1) when pooled
    pretrained: bool  # whether the encoder began with weights from elsewhere
    horizontal_flip: bool  # whether the encoder sees the mirrored image, too, and averages the two
    attention: bool  # whether steps say where they looked
    tokenizer: Tokenizer  # of the captions trained on
    split_name: SplitName  # trained on its "train" part
    beams: Beams
    length_penalty: LengthPenalty
    max_words: Words
    versions: Annotated[dict[Name, Name], Meta(max_length=100)]  # library → version
    data_fingerprint: Name  # of the captions trained on
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
        """The decoder by name, and how many of it if several caption together."""
        return self.decoder if self.members == 1 else f"{self.members} × {self.decoder}"

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Config:
        """From the object in config.json; ``BundleError`` when its format is unknown or a field is wrong."""
        check_format(value.get("format"), "config.json")
        if value["format"] == 1:
            value = migration.config(value)
        if missing := [name for name in cls.__struct_fields__ if name not in value]:
            raise BundleError(f"config.json lacks {', '.join(missing)}. {AGAIN}")
        return schema.decode(value, cls, "config.json")

    def to_json(self) -> dict[str, Any]:
        """The object for config.json; ``from_json`` undoes it."""
        found: dict[str, Any] = msgspec.to_builtins(self)
        return {**found, "grid": list(self.grid)}
