"""The reference notebook's training examples: every caption as its prefixes, padded, with one-hot targets."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from captioner.text import PAD


def expand(
    captions: Sequence[NDArray[np.int32]], length: int, vocabulary: int
) -> tuple[NDArray[np.intp], NDArray[np.int32], NDArray[np.float32]]:
    """An example for each word after the first.

    Args:
        captions: of each one its ids int[T], from START to END, perhaps with PAD behind.
        length: to which prefixes are padded, at their beginning.
        vocabulary: V, the number of words.

    Returns:
        the index of each example's caption int[M], its prefix int[M, length], its target one-hot float[M, V].
    """
    rows, prefixes, targets = [], [], []
    for row, padded in enumerate(captions):
        ids = padded[padded != PAD]
        for end in range(1, len(ids)):
            prefix = np.full(length, PAD, np.int32)
            prefix[length - end :] = ids[:end]
            target = np.zeros(vocabulary, np.float32)
            target[ids[end]] = 1
            rows.append(row)
            prefixes.append(prefix)
            targets.append(target)
    return np.array(rows, np.intp), np.stack(prefixes), np.stack(targets)
