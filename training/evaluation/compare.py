"""Compare two models on the passages that both were tested on."""

from __future__ import annotations

from collections.abc import Sequence, Sized
from dataclasses import dataclass

from labels.bootstrap import Interval
from labels.codebook import Stance
from labels.errors import DemarcheError, suggest
from labels.passages import Span
from labels.wording import counted
from training.evaluation.metrics import FEWEST_ARTICLES, HEADLINES, Metric
from training.evaluation.predictions import Prediction
from training.evaluation.results import measured
from training.evaluation.seeds import Runs, SeedsMetric, evaluate_seeds

FEWEST_PASSAGES = 30
_SHOWN = 5
_WAY_OUT = "evaluate both on the same passages (`demarche runs compare … --on PASSAGES ANNOTATIONS`)"


@dataclass(frozen=True)
class Difference:
    """The metric of the second run minus that of the first, the reference run, with its 95 % interval.

    `passages` and `articles` are those that the metric is computed on. The bounds are NaN if the gold has too few cases
    of the class that the metric is about.
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
        return self.passages >= FEWEST_PASSAGES and self.articles >= FEWEST_ARTICLES and self.difference.has_bounds

    @property
    def clear(self) -> bool:
        """Whether the interval excludes zero, on enough passages."""
        return self.is_enough and (self.difference.low > 0 or self.difference.high < 0)


def compare(
    first: Sequence[Prediction], second: Sequence[Prediction], *, metrics: Sequence[str] = HEADLINES, seed: int
) -> list[Difference]:
    """Compare metrics with a paired bootstrap by article (Efron and Tibshirani 1993).

    Raises DemarcheError if the runs were tested on different passages or differ in their gold.
    """
    return compare_seeds([first], [second], metrics=metrics, seed=seed)


def compare_seeds(first: Runs, second: Runs, *, metrics: Sequence[str] = HEADLINES, seed: int) -> list[Difference]:
    """Compare the mean metrics of two configs, each trained with one or several seeds.

    Articles are drawn once for all runs (paired), and for each config with several seeds, as many of its runs are drawn
    too, so that the interval covers the variance of training: the multi-bootstrap (Sellam et al. 2022).
    """
    like = first[0]
    first, second = in_order(first, like=like), in_order(second, like=like)
    one, other = evaluate_seeds(first, seed=seed), evaluate_seeds(second, seed=seed, stream=1)
    shared = one.keys() & other.keys()
    for metric in metrics:
        if shared and metric not in shared and metric not in HEADLINES:
            raise DemarcheError(f"no metric {metric!r} that both runs have{suggest(metric, shared)}")
    differences = [_difference(metric, one[metric], other[metric], first[0]) for metric in metrics if metric in shared]
    if not differences:
        raise DemarcheError("the runs have no metric in common: one predicts topics, the other stance")
    return differences


def _difference(name: str, first: SeedsMetric, second: SeedsMetric, predictions: Sequence[Prediction]) -> Difference:
    _check_same_rows(name, first.runs[0], second.runs[0])
    difference = second.resampled - first.resampled
    bounds = (
        difference.interval() if first.runs[0].is_enough else Interval(difference.value, float("nan"), float("nan"))
    )
    passages = measured(name, predictions)
    articles = len({passage.group for passage in passages})
    return Difference(name, first.value, second.value, bounds, len(passages), articles)


def _check_same_rows(name: str, first: Metric, second: Metric) -> None:
    if first.groups.of_rows != second.groups.of_rows:
        raise DemarcheError(f"the runs' gold differs for {name}; {_WAY_OUT}")


def in_order(runs: Runs, *, like: Sequence[Prediction]) -> Runs:
    """Return the predictions of each run in the order of another run, after a check that the gold is the same."""
    ordered = []
    for run in runs:
        check_same_gold(like, run)
        by_passage = {prediction.passage: prediction for prediction in run}
        ordered.append([by_passage[prediction.passage] for prediction in like])
    return ordered


def check_same_gold(first: Sequence[Prediction], second: Sequence[Prediction]) -> None:
    """Raise DemarcheError if two runs were tested on different passages or gold labels; it names some of them."""
    one, other = ({prediction.passage: prediction for prediction in run} for run in (first, second))
    only = [
        (whose, sorted(ids)) for whose, ids in (("first", one.keys() - other), ("second", other.keys() - one)) if ids
    ]
    if only:
        named = ", ".join(f"{len(ids)} only by the {whose} ({_listed(ids)})" for whose, ids in only)
        both = len(one.keys() & other.keys())
        raise DemarcheError(f"the runs were not tested on the same passages: {named}, {both} by both; {_WAY_OUT}")
    for what, differ in (("text", lambda a, b: a.text != b.text), ("gold", _gold_differs)):
        ids = [id for id, prediction in one.items() if differ(prediction, other[id])]
        if ids:
            passages = counted(len(ids), "test passage")
            verb = "differs" if len(ids) == 1 else "differ"
            raise DemarcheError(f"the {what} of {passages} {verb} between the runs: {_listed(ids)}; {_WAY_OUT}")


def gold_conflicts(first: Sequence[Prediction], second: Sequence[Prediction]) -> bool:
    """Return whether two runs were tested on different passages or gold labels."""
    try:
        check_same_gold(first, second)
    except DemarcheError:
        return True
    return False


def _listed(ids: Sequence[str]) -> str:
    return ", ".join(map(repr, ids[:_SHOWN])) + (", …" if len(ids) > _SHOWN else "")


def _gold_differs(one: Prediction, other: Prediction) -> bool:
    return _differ(_topic_gold(one), _topic_gold(other)) or _differ(_stance_gold(one), _stance_gold(other))


def _differ(one: Sized, other: Sized) -> bool:
    """Return whether the gold labels of two runs differ; a run that does not predict a task has no gold for it."""
    return bool(one and other) and one != other


def _topic_gold(prediction: Prediction) -> dict[str, bool | None]:
    return {topic: predicted.gold for topic, predicted in prediction.topics.items()}


def _stance_gold(prediction: Prediction) -> dict[tuple[str | None, str | None, Span | None], Stance | None]:
    return {(stance.topic, stance.target, stance.target_span): stance.gold for stance in prediction.stances}
