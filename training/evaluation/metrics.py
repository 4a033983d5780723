"""Metrics of predictions against the gold, each with its interval."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from labels.bootstrap import Groups, Interval, Resampled, Weights, resample
from labels.codebook import STANCES
from labels.errors import DemarcheError
from models.examples import BoolArray, FloatArray
from training.evaluation.predictions import Prediction

Positions = npt.NDArray[np.intp]
Score = Callable[[Weights], FloatArray]
"""A function of weights (draws, groups), how often each draw has a group; it returns each draw's metric, (draws,)."""

HEADLINES = ("topics/micro_f1", "stance/macro_f1", "joint/micro_f1")
STANCE_BY_TOPIC = "stance/macro_f1_by_topic/"
FEWEST_CASES = 10
"""Number of gold cases that the interval of a class needs: of fewer, no bootstrap says how far off the score may be."""


class Metric:
    """A metric of some predictions. Its value and interval are computed when they are first read.

    `cases` is the number of gold cases of a metric of a single class. With fewer than FEWEST_CASES, it has no interval.
    """

    def __init__(self, score: Score, groups: Groups, *, seed: int, cases: int | None = None) -> None:
        self.score, self.groups, self.seed, self.cases = score, groups, seed, cases

    @cached_property
    def value(self) -> float:
        return _value(self.score, self.groups)

    @cached_property
    def resampled(self) -> Resampled:
        return resample(self.score, self.groups, seed=self.seed)

    @property
    def is_enough(self) -> bool:
        """Whether there are enough gold cases for an interval."""
        return self.cases is None or self.cases >= FEWEST_CASES

    @cached_property
    def interval(self) -> Interval:
        return self.resampled.interval() if self.is_enough else Interval(self.value, float("nan"), float("nan"))


@dataclass(frozen=True)
class TopicResults:
    """Gold and predictions of topics: rows are passages, columns topics. Passages with a tied topic are left out."""

    topics: list[str]
    groups: Groups
    gold: BoolArray
    probabilities: FloatArray
    assigned: BoolArray

    def scores(self) -> dict[str, Score]:
        """Return the scores by name. Macro averages are over the topics in the gold, also in each draw."""
        sums = self.groups.sums
        gold, predicted, correct = sums(self.gold), sums(self.assigned), sums(self.gold & self.assigned)
        exact, passages = sums((self.gold == self.assigned).all(axis=1)), sums(np.ones(len(self.gold)))
        columns = np.flatnonzero(self.gold.any(axis=0))
        macro = _f1_in_gold(correct[:, columns], gold[:, columns], predicted[:, columns])
        aps = [_average_precision(self.gold[:, c], self.probabilities[:, c], self.groups) for c in columns]
        # Where the gold has no topic at all, no F1 can be measured.
        scores: dict[str, Score] = (
            {"topics/micro_f1": _f1(correct.sum(axis=1), gold.sum(axis=1), predicted.sum(axis=1))}
            if len(columns)
            else {}
        )
        scores |= {
            "topics/macro_f1": lambda w: _mean(macro(w)),
            "topics/map": lambda w: _mean(np.stack([ap(w) for ap in aps], axis=1) if aps else np.empty((len(w), 0))),
            "topics/subset_accuracy": _ratio_of_sums(exact, passages),
        }
        for column, ap in zip(columns, aps, strict=True):
            topic = self.topics[column]
            counts = correct[:, column], gold[:, column], predicted[:, column]
            scores |= {
                f"topics/f1/{topic}": _f1_in_gold(*counts),
                f"topics/precision/{topic}": _ratio_of_sums(counts[0], counts[2]),
                f"topics/recall/{topic}": _recall_in_gold(counts[0], counts[1]),
                f"topics/ap/{topic}": ap,
            }
        return scores

    def cases(self) -> dict[str, int]:
        """Return the number of gold cases of each metric of a single topic."""
        kinds = ("f1", "precision", "recall", "ap")
        return {
            f"topics/{kind}/{topic}": int(self.gold[:, c].sum())
            for c, topic in enumerate(self.topics)
            for kind in kinds
        }

    def classes(self) -> list[dict[str, Any]]:
        return [
            _class("topic", topic, self.groups, self.gold[:, c], self.assigned[:, c], self.probabilities[:, c])
            for c, topic in enumerate(self.topics)
        ]


