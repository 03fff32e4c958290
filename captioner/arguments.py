"""How the command line reads its arguments: flags in any place, and numbers within bounds."""

from __future__ import annotations

import argparse
import math
from typing import Any


class AnyOrder(argparse.ArgumentParser):
    """Flags may stand between the arguments, as in ``push artifacts --dry-run user/repo``."""

    _intermixed = False

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """What the parser of all commands calls; up to Python 3.11 the intermixed way calls it again."""
        if self._intermixed:
            return super().parse_known_args(args, namespace)
        self._intermixed = True
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self._intermixed = False


def count(text: str, most: int = 1_000_000) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= most:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 to {most}; got {text!r}")
    return int(text)


def beams(text: str) -> int:
    return count(text, 100)


def length_penalty(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 10:
        raise argparse.ArgumentTypeError(f"must be a number from 0 to 10; got {text!r}")
    return value
