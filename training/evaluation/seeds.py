"""Metrics of a config that was trained with several seeds: their mean, its interval and their spread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from labels.bootstrap import Interval, Resampled, mean_over_runs
from labels.errors import DemarcheError
from training.evaluation.metrics import Metric, metrics_by_name
from training.evaluation.predictions import Prediction

Runs = Sequence[Sequence[Prediction]]
"""The predictions of a config on the same passages: one list for each seed that it was trained with."""


@dataclass(frozen=True)
class SeedsMetric:
    """A metric of runs that differ in their seed only. Two configs that are compared draw their runs from two streams."""

    runs: Sequence[Metric]
    stream: int = 0

    @property
    def value(self) -> float:
        """The mean over the seeds."""
        return float(np.mean([run.value for run in self.runs]))

    @property
    def spread(self) -> float:
        """The standard deviation over the seeds; NaN for a single one."""
        return float(np.std([run.value for run in self.runs], ddof=1)) if len(self.runs) > 1 else float("nan")

    @cached_property
    def resampled(self) -> Resampled:
        """The mean over the seeds, resampled by article and by seed."""
        rng = np.random.default_rng([self.runs[0].seed, self.stream])
        return mean_over_runs([run.resampled for run in self.runs], rng)

    @property
    def interval(self) -> Interval:
        """The 95 % interval of the mean, over articles and seeds."""
        if not self.runs[0].is_enough:
            return Interval(self.value, float("nan"), float("nan"))
        return self.resampled.interval()

    def __str__(self) -> str:
        return f"{self.value:.3f}" + ("" if np.isnan(self.spread) else f" ± {self.spread:.3f}")


def evaluate_seeds(runs: Runs, *, seed: int, stream: int = 0) -> dict[str, SeedsMetric]:
    """Return the metrics that all runs of a config have; `seed` is that of the bootstrap."""
    by_run = [metrics_by_name(predictions, seed=seed) for predictions in runs]
    first, *others = by_run
    metrics = {}
    for name, metric in first.items():
        same = [metric, *(other[name] for other in others if name in other)]
        if len(same) < len(by_run):
            continue
        if any(each.groups.of_rows != metric.groups.of_rows for each in same):
            raise DemarcheError(f"the runs of one config differ in their gold for {name}; train it again with --seeds")
        metrics[name] = SeedsMetric(same, stream)
    return metrics
