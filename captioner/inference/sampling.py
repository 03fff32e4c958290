"""The next word drawn by lot, from the likeliest only: nucleus sampling (Holtzman et al. 2020)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from captioner.inference.constraints import Indices, Totals

COLDEST = 1e-30  # a temperature to divide by where it is 0


def sample(totals: Totals, temperature: float, top_p: float, rng: np.random.Generator) -> Indices:
    """One id a row, by masked totals float64[live, V], with the Gumbel-max trick; 0 is no special case."""
    inside = totals if top_p == 1 else np.where(nucleus(totals, temperature, top_p), totals, -np.inf)
    return np.asarray((inside + temperature * rng.gumbel(size=totals.shape)).argmax(axis=1))


def nucleus(totals: Totals, temperature: float, top_p: float) -> NDArray[np.bool_]:
    """bool[live, V]: true for the fewest words that hold ``top_p`` of softmax(totals / temperature).

    What is masked, −∞, has no part in it; of words that are equally likely, all are in or none
    (Holtzman et al. 2020, equations 2 and 3).
    """
    falling = -np.sort(-totals, axis=1)
    possible = falling > -np.inf
    below = np.where(possible, falling - np.where(possible[:, :1], falling[:, :1], 0), -np.inf)
    shares = np.exp(below / max(temperature, COLDEST))
    before = shares.cumsum(axis=1) - shares  # what the likelier words hold
    inside = before < top_p * shares.sum(axis=1, keepdims=True)
    return np.asarray(totals >= np.where(inside, falling, np.inf).min(axis=1, keepdims=True))
