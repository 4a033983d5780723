"""Shares of a batch of which people have read some articles: clustered prediction-powered inference."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit, stdtrit

from tagging.totals.batch import Codes, Numbers

_ROUNDING = 1e-9


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
    counts for nothing. A share of stances is a ratio of two such means.

    The standard error is the jackknife's, for articles drawn without replacement within strata (Wolter 2007): each
    article is left out in turn, and the power tuned anew. A linearised error would take the power as known, and the
    sums of a few articles as their expectations.
    """
    articles = _articles(reading, read, tagged)
    shares, powers = _left_out(articles, everywhere, power)
    squares = articles.unread * (1 - 1 / articles.peers) * (shares[1:] - shares[0]) ** 2
    freedom = max(len(articles.peers) - len(np.unique(reading.stratum)), 1)
    return Rectified(float(shares[0]), float(np.sqrt(squares.sum())), freedom, float(powers[0]))


class _Articles(NamedTuple):
    """Weighted sums of the numerator and denominator of what people read and of the tags, and of the passages.

    `total` (5) is that of all articles, and `away` (n, 5) that of each article, less the mean of its stratum. `peers` (n)
    is the number of articles in the stratum, and `unread` (n) the share of them that was not chosen.
    """

    total: Numbers
    away: Numbers
    peers: Numbers
    unread: Numbers


def _articles(reading: Reading, read: Ratio, tagged: Ratio) -> _Articles:
    _, first, article = np.unique(reading.cluster, return_index=True, return_inverse=True)
    columns = (read.top, read.bottom, tagged.top, tagged.bottom, np.ones(len(article)))
    sums = np.stack([np.bincount(article, weights=reading.weight * column) for column in columns], axis=1)
    _, stratum = np.unique(reading.stratum[first], return_inverse=True)
    peers = np.bincount(stratum)
    means = np.stack([np.bincount(stratum, weights=column) / peers for column in sums.T], axis=1)
    return _Articles(sums.sum(axis=0), sums - means[stratum], peers[stratum].astype(float), 1 - reading.kept[first])


def _left_out(articles: _Articles, everywhere: tuple[float, float], power: float | None) -> tuple[Numbers, Numbers]:
    """Return the share and the power of all articles, followed by those without each article in turn.

    The rest of its stratum stands for an article that is left out.
    """
    more = articles.peers / np.maximum(articles.peers - 1, 1)
    gone = np.concatenate([np.zeros((1, 5)), more[:, np.newaxis] * articles.away])
    part = np.concatenate([[0.0], articles.unread / more])
    total = articles.total - gone
    moments = (articles.unread[:, np.newaxis] * articles.away).T @ articles.away
    powers = np.full(len(total), power or 0.0)
    # The residuals depend on the share, and the share on the power: two rounds settle both.
    for _ in range(2 if power is None else 0):
        by_people, by_model = _residuals(total, _shares(total, everywhere, powers))
        powers = _powers(by_people, by_model, moments, gone, part)
    return _shares(total, everywhere, powers), powers


def _shares(total: Numbers, everywhere: tuple[float, float], power: Numbers) -> Numbers:
    """Return the share of each row of sums, NaN where its denominator is not positive."""
    read_top, read_bottom, tagged_top, tagged_bottom = (total[:, :4] / total[:, 4:]).T
    top = read_top + power * (everywhere[0] - tagged_top)
    bottom = read_bottom + power * (everywhere[1] - tagged_bottom)
    # Without the only article that has the topic, rounding alone is left.
    return np.asarray(np.divide(top, bottom, out=np.full(len(top), np.nan), where=bottom > _ROUNDING))


def _residuals(total: Numbers, share: Numbers) -> tuple[Numbers, Numbers]:
    """Return what the sums of an article are multiplied by to get its linearised residuals, of people and of the model."""
    zero, one = np.zeros(len(share)), np.ones(len(share))
    by_people = np.stack([one, -share, zero, zero, zero], axis=1)
    by_model = np.stack([zero, zero, one, -share, zero], axis=1)
    for factors in (by_people, by_model):
        factors[:, 4] = -(factors * total).sum(axis=1) / total[:, 4]
    return by_people, by_model


def _powers(by_people: Numbers, by_model: Numbers, moments: Numbers, gone: Numbers, part: Numbers) -> Numbers:
    """Return the regression of the residuals of people on those of the model, from 0 to 1, without what is gone.

    With several strata, the articles that stand for one that is left out do not weigh more here, which moves the error
    by a percent or two.
    """
    of_model = (by_model * gone).sum(axis=1)
    common = ((by_people @ moments) * by_model).sum(axis=1) - part * (by_people * gone).sum(axis=1) * of_model
    whole = ((by_model @ moments) * by_model).sum(axis=1)
    spread = whole - part * of_model**2
    # Without the only article that has a tag, rounding alone is left.
    return np.asarray(np.divide(common, spread, out=np.zeros(len(spread)), where=spread > _ROUNDING * whole)).clip(0, 1)
