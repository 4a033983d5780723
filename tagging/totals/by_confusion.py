"""Correct the shares of a batch by the errors on test, and say when that cannot be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from scipy.stats import chi2

from labels.codebook import STANCES
from labels.wording import counted
from models.confusion import Confusion
from tagging.totals.batch import Batch, Codes, Numbers
from tagging.totals.estimate import Estimate, join, none
from tagging.totals.quantify import (
    Seen,
    count_test,
    misfit,
    of_errors,
    rates,
    see,
    stance_shares,
    to_simplex,
    topic_shares,
)

METHOD = "errors on test"
FEWEST = 10
"""With fewer test passages of a class, its errors are little more than a guess."""
LEAST_GAP = 0.2
"""The topic must be found so much more often where it holds than where it does not, in nearly all draws."""
LEAST_SINGULAR = 0.1
LEVEL = 0.01
"""The test for other errors than those on test fires so often by chance."""
_ROUNDING = 1e-9
NEGATIVE = "a stance has fewer tags than the false ones alone would be with the errors on test"
_INTERVAL = (0.025, 0.975)


class ByConfusion:
    """Correct shares by the confusion on test, on the assumption that errors within a class are as frequent there."""

    def __init__(self, batch: Batch, confusion: Confusion, *, seed: int) -> None:
        self._batch, self._seed = batch, seed
        self._test = count_test(confusion)
        self._rates = rates(self._test, seed=seed)
        self._gold = self._test.topics[:, :, 1].sum(axis=(0, 2))
        self._seen = lru_cache(maxsize=1)(self._see)

    def topic(self, topic: int, passages: Codes) -> Estimate:
        seen, confusion = self.draws(topic, passages)
        if caution := self._unusable(topic, passages):
            return none(METHOD, caution)
        shares = topic_shares(of_errors(seen, confusion), confusion)
        value = float(np.clip(shares[0], 0, 1))
        cautions = self._cautions(topic, passages)
        low, high = _bounds(np.clip(shares, 0, 1))
        if low == high and cautions:
            # All draws lie outside of 0 and 1: an interval without a width would claim to be certain.
            return none(METHOD, "; ".join(cautions))
        return Estimate(value, min(low, value), max(high, value), METHOD, join(cautions))

    def stances(self, topic: int, passages: Codes) -> Sequence[Estimate]:
        if caution := self._unusable(topic, passages) or self._unusable_stances(topic):
            return [none(METHOD, caution)] * len(STANCES)
        seen, confusion = self._of(passages), self._rates.topics[:, topic]
        tagged = 1 - seen.topics[:, topic, 0]
        share = np.clip(topic_shares(seen.topics[:, topic], confusion), 0, 1)
        right = np.clip(share * (1 - confusion[:, 1, 0]) / tagged, 0, 1)
        if tagged[0] * right[0] * len(passages) < FEWEST:
            return [none(METHOD, "too few of its tags are right to correct their stances")] * len(STANCES)
        of_tags = seen.stances[:, topic] / seen.stances[:, topic].sum(axis=1, keepdims=True)
        solved = stance_shares(of_tags, right, self._rates.stances, self._rates.wrong)
        kept = np.isfinite(solved).all(axis=1)
        if (solved[0] < -_ROUNDING).any():
            return [none(METHOD, NEGATIVE)] * len(STANCES)
        cautions = self._cautions(topic, passages)
        shares = to_simplex(solved[kept])
        return [
            Estimate(float(shares[0, stance]), *_around(shares[:, stance]), METHOD, join(cautions))
            for stance in range(len(STANCES))
        ]

    def draws(self, topic: int, passages: Codes) -> tuple[Numbers, Numbers]:
        """Return what was seen of a topic (draws, 1 + bins), and its confusion (draws, 2, 1 + bins)."""
        return self._of(passages).topics[:, topic], self._rates.topics[:, topic]

    def _unusable(self, topic: int, passages: Codes) -> str | None:
        """Return why the errors on test say nothing of the topic in these passages."""
        articles = len(np.unique(self._batch.article[passages]))
        if articles < FEWEST:
            return f"only {counted(articles, 'article')}"
        confusion = self._rates.topics[:, topic]
        if not self._gold[topic]:
            return "no test passage has the topic"
        found, false = 1 - confusion[:, 1, 0], 1 - confusion[:, 0, 0]
        if np.quantile(found - false, _INTERVAL[0]) < LEAST_GAP:
            return (
                f"on test, it is tagged in {found[0]:.0%} of the passages that have it and in {false[0]:.0%} of those "
                "that lack it: too alike to correct by"
            )
        return None

    def _differs(self, topic: int) -> bool:
        """Return whether the stances of a topic are confused otherwise on test than those of the others (chi-squared)."""
        own = self._test.stances_by_topic[topic]
        rows = np.stack([own, self._test.stances_by_topic.sum(axis=0) - own], axis=1)
        expected = rows.sum(axis=2, keepdims=True) * rows.sum(axis=1, keepdims=True)
        expected = expected / np.maximum(rows.sum(axis=(1, 2), keepdims=True), 1)
        statistic = np.divide((rows - expected) ** 2, expected, out=np.zeros(rows.shape), where=expected > 0).sum()
        freedom = sum(_freedom(row) for row in rows)
        return bool(freedom and chi2.sf(statistic, freedom) < LEVEL)

    def _unusable_stances(self, topic: int) -> str | None:
        """Return why the errors on test say nothing of the stances of the topic."""
        if self._differs(topic):
            return "on test, the stances of this topic are confused otherwise than those of the other topics"
        gold = self._test.stances.sum(axis=(0, 2))
        if (gold < FEWEST).any():
            few = STANCES[int(gold.argmin())]
            return f"only {counted(int(gold.min()), 'right tag')} on test with the stance {few}"
        if np.quantile(np.linalg.svd(self._rates.stances, compute_uv=False)[:, -1], _INTERVAL[0]) < LEAST_SINGULAR:
            return "on test, the stances are confused too often to correct by"
        return None

    def _cautions(self, topic: int, passages: Codes) -> list[str]:
        seen, confusion = self.draws(topic, passages)
        cautions = []
        if self._gold[topic] < FEWEST:
            cautions.append(f"only {counted(int(self._gold[topic]), 'test passage')} with the topic")
        share = topic_shares(seen, confusion)[0]
        if share < 0:
            cautions.append("fewer tags than the false ones alone would be with the errors on test")
        if share > 1:
            cautions.append("more tags than passages that all have the topic would get with the errors on test")
        if misfit(seen, confusion) < LEVEL:
            cautions.append(
                "the probabilities of its tags are spread otherwise than on test: the errors may differ too"
            )
        return cautions

    def _of(self, passages: Codes) -> Seen:
        return self._seen(passages.tobytes())

    def _see(self, passages: bytes) -> Seen:
        # The totals of a period ask for all topics in turn, so those of one period are kept.
        return see(self._batch, np.frombuffer(passages, np.int64), self._test.edges, seed=self._seed + 1)


def _freedom(counts: Numbers) -> int:
    """Return the degrees of freedom of a table of counts, less its empty rows and columns."""
    filled = [int((counts.sum(axis=axis) > 0).sum()) for axis in (0, 1)]
    return max(filled[0] - 1, 0) * max(filled[1] - 1, 0)


def _around(shares: Numbers) -> tuple[float, float]:
    low, high = _bounds(shares)
    return min(low, float(shares[0])), max(high, float(shares[0]))


def _bounds(shares: Numbers) -> tuple[float, float]:
    low, high = np.nanquantile(shares[1:], _INTERVAL)
    return float(low), float(high)
