"""Shares of a batch that nobody has read, corrected by the errors on test (quantification).

The share of passages with a topic is p in  tagged = p·TPR + (1 − p)·FPR  (adjusted classify and count, Forman 2008), and
the shares of the stances solve the same equation for three classes, of which the mixture of right and wrong tags is
known. The assumption is that the batch differs from test only in how frequent the classes are (prior probability shift):
within a class, the errors are as frequent as on test (González, Castaño, Chawla and del Coz 2017).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.stats import chi2

from labels.codebook import STANCES
from models.confusion import Case, Confusion
from tagging.totals.batch import Batch, Codes, Numbers

DRAWS = 1000
BINS = 3
"""Parts that the probabilities of tags are cut into, to compare those of the batch with those on test."""
_GROUPS = 1000
"""Articles are resampled in no more than this many groups: their sums vary as those of articles do."""
_OUTCOMES = 1 + BINS
_STANCES = len(STANCES)


class OnTest(NamedTuple):
    """The sums of each test article.

    `topics` (articles, topics, 2, 1 + bins): passages that lack or have the topic, by whether they were tagged with it,
    and how surely. `stances` (articles, 3, 3): tags of topics that hold, by gold and predicted stance, and `wrong`
    (articles, 3) tags of topics that do not hold, by predicted stance, both for all topics together;
    `stances_by_topic` (topics, 3, 3) has the former by topic, for all articles together.
    `edges` (topics, bins − 1) are the probabilities at which the bins are cut.
    """

    topics: Numbers
    stances: Numbers
    wrong: Numbers
    stances_by_topic: Numbers
    edges: Numbers


class Rates(NamedTuple):
    """The rows of the confusion of each draw: `topics` (draws, topics, 2, 1 + bins), `stances` (draws, 3, 3), `wrong` (draws, 3)."""

    topics: Numbers
    stances: Numbers
    wrong: Numbers


@dataclass(frozen=True)
class Seen:
    """What the model said of a period of the batch: in the whole, and in each draw of its articles.

    `topics` (draws + 1, topics, 1 + bins) and `stances` (draws + 1, topics, 3) are shares of the passages.
    """

    topics: Numbers
    stances: Numbers


def count_test(confusion: Confusion) -> OnTest:
    """Count the cases of each test article. A topic on which the annotators were tied is left out."""
    articles, topics = len(confusion.passages), len(confusion.topics)
    edges = np.stack([_edges(confusion, topic) for topic in confusion.topics])
    counts = np.zeros((articles, topics, 2, _OUTCOMES))
    counts[:, :, 0, 0] = np.array(confusion.passages)[:, np.newaxis]
    stances, wrong = np.zeros((articles, _STANCES, _STANCES)), np.zeros((articles, _STANCES))
    by_topic = np.zeros((topics, _STANCES, _STANCES))
    place = {topic: number for number, topic in enumerate(confusion.topics)}
    for case in confusion.cases:
        topic = place[case.topic]
        counts[case.article, topic, 0, 0] -= 1
        if case.gold == "tie":
            continue
        outcome = _outcome(case, edges[topic])
        counts[case.article, topic, int(case.gold == "yes"), outcome] += 1
        if case.predicted is not None and case.gold == "no":
            wrong[case.article, STANCES.index(case.predicted)] += 1
        elif case.predicted is not None and case.stance is not None:
            cell = STANCES.index(case.stance), STANCES.index(case.predicted)
            stances[case.article, *cell] += 1
            by_topic[topic, *cell] += 1
    return OnTest(counts, stances, wrong, by_topic, edges)


def rates(test: OnTest, *, seed: int, draws: int = DRAWS) -> Rates:
    """Return the confusion on test, followed by that of each draw of test articles.

    The draws are a Bayesian bootstrap (Rubin 1981): the articles have exponential weights. Half a passage more is drawn
    for each outcome (the prior of Jeffreys): otherwise, a topic that was found ten times of ten could not be missed.
    """
    rng = np.random.default_rng(seed)
    weights = rng.exponential(size=(draws, len(test.topics)))

    def drawn(counts: Numbers, prior: Sequence[float]) -> Numbers:
        sums = np.tensordot(weights, counts, axes=1)
        sums += rng.gamma(prior, size=sums.shape)
        return _normalised(np.concatenate([counts.sum(axis=0)[np.newaxis], sums]))

    of_stances = [0.5] * _STANCES
    topics = drawn(test.topics, [0.5] + [0.5 / BINS] * BINS)
    return Rates(topics, drawn(test.stances, of_stances), drawn(test.wrong, of_stances))


def see(batch: Batch, passages: Codes, edges: Numbers, *, seed: int, draws: int = DRAWS) -> Seen:
    """Return what the model said of these passages, followed by that of each draw of their articles."""
    _, group = np.unique(batch.article[passages] % _GROUPS, return_inverse=True)
    groups, topics = int(group.max()) + 1, len(batch.topics)
    sums = np.zeros((groups, 1 + topics * (_OUTCOMES + _STANCES)))
    sums[:, 0] = np.bincount(group, minlength=groups)
    for topic in range(topics):
        probability, stance = batch.probability[passages, topic], batch.stance[passages, topic]
        outcome = np.where(np.isnan(probability), 0, 1 + np.searchsorted(edges[topic], probability, side="right"))
        start = 1 + topic * (_OUTCOMES + _STANCES)
        np.add.at(sums, (group, start + outcome), 1)
        has_stance = stance >= 0
        np.add.at(sums, (group[has_stance], start + _OUTCOMES + stance[has_stance]), 1)
    weights = np.random.default_rng(seed).exponential(size=(draws, groups))
    weighted = np.concatenate([np.ones((1, groups)), weights]) @ sums
    shares = (weighted[:, 1:] / weighted[:, :1]).reshape(draws + 1, topics, _OUTCOMES + _STANCES)
    return Seen(shares[..., :_OUTCOMES], shares[..., _OUTCOMES:])


def topic_shares(seen: Numbers, confusion: Numbers) -> Numbers:
    """Return the corrected share of a topic in each draw, from (draws, 1 + bins) and (draws, 2, 1 + bins).

    It may lie outside of 0 and 1, and is NaN where the topic is tagged as often in passages that lack it.
    """
    tagged, found, false = (1 - each[:, 0] for each in (seen, confusion[:, 1], confusion[:, 0]))
    gap = found - false
    return np.asarray(np.divide(tagged - false, gap, out=np.full(len(gap), np.nan), where=gap > 0))


def of_errors(seen: Numbers, confusion: Numbers) -> Numbers:
    """Return the draws of what was seen with the part of their variance that is due to errors.

    The articles of the batch are no sample: its share is asked for, and only which errors were made in it is chance.
    The rest of the variance of a tagged share, that of the true share, is left out.
    """
    tagged, rate = 1 - seen[0, 0], 1 - confusion[0, :, 0]
    share = float(np.clip(topic_shares(seen[:1], confusion[:1])[0], 0, 1))
    part = (share * rate[1] * (1 - rate[1]) + (1 - share) * rate[0] * (1 - rate[0])) / max(tagged * (1 - tagged), 1e-12)
    return np.asarray(seen[0] + np.sqrt(min(part, 1)) * (seen - seen[0]))


def stance_shares(seen: Numbers, right: Numbers, confusion: Numbers, wrong: Numbers) -> Numbers:
    """Return the corrected shares of the stances (draws, 3), which may lie outside of 0 and 1.

    `seen` (draws, 3) are the shares of the stances among the tags, and `right` (draws) those of tags that are right.
    """
    of_right = seen - (1 - right[:, np.newaxis]) * wrong
    with np.errstate(divide="ignore", invalid="ignore"):
        of_right = of_right / right[:, np.newaxis]
    solvable = (np.linalg.svd(confusion, compute_uv=False)[:, -1] > 1e-6) & np.isfinite(of_right).all(axis=1)
    solved = np.full(of_right.shape, np.nan)
    columns = confusion[solvable].swapaxes(1, 2)
    solved[solvable] = np.linalg.solve(columns, of_right[solvable][..., np.newaxis])[..., 0]
    return solved


def to_simplex(shares: Numbers) -> Numbers:
    """Return the nearest shares that are not negative and add up to 1, for each row (Duchi et al. 2008)."""
    ordered = -np.sort(-shares, axis=1)
    above = (ordered.cumsum(axis=1) - 1) / np.arange(1, shares.shape[1] + 1)
    last = (ordered > above).sum(axis=1) - 1
    return np.asarray(np.maximum(shares - above[np.arange(len(shares)), last][:, np.newaxis], 0))


def misfit(seen: Numbers, confusion: Numbers) -> float:
    """Return the p-value of the test that a mixture of the test's passages gives what the model said of the batch.

    Shares of passages by how surely they were tagged are compared with the best mixture of passages that have the
    topic and passages that lack it, in units of the covariance of the draws (Hansen's J). A small one is a sign that
    the errors differ from those on test; a large one is no proof that they do not.
    """
    share = np.clip(topic_shares(seen, confusion)[0], 0, 1)
    if np.isnan(share):
        return 1.0
    away = seen - share * confusion[:, 1] - (1 - share) * confusion[:, 0]
    step = (confusion[0, 1] - confusion[0, 0])[1:]
    # The draws of the confusion are pulled to the prior a little; their spread is what counts.
    spread = np.cov(away[1:, 1:], rowvar=False)
    inverse = np.linalg.pinv(spread, rcond=1e-6)
    gap, scale = away[0, 1:], step @ inverse @ step
    if scale <= 0:
        return 1.0
    gap = gap - step * (step @ inverse @ gap) / scale
    return float(chi2.sf(gap @ inverse @ gap, BINS - 1))


def _normalised(counts: Numbers) -> Numbers:
    """Divide each row by its sum; a row without a case is the same everywhere."""
    sums = counts.sum(axis=-1, keepdims=True)
    return np.asarray(np.divide(counts, sums, out=np.full(counts.shape, 1 / counts.shape[-1]), where=sums > 0))


def _edges(confusion: Confusion, topic: str) -> Numbers:
    """Return the probabilities that cut the tags of a topic on test into equal parts."""
    tagged = [case.probability for case in confusion.cases if case.topic == topic and case.probability is not None]
    return np.quantile(tagged or [1.0], np.arange(1, BINS) / BINS)


def _outcome(case: Case, edges: Numbers) -> int:
    """Return 0 for a topic that was not assigned, otherwise the number of the bin of its probability."""
    return 0 if case.probability is None else 1 + int(np.searchsorted(edges, case.probability, side="right"))
