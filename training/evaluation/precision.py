"""How precisely a metric is known, and how many more articles would have to be read to know it better."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from labels.bootstrap import RESAMPLES, Interval
from labels.errors import DemarcheError, suggest
from training.evaluation.metrics import FEWEST_ARTICLES, FEWEST_CASES, Metric, metrics_by_name
from training.evaluation.predictions import Prediction
from training.evaluation.results import measured

_BLOCK = 50
"""Number of draws scored together."""
_STEPS = 6
_TOLERANCE = 0.01


class Size(NamedTuple):
    """A number of articles and of their passages, with half of the width of the 95 % interval that they give."""

    articles: int
    passages: int
    half_width: float


@dataclass(frozen=True)
class Precision:
    """A metric on test with its interval, the size of test, and the size that gives the width asked for.

    The articles are those of test, whether or not they have gold for the metric: an article that is drawn at random may
    have none, too.
    """

    metric: str
    now: Interval
    size: Size
    wanted: Size

    @property
    def is_reached(self) -> bool:
        return self.wanted.articles <= self.size.articles


def precision(predictions: Sequence[Prediction], metric: str, *, within: float, seed: int) -> Precision:
    """Forecast how many articles like those of test give a metric to ± `within` with 95 % confidence.

    The forecast resamples more articles than there are, with replacement. Raises DemarcheError for a metric that the run
    does not have, or that has too few gold cases for an interval.
    """
    known = metrics_by_name(predictions, seed=seed)
    if metric not in known:
        raise DemarcheError(f"the run has no metric {metric!r} on test{suggest(metric, known)}")
    of = known[metric]
    if not of.interval.has_bounds:
        raise DemarcheError(
            f"{metric}: test has too few gold cases for an interval, so nothing can be forecast; first label more passages "
            f"until {FEWEST_CASES} of them in {FEWEST_ARTICLES} articles have the class"
        )
    articles = len({prediction.group for prediction in predictions})
    # Not every article has gold for the metric.
    share = len({each.group for each in measured(metric, predictions)}) / articles
    now = (of.interval.high - of.interval.low) / 2
    if not now:
        raise DemarcheError(f"{metric}: every draw of articles gives {of.value:.3f}, so nothing can be forecast")

    def size(with_gold: float, half_width: float) -> Size:
        wanted = math.ceil(with_gold / share)
        return Size(wanted, math.ceil(wanted * len(predictions) / articles), half_width)

    count, half_width = _enough(of, now, within, seed=seed)
    return Precision(metric, of.interval, Size(articles, len(predictions), now), size(count, half_width))


def half_width_of(metric: Metric, articles: int, *, seed: int) -> float:
    """Return half of the width of the percentile interval of so many articles, drawn with replacement."""
    rng = np.random.default_rng(seed)
    chances = np.full(metric.groups.count, 1 / metric.groups.count)
    scores = np.concatenate(
        [
            metric.score(rng.multinomial(articles, chances, size=_BLOCK).astype(float))
            for _ in range(RESAMPLES // _BLOCK)
        ]
    )
    low, high = np.nanquantile(scores, (0.025, 0.975))
    return float(high - low) / 2


def _enough(metric: Metric, now: float, within: float, *, seed: int) -> tuple[int, float]:
    """Return the number of articles with gold that gives the width, and the width.

    The interval of a metric is not that of its percentiles alone, so only their ratio is forecast.
    """
    here = half_width_of(metric, metric.groups.count, seed=seed)
    count, width = metric.groups.count, now
    for _ in range(_STEPS):
        if abs(width / within - 1) <= _TOLERANCE:
            break
        count = max(math.ceil(count * (width / within) ** 2), 2)
        width = now * half_width_of(metric, count, seed=seed) / here
    return count, width
