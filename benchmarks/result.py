"""What a measure gives: values of ours and of what it is compared with, taken in turn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from msgspec import Struct


class Result(Struct, frozen=True, forbid_unknown_fields=True):
    """One line of the table: a value a round of ours, and of what it is compared with."""

    name: str
    unit: str
    ours: tuple[float, ...]
    other: tuple[float, ...]
    other_name: str
    ratio_name: str  # with {}: what the ratio says, such as "{} times as fast"
    inverse: bool = False  # the ratio is other ÷ ours
    bar: str = ""  # what the ratio, or ours, should be

    @property
    def ratio(self) -> float:
        """Median over the rounds of ours ÷ the other, or of the inverse: other work slows down both."""
        ratio = median(ours / other for ours, other in zip(self.ours, self.other, strict=True))
        return 1 / ratio if self.inverse else ratio


@dataclass(frozen=True)
class Measured:
    """Values of both, a round each."""

    ours: tuple[float, ...]
    other: tuple[float, ...]


def alternate(rounds: int, ours: Callable[[], float], other: Callable[[], float]) -> Measured:
    """Both in turn, so that a machine that slows down meanwhile slows down both."""
    pairs = [(ours(), other()) for _ in range(rounds)]
    return Measured(*zip(*pairs, strict=True))
