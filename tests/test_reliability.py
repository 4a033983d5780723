"""Calibration error and Brier score against values by hand."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from tests.test_evaluation import predicted, towns
from training.evaluation.predictions import Prediction
from training.evaluation.reliability import Reliability, stance_reliability, topic_reliability
from training.evaluation.results import stance_results, topic_results


def of_topics(*passages: Prediction) -> Reliability:
    results = topic_results(passages)
    assert results is not None
    return topic_reliability(results)


def test_the_calibration_error_is_the_mean_gap_of_probability_and_frequency() -> None:
    # Three labels at 0.85, of which two hold, and one at 0.15 that does not.
    measured = of_topics(
        predicted("a", {"tea": (True, 0.85), "rain": (True, 0.85)}),
        predicted("b", {"tea": (False, 0.85), "rain": (False, 0.15)}),
    )
    assert [(b.labels, b.positive) for b in measured.bins] == [(1, 0), (3, 2)]
    assert measured.ece == pytest.approx((1 * 0.15 + 3 * (0.85 - 2 / 3)) / 4)
    assert measured.brier == pytest.approx((3 * 0.15**2 + 0.85**2) / 4)


def test_probabilities_that_are_right_have_no_error() -> None:
    measured = of_topics(predicted("a", {"tea": (True, 1.0), "rain": (False, 0.0)}))
    assert (measured.ece, measured.brier) == (0, 0)


def test_a_set_without_gold_of_any_topic_has_a_calibration_error_too() -> None:
    assert of_topics(predicted("a", {"tea": (False, 0.25)})).ece == pytest.approx(0.25)


def test_the_brier_score_of_stance_is_half_the_sum_over_the_stances() -> None:
    # The predicted stance has 0.8, the others 0.1 each.
    results = stance_results([predicted("a", {}, {"tea": ("favor", "favor"), "rain": ("against", "favor")})])
    assert results is not None
    right, wrong = 0.2**2 + 2 * 0.1**2, 0.8**2 + 0.9**2 + 0.1**2
    assert stance_reliability(results).brier == pytest.approx((right + wrong) / 4)


@settings(deadline=None, max_examples=30)
@given(town=towns())
def test_both_are_proportions_and_every_label_is_in_a_bin(town: list[Prediction]) -> None:
    topics, stance = topic_results(town), stance_results(town)
    for measured, labels in (
        (topics and topic_reliability(topics), topics and topics.gold.size),
        (stance and stance_reliability(stance), stance and 3 * len(stance.gold)),
    ):
        if measured:
            assert sum(each.labels for each in measured.bins) == labels
            assert 0 <= measured.ece <= 1
            assert 0 <= measured.brier <= 1
