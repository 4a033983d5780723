"""How good predictions are, each figure with its interval."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from labels.bootstrap import RESAMPLES, Interval, Weights, draws, interval
from labels.codebook import STANCES
from labels.errors import DemarcheError
from models.examples import BoolArray, FloatArray
from training.evaluation.predictions import Prediction

Positions = npt.NDArray[np.intp]
Score = Callable[[Weights], float]
"""A figure of rows that count as often as their weight says."""

HEADLINES = ("topics/micro_f1", "stance/macro_f1", "joint/micro_f1")


@dataclass(frozen=True)
class TopicResults:
    """Rows are passages, columns topics. Passages with a tied topic are left out."""

    topics: list[str]
    groups: list[str]
    gold: BoolArray
    probabilities: FloatArray
    assigned: BoolArray


@dataclass(frozen=True)
class StanceResults:
    """Rows are targets that hold in the gold; stances are positions in STANCES. Ties are left out.

    `topics` names the topic of each row, or is empty for a target of the passage's own.
    """

    topics: list[str]
    groups: list[str]
    gold: Positions
    probabilities: FloatArray
    predicted: Positions


@dataclass(frozen=True)
class JointResults:
    """As the tagger is used: counts a passage of (topic, stance) that are there, found, and both.

    Passages where the gold has a tie, or a topic without a stance, are left out.
    """

    groups: list[str]
    there: FloatArray
    found: FloatArray
    right: FloatArray


@dataclass(frozen=True)
class Scores:
    """`metrics`: name (`topics/micro_f1`) → figure. `classes`: a row a topic and a row a stance."""

    metrics: dict[str, Interval]
    classes: list[dict[str, Any]]
    left_out: dict[str, int]

    def headlines(self) -> dict[str, Interval]:
        return {name: self.metrics[name] for name in HEADLINES if name in self.metrics}


def topic_results(predictions: Iterable[Prediction]) -> TopicResults | None:
    """None where nothing was said of topics."""
    rows = [p for p in predictions if p.topics and all(said.gold is not None for said in p.topics.values())]
    if not rows:
        return None
    said = [list(prediction.topics.values()) for prediction in rows]
    return TopicResults(
        topics=list(rows[0].topics),
        groups=[prediction.group for prediction in rows],
        gold=np.array([[bool(topic.gold) for topic in row] for row in said]),
        probabilities=np.array([[topic.probability for topic in row] for row in said]),
        assigned=np.array([[topic.assigned for topic in row] for row in said]),
    )


def stance_results(predictions: Iterable[Prediction]) -> StanceResults | None:
    """None where the gold has no stance."""
    rows = [(p.group, stance) for p in predictions for stance in p.stances if stance.gold is not None]
    if not rows:
        return None
    return StanceResults(
        topics=[stance.topic or "" for _, stance in rows],
        groups=[unit for unit, _ in rows],
        gold=np.array([STANCES.index(stance.gold) for _, stance in rows if stance.gold]),
        probabilities=np.array([[stance.favor, stance.against, stance.neutral] for _, stance in rows]),
        predicted=np.array([STANCES.index(stance.predicted) for _, stance in rows]),
    )


def joint_results(predictions: Sequence[Prediction]) -> JointResults | None:
    """None where topics or stance were not both read."""
    units, counts = [], []
    for prediction in predictions:
        stances = {stance.topic: stance.gold for stance in prediction.stances if stance.topic}
        gold = {topic: stances.get(topic) for topic, said in prediction.topics.items() if said.gold}
        tied = any(said.gold is None for said in prediction.topics.values())
        if not prediction.topics or tied or None in gold.values() or None in prediction.tags.values():
            continue
        right = sum(gold.get(topic) == stance for topic, stance in prediction.tags.items())
        units.append(prediction.group)
        counts.append((len(gold), len(prediction.tags), right))
    if not counts or not any(prediction.stances for prediction in predictions):
        return None
    there, found, right = np.array(counts, dtype=np.float64).T
    return JointResults(units, there, found, right)


def evaluate(predictions: Sequence[Prediction], *, seed: int, resamples: int = RESAMPLES) -> Scores:
    """Topics, stance given the gold topics, and both together as the tagger will be used.

    With 0 `resamples` of the bootstrap, the scores have no intervals (NaN).
    """
    metrics: dict[str, Interval] = {}
    classes: list[dict[str, Any]] = []
    topics, stance, joint = topic_results(predictions), stance_results(predictions), joint_results(predictions)
    if topics is not None:
        weights = draws(topics.groups, seed=seed, resamples=resamples)
        metrics |= {name: interval(score, weights) for name, score in topic_scores(topics).items()}
        classes += _topic_classes(topics)
    if stance is not None:
        weights = draws(stance.groups, seed=seed, resamples=resamples)
        metrics |= {name: interval(score, weights) for name, score in stance_scores(stance).items()}
        classes += _stance_classes(stance)
    if joint is not None:
        weights = draws(joint.groups, seed=seed, resamples=resamples)
        metrics |= {name: interval(score, weights) for name, score in joint_scores(joint).items()}
    if not metrics:
        raise DemarcheError("nothing to judge: the passages have no gold for what the model reads")
    return Scores(metrics, classes, _left_out(predictions))


def metric_names(predictions: Sequence[Prediction]) -> set[str]:
    """The figures that judging such predictions gives."""
    topics, stance, joint = topic_results(predictions), stance_results(predictions), joint_results(predictions)
    names = set(topic_scores(topics)) if topics is not None else set()
    names |= set(stance_scores(stance)) if stance is not None else set()
    return names | (set(joint_scores(joint)) if joint is not None else set())


def topic_scores(results: TopicResults) -> dict[str, Score]:
    """Macro figures are over the topics that the gold has, in a draw of the bootstrap as in the whole."""
    gold, assigned = results.gold, results.assigned
    both, there, found = (gold & assigned).sum(axis=1), gold.sum(axis=1), assigned.sum(axis=1)
    exact = (gold == assigned).all(axis=1)
    evaluated = np.flatnonzero(gold.any(axis=0))
    f1s = [_where_any(gold[:, column], _f1(gold[:, column], assigned[:, column])) for column in evaluated]
    aps = [_average_precision(gold[:, column], results.probabilities[:, column]) for column in evaluated]
    scores: dict[str, Score] = {
        "topics/micro_f1": lambda w: ratio(2 * (w @ both), w @ there + w @ found),
        "topics/macro_f1": lambda w: _mean([f1(w) for f1 in f1s]),
        "topics/map": lambda w: _mean([ap(w) for ap in aps]),
        "topics/subset_accuracy": lambda w: ratio(w @ exact, w.sum()),
    }
    for f1, ap, column in zip(f1s, aps, evaluated, strict=True):
        topic, truth, said = results.topics[column], gold[:, column], assigned[:, column]
        scores |= {
            f"topics/f1/{topic}": f1,
            f"topics/precision/{topic}": lambda w, t=truth, s=said: ratio(w @ (t & s), w @ s),  # type: ignore[misc]
            f"topics/recall/{topic}": _where_any(truth, lambda w, t=truth, s=said: ratio(w @ (t & s), w @ t)),  # type: ignore[misc]
            f"topics/ap/{topic}": ap,
        }
    return scores


def stance_scores(results: StanceResults) -> dict[str, Score]:
    """F_avg is the mean F1 of favor and against (SemEval-2016 Task 6)."""
    gold, predicted = results.gold, results.predicted
    each = [_f1(gold == position, predicted == position) for position in range(len(STANCES))]
    scores: dict[str, Score] = {
        "stance/macro_f1": _macro_f1(gold, predicted),
        "stance/f_avg": lambda w: (each[0](w) + each[1](w)) / 2,
        "stance/accuracy": lambda w: ratio(w @ (gold == predicted), w.sum()),
    }
    scores |= {f"stance/f1/{stance}": f1 for stance, f1 in zip(STANCES, each, strict=True)}
    of_topic = np.array(results.topics)
    for topic in sorted(set(results.topics) - {""}):
        scores[f"stance/macro_f1_by_topic/{topic}"] = _macro_f1(gold, predicted, within=of_topic == topic)
    return scores


def joint_scores(results: JointResults) -> dict[str, Score]:
    there, found, right = results.there, results.found, results.right
    return {
        "joint/micro_f1": lambda w: ratio(2 * (w @ right), w @ there + w @ found),
        "joint/precision": lambda w: ratio(w @ right, w @ found),
        "joint/recall": lambda w: ratio(w @ right, w @ there),
    }


def ratio(above: float, below: float) -> float:
    """0 where there was nothing to find and nothing was found."""
    return float(above / below) if below > 0 else 0.0


def _mean(values: Sequence[float]) -> float:
    there = [value for value in values if not np.isnan(value)]
    return float(np.mean(there)) if there else float("nan")


def _where_any(gold: BoolArray, score: Score) -> Score:
    """The score, NaN where no positive counts."""
    there = gold.astype(np.float64)
    return lambda w: score(w) if w @ there > 0 else float("nan")


def _f1(gold: npt.NDArray[Any], predicted: npt.NDArray[Any]) -> Score:
    """F1 of a yes-no decision."""
    both, sizes = (gold & predicted).astype(np.float64), gold.astype(np.float64) + predicted
    return lambda w: ratio(2 * (w @ both), w @ sizes)


def _macro_f1(gold: Positions, predicted: Positions, within: BoolArray | None = None) -> Score:
    """Mean F1 of the stances that occur in gold or prediction."""
    kept = np.ones(len(gold), dtype=bool) if within is None else within
    both = np.array([(gold == s) & (predicted == s) & kept for s in range(3)], dtype=np.float64)
    sizes = np.array([((gold == s).astype(float) + (predicted == s)) * kept for s in range(3)])

    def score(w: Weights) -> float:
        below = sizes @ w
        there = below > 0
        return float((2 * (both @ w)[there] / below[there]).mean()) if there.any() else float("nan")

    return score


def _average_precision(gold: BoolArray, probabilities: FloatArray) -> Score:
    """Area under the precision–recall steps; NaN where no positive counts."""
    order = np.argsort(-probabilities, kind="stable")
    ranked, hit = probabilities[order], gold[order].astype(np.float64)
    # Rows of one probability cannot be told apart: precision is taken after the last of them.
    last = np.append(ranked[1:] != ranked[:-1], True)

    def score(w: Weights) -> float:
        weight = w[order]
        hits, seen = np.cumsum(weight * hit)[last], np.cumsum(weight)[last]
        if hits[-1] == 0:
            return float("nan")
        precision = np.divide(hits, seen, out=np.zeros_like(hits), where=seen > 0)
        return float((np.diff(hits, prepend=0.0) * precision).sum() / hits[-1])

    return score


def _topic_classes(results: TopicResults) -> list[dict[str, Any]]:
    return [
        _class("topic", topic, results.gold[:, column], results.assigned[:, column], results.probabilities[:, column])
        for column, topic in enumerate(results.topics)
    ]


def _stance_classes(results: StanceResults) -> list[dict[str, Any]]:
    return [
        _class("stance", stance, results.gold == s, results.predicted == s, results.probabilities[:, s])
        for s, stance in enumerate(STANCES)
    ]


def _class(task: str, name: str, gold: BoolArray, said: BoolArray, probabilities: FloatArray) -> dict[str, Any]:
    one = np.ones(len(gold))
    figures = {
        "precision": ratio((gold & said).sum(), said.sum()),
        "recall": ratio((gold & said).sum(), gold.sum()),
        "f1": _f1(gold, said)(one),
        "ap": _average_precision(gold, probabilities)(one),
    }
    rounded = {key: None if np.isnan(value) else round(value, 4) for key, value in figures.items()}
    return {"task": task, "class": name, "gold": int(gold.sum()), "found": int(said.sum())} | rounded


def _left_out(predictions: Sequence[Prediction]) -> dict[str, int]:
    """What the gold could not decide, by kind."""
    tied = sum(any(said.gold is None for said in p.topics.values()) for p in predictions)
    unsure = sum(stance.gold is None for p in predictions for stance in p.stances)
    counts = {"passages with a tied topic": tied, "targets whose stance is tied or not told": unsure}
    return {what: count for what, count in counts.items() if count}
