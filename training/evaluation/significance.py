"""P-values of the difference of two models, by approximate randomisation, and their correction for several tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from models.examples import FloatArray
from training.evaluation.metrics import Metric, metrics_by_name
from training.evaluation.predictions import Prediction

SHUFFLES = 2000
_BLOCK = 100
_EQUAL = 1e-12
"""Differences that rounding alone sets apart count as equal."""


def p_values(
    first: Sequence[Prediction], second: Sequence[Prediction], metrics: Sequence[str], *, seed: int
) -> dict[str, float]:
    """Return the two-sided p-value of each metric's difference (Noreen 1989; Yeh 2000).

    If the models were equally good, it would not matter which of them made the predictions for an article. So these are
    exchanged for a random half of the articles, again and again, and the p-value is the share of exchanges with a
    difference at least as large as that observed. Both must have the metrics, and the same passages in the same order.
    """
    # Both runs as one: its articles are those of the first, then those of the second, in the same order.
    both = metrics_by_name([*_marked(first, "0"), *_marked(second, "1")], seed=seed)
    return {name: _p_value(both[name], seed=seed) for name in metrics}


def _marked(predictions: Sequence[Prediction], mark: str) -> list[Prediction]:
    return [each.model_copy(update={"group": mark + each.group}) for each in predictions]


def _p_value(both: Metric, *, seed: int) -> float:
    articles = both.groups.count // 2
    rng = np.random.default_rng(seed)
    observed = abs(_differences(both, np.ones((1, articles)))[0])
    if np.isnan(observed):
        return float("nan")
    as_large = 0
    for start in range(0, SHUFFLES, _BLOCK):
        kept = rng.integers(2, size=(min(_BLOCK, SHUFFLES - start), articles)).astype(np.float64)
        as_large += int(np.sum(np.abs(_differences(both, kept)) >= observed - _EQUAL))
    # The observed assignment is one of those that are possible.
    return (as_large + 1) / (SHUFFLES + 1)


def _differences(both: Metric, kept: FloatArray) -> FloatArray:
    """Return the second model's score minus the first's where the articles that are not kept are exchanged."""
    return both.score(np.hstack([1 - kept, kept])) - both.score(np.hstack([kept, 1 - kept]))


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Return p-values corrected for their number (Holm 1979), the smallest first; NaN stays NaN and does not count."""
    undefined = {name: p for name, p in p_values.items() if np.isnan(p)}
    p_values = {name: p for name, p in p_values.items() if name not in undefined}
    corrected: dict[str, float] = {}
    highest = 0.0
    for rank, (name, p) in enumerate(sorted(p_values.items(), key=lambda item: item[1])):
        highest = max(highest, min(1.0, p * (len(p_values) - rank)))
        corrected[name] = highest
    return corrected | undefined
