"""Whether one run is better than another, on the passages that both were tested on."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Sized
from dataclasses import dataclass
from typing import Any

import numpy as np

from labels.bootstrap import Draws, Interval, draws, interval
from labels.codebook import Stance
from labels.errors import DemarcheError, suggest
from training.evaluation.metrics import (
    HEADLINES,
    Score,
    joint_results,
    joint_scores,
    stance_results,
    stance_scores,
    topic_results,
    topic_scores,
)
from training.evaluation.predictions import Prediction


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
    found: list[Difference] = []
    known: set[str] = set()
    for kind, results, scores in _KINDS:
        one, other = (results(predictions) for predictions in both)
        if one is None or other is None:
            continue
        if one.groups != other.groups:
            raise DemarcheError(f"the runs' gold differs for {kind}; compare runs on the same annotations")
        left, right = scores(one), scores(other)
        common = left.keys() & right.keys()
        known |= common
        wanted = [metric for metric in metrics if metric in common]
        if wanted:
            weights = draws(one.groups, seed=seed)
            found += [_difference(metric, left[metric], right[metric], weights) for metric in wanted]
    for metric in metrics:
        if known and metric not in known and metric not in HEADLINES:
            raise DemarcheError(f"no figure {metric!r} that both runs have{suggest(metric, known)}")
    if not found:
        raise DemarcheError("the runs have no figure in common: one read topics, the other stance")
    return found


_Kind = tuple[str, Callable[[Sequence[Prediction]], Any], Callable[[Any], dict[str, Score]]]
_KINDS: tuple[_Kind, ...] = (
    ("topics", topic_results, topic_scores),
    ("stance", stance_results, stance_scores),
    ("joint", joint_results, joint_scores),
)


def _common(first: Sequence[Prediction], second: Sequence[Prediction]) -> tuple[list[Prediction], list[Prediction]]:
    of_second = {prediction.passage: prediction for prediction in second}
    left = [prediction for prediction in first if prediction.passage in of_second]
    if not left:
        raise DemarcheError("the runs have no test passage in common; train both with `split: {from: split.jsonl}`")
    right = [of_second[prediction.passage] for prediction in left]
    for one, other in zip(left, right, strict=True):
        if _differ(_topic_gold(one), _topic_gold(other)) or _differ(_stance_gold(one), _stance_gold(other)):
            raise DemarcheError(
                f"the runs' gold differs, first at passage {one.passage!r}; compare runs on the same annotations"
            )
    return left, right


def _differ(one: Sized, other: Sized) -> bool:
    """Whether two golds contradict each other; a run that did not read the task has none."""
    return bool(one and other) and one != other


def _topic_gold(prediction: Prediction) -> dict[str, bool | None]:
    return {topic: said.gold for topic, said in prediction.topics.items()}


def _stance_gold(prediction: Prediction) -> list[Stance | None]:
    return [stance.gold for stance in prediction.stances]


def _difference(metric: str, first: Score, second: Score, weights: Draws) -> Difference:
    one = np.ones(weights.shape[1])
    return Difference(metric, first(one), second(one), interval(lambda draw: second(draw) - first(draw), weights))
