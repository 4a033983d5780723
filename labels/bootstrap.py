"""Bootstrap intervals for any score, by resampling whole groups (articles)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

RESAMPLES = 1000
_BLOCK = 100
"""Number of draws scored together: enough for an efficient matrix product, few enough to use little memory."""

Weights = npt.NDArray[np.float64]
Draws = npt.NDArray[np.uint16]


class Interval(NamedTuple):
    """A score with its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


class Groups:
    """The group of each row; `positions` holds the index of each row's group in the sorted names."""

    def __init__(self, of_rows: Sequence[str]) -> None:
        self.of_rows = list(of_rows)
        names, self.positions = np.unique(np.array(self.of_rows, dtype=object).astype(str), return_inverse=True)
        self.count = len(names)
        self._order = np.argsort(self.positions, kind="stable")
        self._starts = np.searchsorted(self.positions[self._order], np.arange(self.count))

    def sums(self, rows: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """Add up the rows of each group: (rows, …) → (groups, …)."""
        return np.add.reduceat(rows[self._order].astype(np.float64), self._starts, axis=0)

    def draws(self, *, seed: int, resamples: int = RESAMPLES) -> Draws:
        """Return how often each group is drawn, with replacement, in each resample: (resamples, groups)."""
        return _draws(self.count, seed, resamples)


def draws(groups: Sequence[str], *, seed: int, resamples: int = RESAMPLES) -> Draws:
    """Return the weight of each row when whole groups are drawn with replacement, (resamples, rows)."""
    of_rows = Groups(groups)
    return of_rows.draws(seed=seed, resamples=resamples)[:, of_rows.positions]


@lru_cache(maxsize=4)
def _draws(groups: int, seed: int, resamples: int) -> Draws:
    """Return cached draws for all scores, tasks and baselines with this many groups: drawing is slow."""
    counts = np.random.default_rng(seed).multinomial(groups, np.full(groups, 1 / groups), size=resamples)
    drawn = counts.astype(np.uint16)
    drawn.flags.writeable = False
    return drawn


def interval(score: Callable[[Weights], npt.NDArray[np.float64]], weights: Draws) -> Interval:
    """Return the percentile bootstrap interval of a score (Efron 1979).

    `score` takes a matrix with a draw in each row, and returns one value per draw. Draws for which the score is NaN
    (for example, because no gold of a class was drawn) are left out.
    """
    blocks = [weights[start : start + _BLOCK] for start in range(0, len(weights), _BLOCK)]
    scores = np.concatenate([score(block.astype(np.float64)) for block in blocks])
    scores = scores[~np.isnan(scores)]
    value = float(score(np.ones((1, weights.shape[1])))[0])
    if not len(scores):
        return Interval(value, float("nan"), float("nan"))
    low, high = np.percentile(scores, [2.5, 97.5])
    return Interval(value, float(low), float(high))
