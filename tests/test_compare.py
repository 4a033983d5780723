"""Paired comparison of two runs, by article, on the same gold."""

from __future__ import annotations

import random

import numpy as np
import pytest

from labels.bootstrap import Groups, interval
from labels.codebook import STANCES, Stance
from labels.errors import DemarcheError
from tests.test_evaluation import GoldAndProbability, predicted
from training.comparison.runs import Tested
from training.evaluation.compare import compare
from training.evaluation.metrics import evaluate
from training.evaluation.predictions import Prediction


def town(*, accuracy: float, seed: int = 1, passages: int = 120, tasks: str = "topics stance") -> list[Prediction]:
    """Passages of 40 articles; `accuracy` is how often topic and stance are predicted correctly."""
    gold, predictions = random.Random(0), random.Random(seed)
    town_ = []
    for number in range(passages):
        topics: dict[str, GoldAndProbability] = {}
        stances: dict[str, tuple[Stance | None, Stance]] = {}
        tags: dict[str, Stance | None] = {}
        for topic in ("tea", "rain"):
            holds, stance = gold.random() < 0.5, gold.choice(STANCES)
            assigned = holds if predictions.random() < accuracy else not holds
            predicted_stance = stance if predictions.random() < accuracy else predictions.choice(STANCES)
            topics[topic] = (holds, 0.9 if assigned else 0.1)
            if holds:
                stances[topic] = (stance, predicted_stance)
            if assigned:
                tags[topic] = predicted_stance
        town_.append(
            predicted(
                f"p{number}",
                topics if "topics" in tasks else {},
                stances if "stance" in tasks else {},
                tags if "topics" in tasks else {},
                group=f"article {number % 40}",
            )
        )
    return town_


GOOD, POOR = town(accuracy=0.9), town(accuracy=0.6, seed=2)


def test_a_run_does_not_differ_from_itself() -> None:
    for one in compare(GOOD, GOOD, seed=1):
        assert one.difference == (0, 0, 0)
        assert not one.clear


def test_a_clearly_better_run_differs_on_all_three_headlines() -> None:
    differences = compare(POOR, GOOD, seed=1)
    assert [one.metric for one in differences] == ["topics/micro_f1", "stance/macro_f1", "joint/micro_f1"]
    assert all(one.clear and one.difference.low > 0 for one in differences)


def test_the_compared_metrics_are_those_of_the_evaluation() -> None:
    evaluated = [evaluate(run, seed=1).metrics for run in (POOR, GOOD)]
    for one in compare(POOR, GOOD, seed=1, metrics=["topics/map", "topics/f1/tea", "stance/macro_f1_by_topic/rain"]):
        assert (one.first, one.second) == tuple(run[one.metric].value for run in evaluated)
        assert one.difference.value == pytest.approx(one.second - one.first)


def test_swapping_the_runs_changes_the_sign() -> None:
    for one, other in zip(compare(POOR, GOOD, seed=1), compare(GOOD, POOR, seed=1), strict=True):
        swapped = (-other.difference.value, -other.difference.high, -other.difference.low)
        assert tuple(one.difference) == pytest.approx(swapped)
        assert one.clear == other.clear


def test_the_order_of_either_runs_passages_changes_nothing() -> None:
    differences = compare(POOR, GOOD, seed=1)
    for one, other in zip(
        differences, compare(POOR[::-1], random.Random(3).sample(GOOD, len(GOOD)), seed=1), strict=True
    ):
        assert tuple(one.difference) == pytest.approx(tuple(other.difference))


def test_pairing_narrows_the_interval_of_runs_with_the_same_errors() -> None:
    nearly = [*town(accuracy=0.6, seed=2, passages=110), *GOOD[110:]]
    (one,) = compare(POOR, nearly, metrics=["topics/micro_f1"], seed=1)
    alone = evaluate(POOR, seed=1).metrics["topics/micro_f1"].interval
    assert one.difference.high - one.difference.low < (alone.high - alone.low) / 2


def test_runs_that_were_tested_on_different_passages_are_refused_and_the_passages_named() -> None:
    with pytest.raises(DemarcheError, match=r"1 only by the first \('p9'\), 116 only by the second \('p10', .*--on"):
        compare([*POOR[:3], POOR[9]], [*GOOD[:9], *GOOD[10:]], seed=1)
    retold = [GOOD[0].model_copy(update={"text": "another text"}), *GOOD[1:]]
    with pytest.raises(DemarcheError, match="the text of 1 test passage differs between the runs: 'p0'"):
        compare(POOR, retold, seed=1)


def test_a_run_of_topics_and_a_run_of_stance_have_no_metric_in_common() -> None:
    with pytest.raises(DemarcheError, match="one predicts topics, the other stance"):
        compare(town(accuracy=1, tasks="topics"), town(accuracy=1, tasks="stance"), seed=1)


def test_a_run_of_topics_is_compared_on_topics_with_a_run_of_both_tasks() -> None:
    differences = compare(town(accuracy=0.6, tasks="topics"), GOOD, seed=1)
    assert [one.metric for one in differences] == ["topics/micro_f1"]


