"""What may not be chosen as the next word. It is only not chosen: what is reported is the decoder's own."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from captioner.text import END

Totals: TypeAlias = NDArray[np.float64]
Indices: TypeAlias = NDArray[np.intp]


def masked(totals: Totals, said: Indices, never: Indices, joins: Indices) -> Totals:
    """totals float64[live, V], −∞ for ``never`` and for what may not follow the words said int[live, t]."""
    totals = totals.copy()
    totals[:, never] = -np.inf
    if not said.shape[1]:
        totals[:, END] = -np.inf
        return totals
    totals[np.arange(len(said)), said[:, -1]] = -np.inf
    # What followed the last two words before. People say the same three words twice in 1.1 % of captions.
    rows, at = np.nonzero((said[:, :-2] == said[:, -2:-1]) & (said[:, 1:-1] == said[:, -1:]))
    totals[rows, said[rows, at + 2]] = -np.inf
    if said.shape[1] > 1:
        rows = np.flatnonzero(np.isin(said[:, -1], joins))
        totals[rows, said[rows, -2]] = -np.inf
    return totals
