"""Predictions beside the gold, as arrays for each task, and the scores that can be computed from them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from labels.bootstrap import Groups
from labels.codebook import STANCES
from models.examples import BoolArray, FloatArray
from training.evaluation.predictions import Prediction
from training.evaluation.scores import (
    Score,
    average_precision,
    f1,
    f1_in_gold,
    macro_f1,
    mean,
    ratio_of_sums,
    recall_in_gold,
    value,
)

Positions = npt.NDArray[np.intp]

STANCE_BY_TOPIC = "stance/macro_f1_by_topic/"


class Cases(NamedTuple):
    """The number of gold cases of a class, and of the articles that they are in."""

    gold: int
    articles: int

    @classmethod
    def of(cls, is_gold: BoolArray, groups: Groups) -> Cases:
        """Count the rows that are gold cases."""
        return cls(int(is_gold.sum()), len(np.unique(groups.positions[is_gold])))


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
        macro = f1_in_gold(correct[:, columns], gold[:, columns], predicted[:, columns])
        aps = [average_precision(self.gold[:, c], self.probabilities[:, c], self.groups) for c in columns]
        # Where the gold has no topic at all, no F1 can be measured.
        scores: dict[str, Score] = (
            {"topics/micro_f1": f1(correct.sum(axis=1), gold.sum(axis=1), predicted.sum(axis=1))}
            if len(columns)
            else {}
        )
        scores |= {
            "topics/macro_f1": lambda w: mean(macro(w)),
            "topics/map": lambda w: mean(np.stack([ap(w) for ap in aps], axis=1) if aps else np.empty((len(w), 0))),
            "topics/subset_accuracy": ratio_of_sums(exact, passages),
        }
        for column, ap in zip(columns, aps, strict=True):
            topic = self.topics[column]
            counts = correct[:, column], gold[:, column], predicted[:, column]
            scores |= {
                f"topics/f1/{topic}": f1_in_gold(*counts),
                f"topics/precision/{topic}": ratio_of_sums(counts[0], counts[2]),
                f"topics/recall/{topic}": recall_in_gold(counts[0], counts[1]),
                f"topics/ap/{topic}": ap,
            }
        return scores

    def cases(self) -> dict[str, Cases]:
        """Return the gold cases of each metric of a single topic."""
        of_topics = {topic: Cases.of(self.gold[:, c], self.groups) for c, topic in enumerate(self.topics)}
        kinds = ("f1", "precision", "recall", "ap")
        return {f"topics/{kind}/{topic}": cases for topic, cases in of_topics.items() for kind in kinds}

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
        each = [f1(*counts[:, :, s].T) for s in range(len(STANCES))]
        scores: dict[str, Score] = {
            "stance/macro_f1": macro_f1(counts),
            "stance/f_avg": lambda w: (each[0](w) + each[1](w)) / 2,
            "stance/accuracy": ratio_of_sums(counts[:, 0].sum(axis=1), counts[:, 1].sum(axis=1)),
        }
        scores |= {f"stance/f1/{stance}": score for stance, score in zip(STANCES, each, strict=True)}
        topics = np.array(self.topics)
        for topic in sorted(set(self.topics) - {""}):
            of_topic = (topics == topic)[:, np.newaxis, np.newaxis]
            scores[f"{STANCE_BY_TOPIC}{topic}"] = macro_f1(self.groups.sums(rows * of_topic))
        return scores

    def cases(self) -> dict[str, Cases]:
        """Return the gold cases of each metric of a single stance or topic."""
        topics = np.array(self.topics, dtype=object)
        of_stances = {f"stance/f1/{stance}": Cases.of(self.gold == s, self.groups) for s, stance in enumerate(STANCES)}
        of_topics = {f"{STANCE_BY_TOPIC}{t}": Cases.of(topics == t, self.groups) for t in set(self.topics)}
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
            "joint/micro_f1": f1(correct, gold, predicted),
            "joint/precision": ratio_of_sums(correct, predicted),
            "joint/recall": ratio_of_sums(correct, gold),
        }

    def cases(self) -> dict[str, Cases]:
        return {}

    def classes(self) -> list[dict[str, Any]]:
        return []


def measured(metric: str, predictions: Iterable[Prediction]) -> list[Prediction]:
    """Return the passages that a metric is computed on: those that have gold for it."""
    if metric.startswith("joint/"):
        return [p for p in predictions if count_pairs(p) is not None]
    if metric.startswith("topics/"):
        return [p for p in predictions if p.topics and all(topic.gold is not None for topic in p.topics.values())]
    of = metric.removeprefix(STANCE_BY_TOPIC) if metric.startswith(STANCE_BY_TOPIC) else None
    return [p for p in predictions if any(s.gold is not None and of in (None, s.topic) for s in p.stances)]


def topic_results(predictions: Iterable[Prediction]) -> TopicResults | None:
    """Collect the results of topics; None if no passage has predictions and gold of topics."""
    passages = measured("topics/", predictions)
    if not passages:
        return None
    # The passages of two runs, whose codebooks may order the topics differently, can be among them.
    ids = list(passages[0].topics)
    rows = [[passage.topics[id] for id in ids] for passage in passages]
    return TopicResults(
        topics=ids,
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


def _class(
    task: str, name: str, groups: Groups, gold: BoolArray, predicted: BoolArray, probabilities: FloatArray
) -> dict[str, Any]:
    counts = groups.sums(gold & predicted), groups.sums(gold), groups.sums(predicted)
    scores = {
        "precision": ratio_of_sums(counts[0], counts[2]),
        "recall": recall_in_gold(counts[0], counts[1]),
        "f1": f1_in_gold(*counts),
        "ap": average_precision(gold, probabilities, groups),
    }
    values = {key: value(score, groups) for key, score in scores.items()}
    # Not to the digits that are shown: a number rounded twice would differ from that of the metric.
    defined = {key: None if np.isnan(value) else round(value, 10) for key, value in values.items()}
    return {"task": task, "class": name, "gold": int(gold.sum()), "predicted": int(predicted.sum())} | defined