@pytest.mark.parametrize("change", ["a topic", "a tie", "a stance", "another topic", "another target"])
def test_runs_on_different_gold_are_refused_and_the_passage_is_reported(change: str) -> None:
    row = next(n for n, p in enumerate(GOOD) if p.topics["tea"].gold)
    passage = GOOD[row]
    tea = passage.topics["tea"]
    changed = {
        "a topic": {"topics": {**passage.topics, "tea": tea.model_copy(update={"gold": False})}},
        "a tie": {"topics": {**passage.topics, "tea": tea.model_copy(update={"gold": None})}},
        "another topic": {"topics": {**passage.topics, "snow": tea}},
        "another target": {
            "stances": tuple(s.model_copy(update={"topic": None, "target": "coffee"}) for s in passage.stances)
        },
        "a stance": {
            "stances": tuple(
                s.model_copy(update={"gold": "favor" if s.gold != "favor" else None}) for s in passage.stances
            )
        },
    }[change]
    relabelled = [*GOOD[:row], passage.model_copy(update=changed), *GOOD[row + 1 :]]
    for metrics in (["topics/micro_f1"], ["stance/macro_f1"], ["joint/micro_f1"]):
        with pytest.raises(DemarcheError, match=rf"the gold of 1 test passage differs .*: '{passage.passage}'"):
            compare(POOR, relabelled, metrics=metrics, seed=1)


@pytest.mark.parametrize(
    ("metric", "hint"),
    [
        ("topics/mpa", "did you mean 'topics/map'"),
        ("test/topics/map", "did you mean 'topics/map'"),
        ("topics/f1/snow", "did you mean"),
        ("", "known: "),
    ],
)
def test_an_unknown_metric_is_refused(metric: str, hint: str) -> None:
    with pytest.raises(DemarcheError, match=f"no metric '{metric}' that both runs have; {hint}"):
        compare(POOR, GOOD, metrics=["topics/micro_f1", metric], seed=1)


def test_a_metric_that_exists_in_few_draws_or_none_is_compared_without_a_warning() -> None:
    empty = [predicted(f"p{n}", {"tea": (False, 0.1)}) for n in range(5)]
    (one,) = compare(empty, empty, metrics=["topics/macro_f1"], seed=1)
    assert np.isnan(one.difference).all()
    assert not one.clear
    once = [predicted(f"p{n}", {"tea": (n == 0, 0.1 + n / 10)}) for n in range(5)]
    (one,) = compare(once, once, metrics=["topics/map"], seed=1)
    assert one.difference == (0, 0, 0)


@pytest.mark.parametrize(("passages", "is_enough"), [(1, False), (29, False), (30, True)])
def test_there_is_no_verdict_on_fewer_than_30_passages(passages: int, is_enough: bool) -> None:
    wrong = town(accuracy=0.0)[:passages]
    for one in compare(wrong, town(accuracy=1.0)[:passages], metrics=["topics/micro_f1"], seed=1):
        assert one.passages == passages
        assert one.difference.low > 0
        assert one.clear == is_enough
        assert Tested(one, 0.0).verdict == ("better" if is_enough else "too few passages to tell")


def test_there_is_no_verdict_on_many_passages_of_few_articles() -> None:
    runs = [[one.model_copy(update={"group": "one"}) for one in town(accuracy=accuracy)] for accuracy in (0.0, 1.0)]
    for one in compare(*runs, metrics=["topics/micro_f1"], seed=1):
        assert (one.passages, one.articles) == (120, 1)
        assert not one.clear
        assert Tested(one, 0.0).verdict == "too few articles to tell"


def test_the_passages_of_a_metric_are_those_that_have_gold_for_it() -> None:
    bare = [one.model_copy(update={"stances": ()}) for one in GOOD[10:]]
    topics, stance, joint = compare([*POOR[:10], *bare], [*GOOD[:10], *bare], seed=1)
    assert topics.passages == 120
    assert stance.passages <= 10
    assert Tested(stance, 0.0).verdict == "too few passages to tell"
    assert joint.passages < 120


def test_several_targets_of_a_passage_are_one_passage() -> None:
    several = [one for one in GOOD if len(one.stances) == 2][:20]
    run = [one if one in several else one.model_copy(update={"stances": ()}) for one in GOOD]
    (stance, tea) = compare(run, run, metrics=["stance/macro_f1", "stance/macro_f1_by_topic/tea"], seed=1)
    assert (stance.passages, tea.passages) == (20, 20)
    assert Tested(stance, 0.0).verdict == "too few passages to tell"


def test_there_is_no_verdict_on_a_class_that_one_article_has() -> None:
    """Every draw with the article has the same difference: an interval would have no width."""
    runs = [
        [
            predicted(f"p{n}", {"tea": (n < 12, 0.9 if n < found else 0.1)}, group="one" if n < 12 else f"a{n % 40}")
            for n in range(120)
        ]
        for found in (3, 12)
    ]
    (recall,) = compare(*runs, metrics=["topics/recall/tea"], seed=1)
    assert not recall.is_enough
    assert Tested(recall, 0.0).verdict == "too few gold cases to tell"


def test_two_articles_are_enough_to_compare_on() -> None:
    for one in compare(POOR[:2], GOOD[:2], metrics=["topics/micro_f1"], seed=1):
        assert -1 <= one.difference.low <= one.difference.high <= 1


def test_a_difference_is_resampled_as_its_metric() -> None:
    """The difference to a perfect run has the interval of the metric, less 1."""
    perfect = town(accuracy=1.0)
    (one,) = compare(perfect, POOR, metrics=["topics/subset_accuracy"], seed=5)
    groups = Groups([p.group for p in POOR])
    exact = groups.sums(np.array([all(t.gold == t.assigned for t in p.topics.values()) for p in POOR]))
    sizes = groups.sums(np.ones(len(POOR)))
    own = interval(lambda w: w @ exact / (w @ sizes), groups, seed=5)
    assert tuple(one.difference) == pytest.approx((own.value - 1, own.low - 1, own.high - 1))
