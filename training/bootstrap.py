"""Intervals for any score, by resampling articles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

RESAMPLES = 1000
Weights = npt.NDArray[np.float64]


class Interval(NamedTuple):
    """A score with its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


def draws(units: Sequence[str], *, seed: int, resamples: int = RESAMPLES) -> npt.NDArray[np.float64]:
    """(resamples, n): how often each row counts when whole units are drawn with replacement."""
    names, which = np.unique(np.array(units, dtype=object).astype(str), return_inverse=True)
    rng = np.random.default_rng(seed)
    counts = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=resamples)
    return counts[:, which].astype(np.float64)


def interval(score: Callable[[Weights], float], weights: npt.NDArray[np.float64]) -> Interval:
    """Percentile bootstrap (Efron 1979): `score` takes a weight for each row.

    Draws in which the score does not exist (nothing of a class was drawn) are left out.
    """
    found = np.array([score(draw) for draw in weights])
    found = found[~np.isnan(found)]
    value = score(np.ones(weights.shape[1]))
    if not len(found):
        return Interval(value, float("nan"), float("nan"))
    low, high = np.percentile(found, [2.5, 97.5])
    return Interval(value, float(low), float(high))
