"""Intervals for any score, by resampling articles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

RESAMPLES = 1000
Weights = npt.NDArray[np.float64]
Draws = npt.NDArray[np.uint16]


class Interval(NamedTuple):
    """A score with its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


def draws(units: Sequence[str], *, seed: int, resamples: int = RESAMPLES) -> Draws:
    """(resamples, n): how often each row counts when whole units are drawn with replacement."""
    names, which = np.unique(np.array(units, dtype=object).astype(str), return_inverse=True)
    rng = np.random.default_rng(seed)
    found = np.empty((resamples, len(which)), dtype=np.uint16)
    for draw in found:
        draw[:] = rng.multinomial(len(names), np.full(len(names), 1 / len(names)))[which]
    return found


def interval(score: Callable[[Weights], float], weights: Draws) -> Interval:
    """Percentile bootstrap (Efron 1979): `score` takes a weight for each row.

    Draws in which the score does not exist (nothing of a class was drawn) are left out.
    """
    found = np.array([score(draw.astype(np.float64)) for draw in weights])
    found = found[~np.isnan(found)]
    value = score(np.ones(weights.shape[1]))
    if not len(found):
        return Interval(value, float("nan"), float("nan"))
    low, high = np.percentile(found, [2.5, 97.5])
    return Interval(value, float(low), float(high))
