"""Shares of a batch of which people have read some articles: clustered prediction-powered inference."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit, stdtrit

from tagging.totals.batch import Codes, Numbers


class Reading(NamedTuple):
    """The passages of a batch that people have read.

    `cluster` (n) is the position of each one's article, `weight` (n) the number of passages of the batch that it stands
    for, `kept` (n) the probability with which its article was chosen (0 if unknown: the variance is then not reduced for
    what was read), and `stratum` (n) what its article was drawn from.
    """

    cluster: Codes
    weight: Numbers
    kept: Numbers
    stratum: Codes

    def of(self, passages: npt.NDArray[np.bool_]) -> Reading:
        """Return the reading of some of the passages."""
        return Reading(self.cluster[passages], self.weight[passages], self.kept[passages], self.stratum[passages])


class Ratio(NamedTuple):
    """The numerators and denominators of a share of the passages: `read` (n) by people, `tagged` by the model."""

    top: Numbers
    bottom: Numbers


class Rectified(NamedTuple):
    """A share, its standard error, the degrees of freedom, and the weight of the model's tags, from 0 to 1."""

    share: float
    error: float
    freedom: int
    power: float

    def interval(self) -> tuple[float, float]:
        """Return the 95 % interval, on the log-odds scale so that it lies between 0 and 1."""
        if not 0 < self.share < 1:
            return float("nan"), float("nan")
        half = stdtrit(self.freedom, 0.975) * self.error / (self.share * (1 - self.share))
        low, high = expit(logit(self.share) + np.array([-half, half]))
        return float(low), float(high)


def rectified(
    reading: Reading, read: Ratio, tagged: Ratio, everywhere: tuple[float, float], *, power: float | None = None
) -> Rectified:
    """Return a share of the batch from what people read and what the model tagged (PPI++).

    `everywhere` are the means of the model's numerator and denominator over all passages of the batch. The mean of the
    model's answers is moved by its mean error in what was read:  power · tagged + mean(read − power · tagged). The
    power is the one of the least variance unless it is given (Angelopoulos, Duchi and Zrnic 2023): with 0, the model
    counts for nothing. A share of stances is a ratio of two such means, linearised. The variance is that of the sums
    of whole articles, drawn without replacement within strata.
    """
    weight = reading.weight / reading.weight.sum()
    # The residuals depend on the share, and the share on the power: two rounds settle both.
    tuned = 0.0
    for _ in range(2 if power is None else 0):
        share, _ = _share(weight, read, tagged, everywhere, tuned)
        tuned = _power(*_residuals(reading, weight, read, tagged, share))
    tuned = tuned if power is None else power
    share, bottom = _share(weight, read, tagged, everywhere, tuned)
    by_people, by_model = _residuals(reading, weight, read, tagged, share)
    clusters = len(by_people)
    strata = len(np.unique(reading.stratum))
    freedom = max(clusters - strata, 1)
    squares = float(((by_people - tuned * by_model) ** 2).sum()) * clusters / freedom
    return Rectified(share, float(np.sqrt(squares)) / bottom, freedom, tuned)


def _share(
    weight: Numbers, read: Ratio, tagged: Ratio, everywhere: tuple[float, float], power: float
) -> tuple[float, float]:
    """Return the share, and its denominator."""
    top = power * everywhere[0] + weight @ (read.top - power * tagged.top)
    bottom = power * everywhere[1] + weight @ (read.bottom - power * tagged.bottom)
    return (float(top / bottom), float(bottom)) if bottom > 0 else (float("nan"), float("nan"))


def _residuals(reading: Reading, weight: Numbers, read: Ratio, tagged: Ratio, share: float) -> tuple[Numbers, Numbers]:
    """Return the linearised residuals of each article, of what people read and of what the model tagged."""
    return (
        _totals(reading, weight, read.top - share * read.bottom),
        _totals(reading, weight, tagged.top - share * tagged.bottom),
    )


def _totals(reading: Reading, weight: Numbers, residual: Numbers) -> Numbers:
    """Return the weighted sum of each article, less the mean of its stratum, times the share of it that stays unknown."""
    names, cluster = np.unique(reading.cluster, return_inverse=True)
    sums = np.bincount(cluster, weights=weight * (residual - weight @ residual), minlength=len(names))
    first = np.unique(cluster, return_index=True)[1]
    _, stratum = np.unique(reading.stratum[first], return_inverse=True)
    means = np.bincount(stratum, weights=sums) / np.bincount(stratum)
    return np.asarray((sums - means[stratum]) * np.sqrt(1 - reading.kept[first]))


def _power(by_people: Numbers, by_model: Numbers) -> float:
    spread = float(by_model @ by_model)
    return float(np.clip(by_people @ by_model / spread, 0, 1)) if spread > 0 else 0.0
