"""Whether one run is better than another, on the passages that both were tested on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from labels.errors import DemarcheError
from training.bootstrap import Interval, draws
from training.judging import (
    HEADLINES,
    Score,
    joint_scores,
    joint_verdicts,
    stance_scores,
    stance_verdicts,
    topic_scores,
    topic_verdicts,
)
from training.predictions import Prediction


@dataclass(frozen=True)
class Difference:
    """`metric` of the second minus that of the first, with its 95 % interval."""

    metric: str
    first: float
    second: float
    difference: Interval

    @property
    def clear(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.difference.low > 0 or self.difference.high < 0


def compare(
    first: Sequence[Prediction], second: Sequence[Prediction], *, metrics: Sequence[str] = HEADLINES, seed: int
) -> list[Difference]:
    """Paired bootstrap by article (Efron and Tibshirani 1993) over the common passages.

    Raises DemarcheError where the runs have no test passage in common or read the gold differently.
    """
    both = _common(first, second)
    found = []
    for kind, verdicts, scores in _KINDS:
        wanted = [metric for metric in metrics if metric.startswith(kind)]
        one, other = (verdicts(predictions) for predictions in both)
        if not wanted or one is None or other is None:
            continue
        if one.units != other.units:
            raise DemarcheError(f"the runs' gold differs for {kind}; compare runs on the same annotations")
        weights = draws(one.units, seed=seed)
        left, right = scores(one), scores(other)
        found += [
            _difference(metric, left[metric], right[metric], weights)
            for metric in wanted
            if metric in left and metric in right
        ]
    if not found:
        raise DemarcheError("the runs have no figure in common: one read topics, the other stance")
    return found


_Kind = tuple[str, Callable[[Sequence[Prediction]], Any], Callable[[Any], dict[str, Score]]]
_KINDS: tuple[_Kind, ...] = (
    ("topics", topic_verdicts, topic_scores),
    ("stance", stance_verdicts, stance_scores),
    ("joint", joint_verdicts, joint_scores),
)


def _common(
    first: Sequence[Prediction], second: Sequence[Prediction]
) -> tuple[list[Prediction], list[Prediction]]:
    of_second = {prediction.passage: prediction for prediction in second}
    left = [prediction for prediction in first if prediction.passage in of_second]
    if not left:
        raise DemarcheError("the runs have no test passage in common; train both with `split: {from: split.jsonl}`")
    return left, [of_second[prediction.passage] for prediction in left]


def _difference(metric: str, first: Score, second: Score, weights: Any) -> Difference:
    apart = np.array([second(draw) - first(draw) for draw in weights])
    low, high = np.nanpercentile(apart, [2.5, 97.5])
    one = np.ones(weights.shape[1])
    value = Interval(second(one) - first(one), float(low), float(high))
    return Difference(metric, first(one), second(one), value)
