"""Bootstrap intervals for any score, by resampling whole groups (articles)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri, stdtrit

RESAMPLES = 1000
_BLOCK = 100
"""Number of draws scored together: enough for an efficient matrix product, few enough to use little memory."""
_BLOCKS = 200
_LEAST = 1e-12

Weights = npt.NDArray[np.float64]
Draws = npt.NDArray[np.uint16]
Score = Callable[[Weights], npt.NDArray[np.float64]]


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


@lru_cache(maxsize=4)
def _draws(groups: int, seed: int, resamples: int) -> Draws:
    """Return cached draws for all scores, tasks and baselines with this many groups: drawing is slow."""
    counts = np.random.default_rng(seed).multinomial(groups, np.full(groups, 1 / groups), size=resamples)
    drawn = counts.astype(np.uint16)
    drawn.flags.writeable = False
    return drawn


def interval(score: Score, groups: Groups, *, seed: int, resamples: int = RESAMPLES) -> Interval:
    """Return the BCa bootstrap interval of a score over groups (Efron 1987), widened for few groups (Hesterberg 2015).

    `score` takes a matrix with a draw in each row, (draws, groups), and returns one value per draw. Draws for which the
    score is NaN (for example, because no gold of a class was drawn) are left out. Plain percentiles cover too little:
    the benchmark `benchmarks.coverage` compares.
    """
    value = float(score(np.ones((1, groups.count)))[0])
    scores = _scores(score, groups.draws(seed=seed, resamples=resamples))
    if not len(scores) or np.isnan(value):
        return Interval(value, float("nan"), float("nan"))
    if groups.count < 2:
        return Interval(value, float(scores.min()), float(scores.max()))
    bias = ndtri(_share_below(scores, value))
    skew = _acceleration(score, groups)
    # With few groups, the quantile of t in place of the normal one, for a variance that divides by n rather than n - 1.
    quantile = np.sqrt(groups.count / (groups.count - 1)) * stdtrit(groups.count - 1, 0.975)
    shifted = bias + np.array([-quantile, quantile])
    low, high = np.quantile(scores, ndtr(bias + shifted / np.maximum(1 - skew * shifted, _LEAST)))
    return Interval(value, float(low), float(high))


def _scores(score: Score, draws: npt.NDArray[Any]) -> Weights:
    """Return the scores of the draws that have one."""
    blocks = [draws[start : start + _BLOCK] for start in range(0, len(draws), _BLOCK)]
    scores: Weights = np.concatenate([score(block.astype(np.float64)) for block in blocks])
    present: Weights = scores[~np.isnan(scores)]
    return present


def _share_below(scores: Weights, value: float) -> float:
    """Return the share of scores below the value, half of those equal to it, and never 0 or 1."""
    below = (np.mean(scores < value) + np.mean(scores <= value)) / 2
    return float(np.clip(below, 1 / len(scores), 1 - 1 / len(scores)))


def _acceleration(score: Score, groups: Groups) -> float:
    """Return how fast the standard error changes with the score, from a jackknife over at most _BLOCKS blocks of groups."""
    blocks = min(groups.count, _BLOCKS)
    left_out = np.arange(groups.count) % blocks
    scores = _scores(score, left_out != np.arange(blocks)[:, np.newaxis])
    gaps = scores.mean() - scores if len(scores) else scores
    spread = np.sum(gaps**2)
    return float(np.sum(gaps**3) / (6 * spread**1.5)) if spread > _LEAST else 0.0
