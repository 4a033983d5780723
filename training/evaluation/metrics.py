"""Metrics of predictions against the gold, each with its interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from labels.bootstrap import Groups, Interval, Resampled, resample
from labels.errors import DemarcheError
from training.evaluation.predictions import Prediction
from training.evaluation.results import (
    Cases,
    JointResults,
    StanceResults,
    TopicResults,
    joint_results,
    stance_results,
    topic_results,
)
from training.evaluation.scores import Score, value

HEADLINES = ("topics/micro_f1", "stance/macro_f1", "joint/micro_f1")
FEWEST_CASES = 10
FEWEST_ARTICLES = 5
"""Gold cases, and articles with them, that the interval of a class needs: of fewer, no bootstrap says how far off the
score may be."""


class Metric:
    """A metric of some predictions. Its value and interval are computed when they are first read.

    `cases` are the gold cases of a metric of a single class. With fewer than FEWEST_CASES, or in fewer than
    FEWEST_ARTICLES, it has no interval.
    """

    def __init__(self, score: Score, groups: Groups, *, seed: int, cases: Cases | None = None) -> None:
        self.score, self.groups, self.seed, self.cases = score, groups, seed, cases

    @cached_property
    def value(self) -> float:
        return value(self.score, self.groups)

    @cached_property
    def resampled(self) -> Resampled:
        return resample(self.score, self.groups, seed=self.seed)

    @property
    def is_enough(self) -> bool:
        """Whether there are enough gold cases for an interval."""
        return self.cases is None or (self.cases.gold >= FEWEST_CASES and self.cases.articles >= FEWEST_ARTICLES)

    @cached_property
    def interval(self) -> Interval:
        return self.resampled.interval() if self.is_enough else Interval(self.value, float("nan"), float("nan"))


@dataclass(frozen=True)
class Scores:
    """`metrics` by name (`topics/micro_f1`), `classes` (a row for each topic and stance), and what was left out.

    A class that the gold does not have has no recall and no F1.
    """

    metrics: dict[str, Metric]
    classes: list[dict[str, Any]]
    left_out: dict[str, int]

    def headlines(self) -> dict[str, Interval]:
        return {name: self.metrics[name].interval for name in HEADLINES if name in self.metrics}

    def f1(self, of: Mapping[str, Any]) -> Interval:
        """Return the F1 of a row of `classes` that has gold cases."""
        return self.metrics[f"{'topics' if of['task'] == 'topic' else 'stance'}/f1/{of['class']}"].interval


def evaluate(predictions: Sequence[Prediction], *, seed: int) -> Scores:
    """Evaluate topics, stance given the gold topics, and both together as in use."""
    results = _results(predictions)
    if not results:
        raise DemarcheError("nothing to evaluate: the passages have no gold labels for what the model predicts")
    classes = [row for task in results for row in task.classes()]
    return Scores(_metrics(results, seed=seed), classes, _left_out(predictions))


def metrics_by_name(predictions: Sequence[Prediction], *, seed: int) -> dict[str, Metric]:
    """Return the metrics that `evaluate` computes, or none if there is no gold for what the model predicts."""
    return _metrics(_results(predictions), seed=seed)


_Results = Sequence[TopicResults | StanceResults | JointResults]


def _results(predictions: Sequence[Prediction]) -> _Results:
    tasks = topic_results(predictions), stance_results(predictions), joint_results(predictions)
    return [results for results in tasks if results is not None]


def _metrics(results: _Results, *, seed: int) -> dict[str, Metric]:
    return {
        name: Metric(score, task.groups, seed=seed, cases=cases.get(name))
        for task in results
        for cases in (task.cases(),)
        for name, score in task.scores().items()
    }


def _left_out(predictions: Sequence[Prediction]) -> dict[str, int]:
    """Count the passages and targets left out because their gold is undecided, by kind."""
    tied = sum(any(topic.gold is None for topic in p.topics.values()) for p in predictions)
    unsure = sum(stance.gold is None for p in predictions for stance in p.stances)
    counts = {"passages with a tied topic": tied, "targets whose stance is tied or missing": unsure}
    return {what: count for what, count in counts.items() if count}
