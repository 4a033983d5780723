"""Whether one run is better than another: paired, by article, on the same gold."""

from __future__ import annotations

import random

import numpy as np
import pytest

from labels.bootstrap import draws, interval
from labels.codebook import STANCES, Stance
from labels.errors import DemarcheError
from tests.test_evaluation import Said, predicted
from training.evaluation.compare import compare
from training.evaluation.metrics import evaluate
from training.evaluation.predictions import Prediction


def town(*, right: float, seed: int = 1, passages: int = 120, tasks: str = "topics stance") -> list[Prediction]:
    """Passages of 40 articles; `right` is how often topic and stance are read rightly."""
    gold, said = random.Random(0), random.Random(seed)
    found = []
    for number in range(passages):
        topics: dict[str, Said] = {}
        stances: dict[str, tuple[Stance | None, Stance]] = {}
        tags: dict[str, Stance | None] = {}
        for topic in ("tea", "rain"):
            holds, stance = gold.random() < 0.5, gold.choice(STANCES)
            assigned = holds if said.random() < right else not holds
            read = stance if said.random() < right else said.choice(STANCES)
            topics[topic] = (holds, 0.9 if assigned else 0.1)
            if holds:
                stances[topic] = (stance, read)
            if assigned:
                tags[topic] = read
        found.append(
            predicted(
                f"p{number}",
                topics if "topics" in tasks else {},
                stances if "stance" in tasks else {},
                tags if "topics" in tasks else {},
                group=f"article {number % 40}",
            )
        )
    return found


GOOD, POOR = town(right=0.9), town(right=0.6, seed=2)


def test_a_run_is_no_better_than_itself() -> None:
    for found in compare(GOOD, GOOD, seed=1):
        assert found.difference == (0, 0, 0)
        assert not found.clear


def test_a_clearly_better_run_is_told_apart_on_all_three_headlines() -> None:
    found = compare(POOR, GOOD, seed=1)
    assert [one.metric for one in found] == ["topics/micro_f1", "stance/macro_f1", "joint/micro_f1"]
    assert all(one.clear and one.difference.low > 0 for one in found)


def test_the_figures_compared_are_those_of_judging() -> None:
    evaluated = [evaluate(run, seed=1).metrics for run in (POOR, GOOD)]
    for found in compare(POOR, GOOD, seed=1, metrics=["topics/map", "topics/f1/tea", "stance/macro_f1_by_topic/rain"]):
        assert (found.first, found.second) == tuple(run[found.metric].value for run in evaluated)
        assert found.difference.value == pytest.approx(found.second - found.first)


def test_turning_the_pair_round_turns_the_sign() -> None:
    for one, other in zip(compare(POOR, GOOD, seed=1), compare(GOOD, POOR, seed=1), strict=True):
        turned = (-other.difference.value, -other.difference.high, -other.difference.low)
        assert tuple(one.difference) == pytest.approx(turned)
        assert one.clear == other.clear


def test_the_order_of_either_runs_passages_changes_nothing() -> None:
    found = compare(POOR, GOOD, seed=1)
    for one, other in zip(found, compare(POOR[::-1], random.Random(3).sample(GOOD, len(GOOD)), seed=1), strict=True):
        assert tuple(one.difference) == pytest.approx(tuple(other.difference))


def test_pairing_narrows_the_interval_of_runs_that_err_alike() -> None:
    nearly = [*town(right=0.6, seed=2, passages=110), *GOOD[110:]]
    (found,) = compare(POOR, nearly, metrics=["topics/micro_f1"], seed=1)
    alone = evaluate(POOR, seed=1).metrics["topics/micro_f1"]
    assert found.difference.high - found.difference.low < (alone.high - alone.low) / 2


def test_only_passages_that_both_were_tested_on_count() -> None:
    (found,) = compare(POOR[:80], GOOD[40:], metrics=["topics/micro_f1"], seed=1)
    (same,) = compare(POOR[40:80], GOOD[40:80], metrics=["topics/micro_f1"], seed=1)
    assert found == same


def test_runs_without_a_common_passage_are_not_compared() -> None:
    with pytest.raises(DemarcheError, match="no test passage in common; train both with"):
        compare(POOR[:10], GOOD[10:], seed=1)


def test_a_run_of_topics_and_a_run_of_stance_have_no_figure_in_common() -> None:
    with pytest.raises(DemarcheError, match="one read topics, the other stance"):
        compare(town(right=1, tasks="topics"), town(right=1, tasks="stance"), seed=1)


def test_a_run_of_topics_alone_is_compared_on_topics_with_one_of_both() -> None:
    found = compare(town(right=0.6, tasks="topics"), GOOD, seed=1)
    assert [one.metric for one in found] == ["topics/micro_f1"]


@pytest.mark.parametrize("what", ["a topic", "a tie", "a stance", "another topic"])
def test_runs_on_other_gold_are_not_compared_and_the_passage_is_named(what: str) -> None:
    row = next(n for n, p in enumerate(GOOD) if p.topics["tea"].gold)
    passage = GOOD[row]
    said = passage.topics["tea"]
    changed = {
        "a topic": {"topics": {**passage.topics, "tea": said.model_copy(update={"gold": False})}},
        "a tie": {"topics": {**passage.topics, "tea": said.model_copy(update={"gold": None})}},
        "another topic": {"topics": {**passage.topics, "snow": said}},
        "a stance": {
            "stances": tuple(
                s.model_copy(update={"gold": "favor" if s.gold != "favor" else None}) for s in passage.stances
            )
        },
    }[what]
    relabelled = [*GOOD[:row], passage.model_copy(update=changed), *GOOD[row + 1 :]]
    for metrics in (["topics/micro_f1"], ["stance/macro_f1"], ["joint/micro_f1"]):
        with pytest.raises(DemarcheError, match=rf"gold differs, first at passage '{passage.passage}'"):
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
def test_a_figure_that_does_not_exist_is_not_passed_over(metric: str, hint: str) -> None:
    with pytest.raises(DemarcheError, match=f"no figure '{metric}' that both runs have; {hint}"):
        compare(POOR, GOOD, metrics=["topics/micro_f1", metric], seed=1)


def test_a_figure_that_exists_in_few_draws_or_none_is_compared_without_a_warning() -> None:
    empty = [predicted(f"p{n}", {"tea": (False, 0.1)}) for n in range(5)]
    (found,) = compare(empty, empty, metrics=["topics/macro_f1"], seed=1)
    assert np.isnan(found.difference).all()
    assert not found.clear
    once = [predicted(f"p{n}", {"tea": (n == 0, 0.1 + n / 10)}) for n in range(5)]
    (found,) = compare(once, once, metrics=["topics/map"], seed=1)
    assert found.difference == (0, 0, 0)


def test_two_articles_are_enough_to_compare_on() -> None:
    for found in compare(POOR[:2], GOOD[:2], metrics=["topics/micro_f1"], seed=1):
        assert -1 <= found.difference.low <= found.difference.high <= 1


def test_the_difference_of_a_figure_is_resampled_as_the_figure_is() -> None:
    """Against a run that is always right, the difference has the interval of the figure, turned."""
    perfect = town(right=1.0)
    (found,) = compare(perfect, POOR, metrics=["topics/subset_accuracy"], seed=5)
    weights = draws([p.group for p in POOR], seed=5)
    hit = [all(t.gold == t.assigned for t in p.topics.values()) for p in POOR]
    own = interval(lambda w: float(w @ hit / w.sum()), weights)
    assert tuple(found.difference) == pytest.approx((own.value - 1, own.low - 1, own.high - 1))
