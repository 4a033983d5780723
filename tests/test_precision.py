"""How many more articles make an interval as narrow as wanted."""

from __future__ import annotations

import pytest

from labels.errors import DemarcheError
from tests.test_compare import town
from training.evaluation.metrics import metrics_by_name
from training.evaluation.precision import half_width_of, precision

METRIC = "topics/micro_f1"


def test_four_times_the_articles_halve_the_interval() -> None:
    metric = metrics_by_name(town(accuracy=0.8, passages=240), seed=1)[METRIC]
    one, four = (half_width_of(metric, factor * metric.groups.count, seed=1) for factor in (1, 4))
    assert four / one == pytest.approx(0.5, rel=0.1)


@pytest.mark.parametrize("metric", [METRIC, "stance/macro_f1"])
def test_the_articles_that_are_forecast_give_the_interval_asked_for(metric: str) -> None:
    predictions = town(accuracy=0.8, passages=240)
    half_width = precision(predictions, metric, within=0.05, seed=1).size.half_width
    within = half_width / 2
    result = precision(predictions, metric, within=within, seed=1)
    assert result.wanted.half_width == pytest.approx(within, rel=0.05)
    assert result.wanted.articles == pytest.approx(4 * result.size.articles, rel=0.25)
    assert result.wanted.passages / result.wanted.articles == pytest.approx(
        result.size.passages / result.size.articles, rel=0.05
    )
    assert not result.is_reached
    assert precision(predictions, metric, within=2 * half_width, seed=1).is_reached


def test_a_forecast_of_a_third_of_the_articles_comes_near_the_width_of_all() -> None:
    everything = town(accuracy=0.8, passages=900)
    groups = sorted({each.group for each in everything})
    third = [each for each in everything if each.group in set(groups[::3])]
    actual = precision(everything, METRIC, within=0.05, seed=1).size
    forecast = precision(third, METRIC, within=actual.half_width, seed=1).wanted
    assert forecast.articles == pytest.approx(actual.articles, rel=0.4)


def test_what_cannot_be_forecast_is_refused() -> None:
    predictions = town(accuracy=0.8)
    with pytest.raises(DemarcheError, match="no metric 'topics/micro_f2' on test; did you mean 'topics/micro_f1'"):
        precision(predictions, "topics/micro_f2", within=0.05, seed=1)
    with pytest.raises(DemarcheError, match="too few gold cases"):
        precision(predictions[:6], "topics/f1/tea", within=0.05, seed=1)
    with pytest.raises(DemarcheError, match=r"every draw of articles gives 1\.000"):
        precision(town(accuracy=1.0), METRIC, within=0.05, seed=1)
