"""Bootstrap intervals for any score, by resampling whole groups (articles)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
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
    """A score with its 95 % interval; the bounds are NaN where the data are too few for one."""

    value: float
    low: float
    high: float

    @property
    def has_bounds(self) -> bool:
        return not (np.isnan(self.low) or np.isnan(self.high))

    def __str__(self) -> str:
        bounds = f"[{self.low:.3f}, {self.high:.3f}]" if self.has_bounds else "(too few for an interval)"
        return f"{self.value:.3f} {bounds}"


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


@dataclass(frozen=True, eq=False)
class Resampled:
    """A score of the data, of each draw (NaN where it has none), and with each block of groups left out."""

    value: float
    draws: Weights
    left_out: Weights
    groups: int

    def __sub__(self, other: Resampled) -> Resampled:
        """Return the difference of two scores that were resampled in the same draws."""
        return Resampled(
            self.value - other.value, self.draws - other.draws, self.left_out - other.left_out, self.groups
        )

    def interval(self) -> Interval:
        """Return the BCa bootstrap interval (Efron 1987), widened for few groups (Hesterberg 2015).

        Draws for which the score is NaN (for example, because no gold of a class was drawn) are left out. Plain
        percentiles cover too little: the benchmark `benchmarks.coverage` compares.
        """
        scores = self.draws[~np.isnan(self.draws)]
        if not len(scores) or np.isnan(self.value):
            return Interval(self.value, float("nan"), float("nan"))
        if self.groups < 2:
            return Interval(self.value, float(scores.min()), float(scores.max()))
        bias = ndtri(_share_below(scores, self.value))
        skew = _acceleration(self.left_out[~np.isnan(self.left_out)])
        # With few groups, the quantile of t in place of the normal one, for a variance that divides by n rather than
        # n - 1.
        quantile = np.sqrt(self.groups / (self.groups - 1)) * stdtrit(self.groups - 1, 0.975)
        shifted = bias + np.array([-quantile, quantile])
        low, high = np.quantile(scores, ndtr(bias + shifted / np.maximum(1 - skew * shifted, _LEAST)))
        return Interval(self.value, float(low), float(high))


def mean_over_runs(runs: Sequence[Resampled], rng: np.random.Generator) -> Resampled:
    """Return the mean score of runs of one config that were resampled in the same draws; each draw draws runs, too.

    This is the multi-bootstrap (Sellam et al. 2022), so that the interval covers the variance of training. The
    deviations of drawn runs are widened, because those of n runs have a variance that divides by n rather than n - 1.
    """
    draws = np.array([run.draws for run in runs])
    mean, count = draws.mean(axis=0), len(runs)
    if count > 1:
        drawn = rng.multinomial(count, np.full(count, 1 / count), size=draws.shape[1]).T / count
        mean = mean + np.sqrt(count / (count - 1)) * ((drawn * draws).sum(axis=0) - mean)
    return Resampled(
        float(np.mean([run.value for run in runs])),
        mean,
        np.mean([run.left_out for run in runs], axis=0),
        runs[0].groups,
    )


def resample(score: Score, groups: Groups, *, seed: int, resamples: int = RESAMPLES) -> Resampled:
    """Score the data, draws of its groups, and the data without each of at most _BLOCKS blocks of groups.

    `score` takes a matrix with a draw in each row, (draws, groups), and returns one value per draw.
    """
    value = float(score(np.ones((1, groups.count)))[0])
    draws = _scores(score, groups.draws(seed=seed, resamples=resamples))
    blocks = min(groups.count, _BLOCKS)
    left_out = np.arange(groups.count) % blocks
    return Resampled(value, draws, _scores(score, left_out != np.arange(blocks)[:, np.newaxis]), groups.count)


def interval(score: Score, groups: Groups, *, seed: int, resamples: int = RESAMPLES) -> Interval:
    """Return the 95 % interval of a score over groups."""
    return resample(score, groups, seed=seed, resamples=resamples).interval()


def _scores(score: Score, draws: npt.NDArray[Any]) -> Weights:
    blocks = [draws[start : start + _BLOCK] for start in range(0, len(draws), _BLOCK)]
    return np.concatenate([score(block.astype(np.float64)) for block in blocks])


def _share_below(scores: Weights, value: float) -> float:
    """Return the share of scores below the value, half of those equal to it, and never 0 or 1."""
    below = (np.mean(scores < value) + np.mean(scores <= value)) / 2
    return float(np.clip(below, 1 / len(scores), 1 - 1 / len(scores)))


def _acceleration(left_out: Weights) -> float:
    """Return how fast the standard error changes with the score, from a jackknife over blocks of groups."""
    gaps = left_out.mean() - left_out if len(left_out) else left_out
    spread = np.sum(gaps**2)
    return float(np.sum(gaps**3) / (6 * spread**1.5)) if spread > _LEAST else 0.0
