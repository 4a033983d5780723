"""Scores of resamples: functions of how often each group is drawn, made from the counts of each group."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.sparse import csr_array

from labels.bootstrap import Groups, Weights
from models.examples import BoolArray, FloatArray

Score = Callable[[Weights], FloatArray]
"""A function of weights (draws, groups), how often each draw has a group; it returns each draw's metric, (draws,)."""


def value(score: Score, groups: Groups) -> float:
    """Return the score of the data themselves, where each group is drawn once."""
    return float(score(np.ones((1, groups.count)))[0])


def _ratio(above: FloatArray, below: FloatArray) -> FloatArray:
    """Divide elementwise; 0 if there was nothing to predict and nothing was predicted."""
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)


def mean(scores: FloatArray) -> FloatArray:
    """Return the mean of each row ignoring NaNs, or NaN if a row has only NaNs."""
    present = ~np.isnan(scores)
    count = present.sum(axis=1)
    means: FloatArray = np.full(len(scores), np.nan)
    np.divide(np.where(present, scores, 0.0).sum(axis=1), count, out=means, where=count > 0)
    return means


# Scores from the counts of each group, (groups,) or (groups, classes). Counts are whole numbers, so the sums are exact.


def ratio_of_sums(above: FloatArray, below: FloatArray) -> Score:
    """Return the ratio of two sums over the groups as a score."""
    return lambda w: _ratio(w @ above, w @ below)


def f1(correct: FloatArray, gold: FloatArray, predicted: FloatArray) -> Score:
    """Return F1 as a score, 0 in draws without gold and predictions."""
    return ratio_of_sums(2 * correct, gold + predicted)


def f1_in_gold(correct: FloatArray, gold: FloatArray, predicted: FloatArray) -> Score:
    """Return F1 as a score, NaN in draws without gold of the class."""
    score = f1(correct, gold, predicted)
    return lambda w: np.where(w @ gold > 0, score(w), np.nan)


def recall_in_gold(correct: FloatArray, gold: FloatArray) -> Score:
    """Return recall as a score, NaN in draws without gold of the class."""
    return lambda w: np.where(w @ gold > 0, _ratio(w @ correct, w @ gold), np.nan)


def macro_f1(counts: FloatArray) -> Score:
    """Return the mean F1 of stances in gold or predictions; `counts` are (groups, correct–gold–predicted, stances)."""
    correct, gold, predicted = counts.transpose(1, 0, 2)
    score = f1(correct, gold, predicted)
    return lambda w: mean(np.where(w @ (gold + predicted) > 0, score(w), np.nan))


def average_precision(gold: BoolArray, probabilities: FloatArray, groups: Groups) -> Score:
    """Return the area under the precision–recall steps, NaN in draws without gold of the class."""
    order = np.argsort(-probabilities, kind="stable")
    ranked, of_class = probabilities[order], gold[order]
    # Rows of equal probability cannot be ranked: precision is taken after the last of them. A step without gold adds
    # no area, so it is counted together with the next one that has some.
    level = np.cumsum(np.append(False, ranked[1:] != ranked[:-1]))
    step = np.searchsorted(np.unique(level[of_class]), level)
    steps = int(step[of_class].max(initial=-1)) + 1
    row, group = step[step < steps], groups.positions[order][step < steps]
    of_gold = of_class[step < steps]
    drawn = csr_array((np.ones(len(row)), (row, group)), shape=(steps, groups.count))
    correct = csr_array((np.ones(of_gold.sum()), (row[of_gold], group[of_gold])), shape=(steps, groups.count))

    def score(w: Weights) -> FloatArray:
        if not steps:
            return np.full(len(w), np.nan)
        weights = np.ascontiguousarray(w.T)
        gained, read = np.asarray(correct @ weights), np.asarray(drawn @ weights)
        found = np.cumsum(gained, axis=0)
        # Added up one by one, so that the sum of a draw does not depend on how many draws there are.
        area: FloatArray = np.cumsum(gained * _ratio(found, np.cumsum(read, axis=0)), axis=0)[-1]
        return np.where(found[-1] > 0, _ratio(area, found[-1]), np.nan)

    return score
