"""P-values by approximate randomisation, and their correction."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from tests.test_compare import GOOD, POOR, town
from training.evaluation.metrics import metrics_by_name
from training.evaluation.predictions import Prediction
from training.evaluation.significance import holm, p_values

METRICS = ["topics/micro_f1", "topics/map", "stance/macro_f1", "joint/micro_f1", "topics/f1/tea"]


def test_a_run_compared_with_itself_has_a_p_value_of_one() -> None:
    assert p_values(GOOD, GOOD, METRICS, seed=1) == dict.fromkeys(METRICS, 1.0)


def test_runs_whose_codebooks_list_the_topics_in_another_order_are_compared_topic_by_topic() -> None:
    reordered = [each.model_copy(update={"topics": dict(reversed(each.topics.items()))}) for each in POOR]
    assert p_values(POOR, reordered, METRICS, seed=1) == dict.fromkeys(METRICS, 1.0)


def test_a_clearly_better_run_has_a_small_p_value_in_either_order() -> None:
    one, other = p_values(POOR, GOOD, METRICS, seed=1), p_values(GOOD, POOR, METRICS, seed=1)
    assert all(p < 0.01 for p in one.values())
    assert one == pytest.approx(other, abs=0.005)


def test_the_p_value_is_that_of_all_exchanges_of_articles() -> None:
    """With six articles, the runs that result from each of the 64 exchanges can be scored one by one."""
    first, second = (
        [one.model_copy(update={"group": f"article {n % 6}"}) for n, one in enumerate(run)]
        for run in (town(accuracy=0.75, passages=24), town(accuracy=0.65, seed=2, passages=24))
    )
    articles = [f"article {n}" for n in range(6)]
    differences: dict[str, list[float]] = {name: [] for name in METRICS}
    for kept in product((True, False), repeat=6):
        stays = dict(zip(articles, kept, strict=True))
        pairs = [(a, b) if stays[a.group] else (b, a) for a, b in zip(first, second, strict=True)]
        one, other = (_values([pair[side] for pair in pairs]) for side in (0, 1))
        for name in METRICS:
            differences[name].append(abs(other[name] - one[name]))
    estimated = p_values(first, second, METRICS, seed=1)
    exact = {name: np.mean(np.array(values) >= values[0] - 1e-12) for name, values in differences.items()}
    assert estimated == pytest.approx(exact, abs=0.04)
    assert min(exact.values()) < 0.7


def _values(run: list[Prediction]) -> dict[str, float]:
    return {name: metric.value for name, metric in metrics_by_name(run, seed=1).items()}


def test_p_values_of_several_topics_are_corrected_by_holm() -> None:
    corrected = holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005, "e": float("nan")})
    assert corrected == pytest.approx({"d": 0.02, "a": 0.03, "c": 0.06, "b": 0.06, "e": float("nan")}, nan_ok=True)
    assert holm({"a": 0.5, "b": 0.9}) == {"a": 1.0, "b": 1.0}
