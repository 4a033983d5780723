"""Resampling by article."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labels.bootstrap import Interval, draws, interval

units_of_rows = st.lists(st.sampled_from(["a", "b", "ä", "ab", " a", "文", "a\u0301"]), min_size=1, max_size=20)


@settings(deadline=None)
@given(units=units_of_rows, seed=st.integers(0, 1000))
def test_rows_of_an_article_are_drawn_together_and_as_many_articles_as_there_are(units: list[str], seed: int) -> None:
    found = draws(units, seed=seed, resamples=20)
    assert found.shape == (20, len(units))
    first = {unit: units.index(unit) for unit in units}
    for row, unit in enumerate(units):
        np.testing.assert_array_equal(found[:, row], found[:, first[unit]])
    assert (found[:, list(first.values())].sum(axis=1) == len(first)).all()


@settings(deadline=None)
@given(units=units_of_rows, shuffle=st.integers(0, 1000))
def test_the_order_of_rows_decides_no_draw(units: list[str], shuffle: int) -> None:
    order = random.Random(shuffle).sample(range(len(units)), len(units))
    found = draws(units, seed=7, resamples=10)
    np.testing.assert_array_equal(draws([units[row] for row in order], seed=7, resamples=10), found[:, order])


def test_the_same_seed_draws_the_same_and_another_does_not() -> None:
    units = [f"a{n}" for n in range(30)]
    assert (draws(units, seed=1) == draws(units, seed=1)).all()
    assert (draws(units, seed=1) != draws(units, seed=2)).any()


def test_the_interval_of_a_mean_is_as_wide_as_the_normal_one() -> None:
    values = np.random.default_rng(1).normal(size=400)
    found = interval(lambda w: float(w @ values / w.sum()), draws([f"a{n}" for n in range(400)], seed=1))
    half = 1.96 * values.std() / np.sqrt(len(values))
    assert found.value == pytest.approx(values.mean())
    assert found.low == pytest.approx(values.mean() - half, abs=half / 6)
    assert found.high == pytest.approx(values.mean() + half, abs=half / 6)


def test_passages_that_go_together_make_the_interval_wider() -> None:
    """Ten copies of each of 40 articles know no more than the 40."""
    values = np.repeat(np.random.default_rng(1).normal(size=40), 10)

    def score(w: np.ndarray) -> float:
        return float(w @ values / w.sum())

    by_article = interval(score, draws([f"a{n // 10}" for n in range(400)], seed=1))
    by_passage = interval(score, draws([f"p{n}" for n in range(400)], seed=1))
    assert by_article.high - by_article.low > 2.5 * (by_passage.high - by_passage.low)


def test_draws_in_which_a_score_does_not_exist_are_left_out() -> None:
    units = ["a", "b", "c"]
    found = interval(lambda w: float("nan") if w[0] == 0 else float(w[0]), draws(units, seed=1))
    assert found.value == 1
    assert 1 <= found.low <= found.high <= 3


def test_a_score_that_never_exists_has_an_interval_of_nothing() -> None:
    assert np.isnan(interval(lambda _: float("nan"), draws(["a", "b"], seed=1))).all()


def test_a_single_article_leaves_nothing_to_vary() -> None:
    assert interval(lambda w: float(w.sum()), draws(["a"] * 5, seed=1)) == Interval(5, 5, 5)


def test_an_interval_reads_as_value_and_bounds() -> None:
    assert str(Interval(0.5, 0.25, 1)) == "0.500 [0.250, 1.000]"
