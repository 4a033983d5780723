"""Compare two runs on the passages that both were tested on."""

from __future__ import annotations

from collections.abc import Sequence, Sized
from dataclasses import dataclass

from labels.bootstrap import Interval
from labels.codebook import Stance
from labels.errors import DemarcheError, suggest
from training.evaluation.metrics import HEADLINES, Metric, metrics_by_name
from training.evaluation.predictions import Prediction

FEWEST_PASSAGES = 30
FEWEST_ARTICLES = 5


@dataclass(frozen=True)
class Difference:
    """The metric of the second run minus that of the first, the reference run, with its 95 % interval.

    `passages` and `articles` are those that the metric is computed on.
    """

    metric: str
    first: float
    second: float
    difference: Interval
    passages: int
    articles: int

    @property
    def is_enough(self) -> bool:
        """Whether there are enough passages and articles for a verdict: of a few, the interval is far too narrow."""
        return self.passages >= FEWEST_PASSAGES and self.articles >= FEWEST_ARTICLES

    @property
    def clear(self) -> bool:
        """Whether the interval excludes zero, on enough passages."""
        return self.is_enough and (self.difference.low > 0 or self.difference.high < 0)


def compare(
    first: Sequence[Prediction], second: Sequence[Prediction], *, metrics: Sequence[str] = HEADLINES, seed: int
) -> list[Difference]:
    """Compare metrics with a paired bootstrap by article (Efron and Tibshirani 1993) over the common passages.

    Raises DemarcheError if the runs have no test passage in common or differ in its gold.
    """
    first, second = _common(first, second)
    one, other = metrics_by_name(first, seed=seed), metrics_by_name(second, seed=seed)
    shared = one.keys() & other.keys()
    for metric in metrics:
        if shared and metric not in shared and metric not in HEADLINES:
            raise DemarcheError(f"no metric {metric!r} that both runs have{suggest(metric, shared)}")
    differences = [
        _difference(metric, one[metric], other[metric], most=len(first)) for metric in metrics if metric in shared
    ]
    if not differences:
        raise DemarcheError("the runs have no metric in common: one predicts topics, the other stance")
    return differences


def _common(first: Sequence[Prediction], second: Sequence[Prediction]) -> tuple[list[Prediction], list[Prediction]]:
    by_passage = {prediction.passage: prediction for prediction in second}
    left = [prediction for prediction in first if prediction.passage in by_passage]
    if not left:
        raise DemarcheError("the runs have no test passage in common; train both with `split: {from: split.jsonl}`")
    right = [by_passage[prediction.passage] for prediction in left]
    for one, other in zip(left, right, strict=True):
        if _differ(_topic_gold(one), _topic_gold(other)) or _differ(_stance_gold(one), _stance_gold(other)):
            raise DemarcheError(
                f"the runs' gold differs, first at passage {one.passage!r}; compare runs on the same annotations"
            )
    return left, right


def _differ(one: Sized, other: Sized) -> bool:
    """Return whether the gold labels of two runs differ; a run that does not predict a task has no gold for it."""
    return bool(one and other) and one != other


def _topic_gold(prediction: Prediction) -> dict[str, bool | None]:
    return {topic: predicted.gold for topic, predicted in prediction.topics.items()}


def _stance_gold(prediction: Prediction) -> list[Stance | None]:
    return [stance.gold for stance in prediction.stances]


def _difference(name: str, first: Metric, second: Metric, *, most: int) -> Difference:
    """Compare a metric on the common passages, of which there are `most`."""
    if first.groups.of_rows != second.groups.of_rows:
        raise DemarcheError(f"the runs' gold differs for {name}; compare runs on the same annotations")
    difference = (second.resampled - first.resampled).interval()
    # The rows of stance are targets, of which a passage may have several.
    passages = min(len(first.groups.of_rows), most)
    return Difference(name, first.value, second.value, difference, passages, first.groups.count)