@dataclass(frozen=True)
class StanceResults:
    """Gold and predictions of stance: rows are the gold's targets, values are positions in STANCES. Ties are left out.

    `topics` names the topic of each row; it is empty for a target that the passage names itself.
    """

    topics: list[str]
    groups: Groups
    gold: Positions
    probabilities: FloatArray
    predicted: Positions

    def scores(self) -> dict[str, Score]:
        """Return the scores by name. F_avg is the mean F1 of favor and against (SemEval-2016 Task 6)."""
        gold, predicted = np.eye(len(STANCES))[self.gold], np.eye(len(STANCES))[self.predicted]
        rows = np.stack([gold * predicted, gold, predicted], axis=1)
        counts = self.groups.sums(rows)
        each = [_f1(*counts[:, :, s].T) for s in range(len(STANCES))]
        scores: dict[str, Score] = {
            "stance/macro_f1": _macro_f1(counts),
            "stance/f_avg": lambda w: (each[0](w) + each[1](w)) / 2,
            "stance/accuracy": _ratio_of_sums(counts[:, 0].sum(axis=1), counts[:, 1].sum(axis=1)),
        }
        scores |= {f"stance/f1/{stance}": f1 for stance, f1 in zip(STANCES, each, strict=True)}
        topics = np.array(self.topics)
        for topic in sorted(set(self.topics) - {""}):
            of_topic = (topics == topic)[:, np.newaxis, np.newaxis]
            scores[f"{STANCE_BY_TOPIC}{topic}"] = _macro_f1(self.groups.sums(rows * of_topic))
        return scores

    def cases(self) -> dict[str, int]:
        """Return the number of gold cases of each metric of a single stance or topic."""
        of_stances = {f"stance/f1/{stance}": int((self.gold == s).sum()) for s, stance in enumerate(STANCES)}
        of_topics = {f"{STANCE_BY_TOPIC}{topic}": self.topics.count(topic) for topic in set(self.topics)}
        return of_stances | of_topics

    def classes(self) -> list[dict[str, Any]]:
        return [
            _class("stance", stance, self.groups, self.gold == s, self.predicted == s, self.probabilities[:, s])
            for s, stance in enumerate(STANCES)
        ]


@dataclass(frozen=True)
class JointResults:
    """The numbers of gold, predicted and correct (topic, stance) pairs in each passage, as tagged in use.

    Passages where the gold has a tie, or a topic without a stance, are left out.
    """

    groups: Groups
    gold: FloatArray
    predicted: FloatArray
    correct: FloatArray

    def scores(self) -> dict[str, Score]:
        if not self.gold.any():
            return {}
        gold, predicted, correct = map(self.groups.sums, (self.gold, self.predicted, self.correct))
        return {
            "joint/micro_f1": _f1(correct, gold, predicted),
            "joint/precision": _ratio_of_sums(correct, predicted),
            "joint/recall": _ratio_of_sums(correct, gold),
        }

    def cases(self) -> dict[str, int]:
        return {}

    def classes(self) -> list[dict[str, Any]]:
        return []


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


def topic_results(predictions: Iterable[Prediction]) -> TopicResults | None:
    """Collect the results of topics; None if no passage has predictions and gold of topics."""
    passages = [p for p in predictions if p.topics and all(topic.gold is not None for topic in p.topics.values())]
    if not passages:
        return None
    rows = [list(passage.topics.values()) for passage in passages]
    return TopicResults(
        topics=list(passages[0].topics),
        groups=Groups([passage.group for passage in passages]),
        gold=np.array([[bool(topic.gold) for topic in row] for row in rows]),
        probabilities=np.array([[topic.probability for topic in row] for row in rows]),
        assigned=np.array([[topic.assigned for topic in row] for row in rows]),
    )


def stance_results(predictions: Iterable[Prediction]) -> StanceResults | None:
    """Collect the results of stance; None if the gold has no stance."""
    rows = [(p.group, stance) for p in predictions for stance in p.stances if stance.gold is not None]
    if not rows:
        return None
    return StanceResults(
        topics=[stance.topic or "" for _, stance in rows],
        groups=Groups([group for group, _ in rows]),
        gold=np.array([STANCES.index(stance.gold) for _, stance in rows if stance.gold]),
        probabilities=np.array([[stance.favor, stance.against, stance.neutral] for _, stance in rows]),
        predicted=np.array([STANCES.index(stance.predicted) for _, stance in rows]),
    )


