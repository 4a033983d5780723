"""Metrics over several seeds of a config."""

from __future__ import annotations

import numpy as np
import pytest

from tests.test_compare import GOOD, POOR, town
from training.evaluation.compare import compare, compare_seeds
from training.evaluation.metrics import evaluate
from training.evaluation.seeds import evaluate_seeds

SEEDS = [town(accuracy=accuracy, seed=seed) for seed, accuracy in enumerate((0.9, 0.8, 0.6), start=1)]


def test_seeds_that_change_nothing_leave_the_interval_as_it_is() -> None:
    alone, thrice = evaluate(GOOD, seed=1).metrics, evaluate_seeds([GOOD] * 3, seed=1)
    for name in ("topics/micro_f1", "stance/macro_f1", "topics/map"):
        assert tuple(thrice[name].interval) == pytest.approx(tuple(alone[name].interval), abs=0.002)
        assert thrice[name].spread == pytest.approx(0)
    (one,) = compare(POOR, GOOD, metrics=["joint/micro_f1"], seed=1)
    (same,) = compare_seeds([POOR] * 2, [GOOD] * 3, metrics=["joint/micro_f1"], seed=1)
    assert tuple(same.difference) == pytest.approx(tuple(one.difference), abs=0.002)


def test_the_variance_of_training_widens_the_interval_of_the_mean() -> None:
    metric = evaluate_seeds(SEEDS, seed=1)["topics/micro_f1"]
    values = [evaluate(run, seed=1).metrics["topics/micro_f1"].value for run in SEEDS]
    assert metric.value == pytest.approx(np.mean(values))
    assert metric.spread == pytest.approx(np.std(values, ddof=1))
    assert str(metric) == f"{np.mean(values):.3f} ± {np.std(values, ddof=1):.3f}"
    # Articles vary independently of seeds: the interval is at least as wide as the mean over seeds alone would make it.
    assert metric.interval.high - metric.interval.low > 2 * 1.96 * np.std(values, ddof=1) / np.sqrt(3) * 0.8


def test_a_config_whose_seeds_differ_much_is_not_clearly_better() -> None:
    best = compare(POOR, SEEDS[0], metrics=["topics/micro_f1"], seed=1)[0]
    lucky = compare_seeds([town(accuracy=0.72, seed=9)], SEEDS, metrics=["topics/micro_f1"], seed=1)[0]
    assert best.clear
    assert not lucky.clear


def test_two_configs_draw_their_seeds_independently() -> None:
    """Were the same seeds drawn for both, a config would not differ from itself in any draw."""
    (itself,) = compare_seeds(SEEDS, SEEDS, metrics=["topics/micro_f1"], seed=1)
    assert itself.difference.value == pytest.approx(0)
    assert itself.difference.low < -0.05
    assert itself.difference.high > 0.05