def joint_results(predictions: Sequence[Prediction]) -> JointResults | None:
    """Count the gold, predicted and correct pairs of topic and stance; None if either task was not predicted."""
    counts = [(prediction.group, pairs) for prediction in predictions if (pairs := count_pairs(prediction)) is not None]
    if not counts or not any(prediction.stances for prediction in predictions):
        return None
    return JointResults(
        Groups([group for group, _ in counts]), *np.array([pairs for _, pairs in counts], dtype=np.float64).T
    )


def count_pairs(prediction: Prediction) -> tuple[int, int, int] | None:
    """Count the gold, predicted and correct pairs of topic and stance; None if the gold or the tags lack one of the two."""
    stances = {stance.topic: stance.gold for stance in prediction.stances if stance.topic}
    gold = {topic: stances.get(topic) for topic, predicted in prediction.topics.items() if predicted.gold}
    tied = any(topic.gold is None for topic in prediction.topics.values())
    if not prediction.topics or tied or None in gold.values() or None in prediction.tags.values():
        return None
    correct = sum(gold.get(topic) == stance for topic, stance in prediction.tags.items())
    return len(gold), len(prediction.tags), correct


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


def _value(score: Score, groups: Groups) -> float:
    return float(score(np.ones((1, groups.count)))[0])


def _ratio(above: FloatArray, below: FloatArray) -> FloatArray:
    """Divide elementwise; 0 if there was nothing to predict and nothing was predicted."""
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)


def _mean(scores: FloatArray) -> FloatArray:
    """Return the mean of each row ignoring NaNs, or NaN if a row has only NaNs."""
    present = ~np.isnan(scores)
    count = present.sum(axis=1)
    means: FloatArray = np.full(len(scores), np.nan)
    np.divide(np.where(present, scores, 0.0).sum(axis=1), count, out=means, where=count > 0)
    return means


# Scores from the counts of each group, (groups,) or (groups, classes). Counts are whole numbers, so the sums are exact.


def _ratio_of_sums(above: FloatArray, below: FloatArray) -> Score:
    return lambda w: _ratio(w @ above, w @ below)


def _f1(correct: FloatArray, gold: FloatArray, predicted: FloatArray) -> Score:
    return _ratio_of_sums(2 * correct, gold + predicted)


def _f1_in_gold(correct: FloatArray, gold: FloatArray, predicted: FloatArray) -> Score:
    """Return F1 as a score, NaN in draws without gold of the class."""
    f1 = _f1(correct, gold, predicted)
    return lambda w: np.where(w @ gold > 0, f1(w), np.nan)


def _recall_in_gold(correct: FloatArray, gold: FloatArray) -> Score:
    """Return recall as a score, NaN in draws without gold of the class."""
    return lambda w: np.where(w @ gold > 0, _ratio(w @ correct, w @ gold), np.nan)


def _macro_f1(counts: FloatArray) -> Score:
    """Return the mean F1 of stances in gold or predictions; `counts` are (groups, correct–gold–predicted, stances)."""
    correct, gold, predicted = counts.transpose(1, 0, 2)
    f1 = _f1(correct, gold, predicted)
    return lambda w: _mean(np.where(w @ (gold + predicted) > 0, f1(w), np.nan))


def _average_precision(gold: BoolArray, probabilities: FloatArray, groups: Groups) -> Score:
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


def _class(
    task: str, name: str, groups: Groups, gold: BoolArray, predicted: BoolArray, probabilities: FloatArray
) -> dict[str, Any]:
    counts = groups.sums(gold & predicted), groups.sums(gold), groups.sums(predicted)
    scores = {
        "precision": _ratio_of_sums(counts[0], counts[2]),
        "recall": _recall_in_gold(counts[0], counts[1]),
        "f1": _f1_in_gold(*counts),
        "ap": _average_precision(gold, probabilities, groups),
    }
    values = {key: _value(score, groups) for key, score in scores.items()}
    rounded = {key: None if np.isnan(value) else round(value, 4) for key, value in values.items()}
    return {"task": task, "class": name, "gold": int(gold.sum()), "predicted": int(predicted.sum())} | rounded


def _left_out(predictions: Sequence[Prediction]) -> dict[str, int]:
    """Count the passages and targets left out because their gold is undecided, by kind."""
    tied = sum(any(topic.gold is None for topic in p.topics.values()) for p in predictions)
    unsure = sum(stance.gold is None for p in predictions for stance in p.stances)
    counts = {"passages with a tied topic": tied, "targets whose stance is tied or missing": unsure}
    return {what: count for what, count in counts.items() if count}
