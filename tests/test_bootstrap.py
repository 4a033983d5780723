"""Bootstrap intervals by article."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labels.bootstrap import RESAMPLES, Draws, Groups, Interval, Score, Weights, interval
from tests.test_evaluation import TOWN, towns
from training.evaluation.metrics import evaluate, metrics_by_name
from training.evaluation.predictions import Prediction

groups_of_rows = st.lists(st.sampled_from(["a", "b", "ä", "ab", " a", "文", "a\u0301"]), min_size=1, max_size=20)


def draws(of_rows: list[str], *, seed: int, resamples: int = RESAMPLES) -> Draws:
    """The weight of each row when whole groups are drawn with replacement, (resamples, rows)."""
    groups = Groups(of_rows)
    return groups.draws(seed=seed, resamples=resamples)[:, groups.positions]


def each_its_own(count: int) -> Groups:
    return Groups([f"a{n:04}" for n in range(count)])


def one_by_one(score: Score) -> Score:
    return lambda w: np.array([score(draw[np.newaxis])[0] for draw in w])


@settings(deadline=None)
@given(groups=groups_of_rows, seed=st.integers(0, 1000))
def test_rows_of_an_article_are_drawn_together_and_as_many_articles_as_there_are(groups: list[str], seed: int) -> None:
    drawn = draws(groups, seed=seed, resamples=20)
    assert drawn.shape == (20, len(groups))
    first = {group: groups.index(group) for group in groups}
    for row, group in enumerate(groups):
        np.testing.assert_array_equal(drawn[:, row], drawn[:, first[group]])
    assert (drawn[:, list(first.values())].sum(axis=1) == len(first)).all()


@settings(deadline=None)
@given(groups=groups_of_rows, shuffle=st.integers(0, 1000))
def test_the_order_of_rows_does_not_change_the_draws(groups: list[str], shuffle: int) -> None:
    order = random.Random(shuffle).sample(range(len(groups)), len(groups))
    drawn = draws(groups, seed=7, resamples=10)
    np.testing.assert_array_equal(draws([groups[row] for row in order], seed=7, resamples=10), drawn[:, order])


@settings(deadline=None)
@given(groups=groups_of_rows, seed=st.integers(0, 1000))
def test_weighted_sums_by_group_equal_weighted_sums_of_rows(groups: list[str], seed: int) -> None:
    rows = np.random.default_rng(seed).integers(0, 5, (len(groups), 2))
    of_rows = Groups(groups)
    by_group = of_rows.draws(seed=seed, resamples=20).astype(float) @ of_rows.sums(rows)
    np.testing.assert_array_equal(by_group, draws(groups, seed=seed, resamples=20).astype(float) @ rows)


@settings(max_examples=20, deadline=None)
@given(values=st.lists(st.integers(0, 3), min_size=1, max_size=20), seed=st.integers(0, 1000))
def test_scoring_all_draws_at_once_equals_scoring_draw_by_draw(values: list[int], seed: int) -> None:
    row = np.array(values, dtype=float)

    def mean_of_positive(w: Weights) -> Weights:
        sums = w @ (row > 0).astype(float)
        return np.divide(w @ row, sums, out=np.full(len(w), np.nan), where=sums > 0)

    together, apart = (
        interval(score, each_its_own(len(row)), seed=seed, resamples=250)
        for score in (mean_of_positive, one_by_one(mean_of_positive))
    )
    np.testing.assert_array_equal(together, apart)


def test_the_same_seed_gives_the_same_draws_and_another_seed_others() -> None:
    groups = [f"a{n}" for n in range(30)]
    assert (draws(groups, seed=1) == draws(groups, seed=1)).all()
    assert (draws(groups, seed=1) != draws(groups, seed=2)).any()


def test_the_interval_of_a_mean_is_as_wide_as_the_normal_interval() -> None:
    values = np.random.default_rng(1).normal(size=400)
    bootstrap = interval(lambda w: w @ values / w.sum(axis=1), each_its_own(400), seed=1)
    half = 1.96 * values.std() / np.sqrt(len(values))
    assert bootstrap.value == pytest.approx(values.mean())
    assert bootstrap.low == pytest.approx(values.mean() - half, abs=half / 6)
    assert bootstrap.high == pytest.approx(values.mean() + half, abs=half / 6)


def test_equal_passages_of_an_article_make_the_interval_wider() -> None:
    """Ten equal passages in each of 40 articles carry the information of 40."""
    values = np.repeat(np.random.default_rng(1).normal(size=40), 10)

    def width(articles: list[str]) -> float:
        groups = Groups(articles)
        sums, sizes = groups.sums(values), groups.sums(np.ones(400))
        mean = interval(lambda w: w @ sums / (w @ sizes), groups, seed=1)
        return mean.high - mean.low

    assert width([f"a{n // 10}" for n in range(400)]) > 2.5 * width([f"p{n}" for n in range(400)])


def test_draws_without_a_score_are_left_out() -> None:
    bootstrap = interval(lambda w: np.where(w[:, 0] == 0, np.nan, w[:, 0]), each_its_own(3), seed=1)
    assert bootstrap.value == 1
    assert 1 <= bootstrap.low <= bootstrap.high <= 3


def test_a_score_that_never_exists_has_no_bounds() -> None:
    assert np.isnan(interval(lambda w: np.full(len(w), np.nan), each_its_own(2), seed=1)).all()


def test_the_interval_over_a_single_article_has_no_width() -> None:
    assert interval(lambda w: 5 * w.sum(axis=1), Groups(["a"] * 5), seed=1) == Interval(5, 5, 5)


def test_the_interval_of_a_skewed_score_reaches_further_on_the_side_of_its_tail() -> None:
    values = np.random.default_rng(1).exponential(size=40)
    mean = interval(lambda w: w @ values / w.sum(axis=1), each_its_own(40), seed=1)
    assert mean.high - mean.value > 1.1 * (mean.value - mean.low)


def test_a_score_that_no_draw_changes_has_an_interval_without_width() -> None:
    perfect = interval(lambda w: w.sum(axis=1) / w.sum(axis=1), each_its_own(30), seed=1)
    assert perfect == Interval(1, 1, 1)


def test_an_interval_reads_as_value_and_bounds() -> None:
    assert str(Interval(0.5, 0.25, 1)) == "0.500 [0.250, 1.000]"


# Intervals of the metrics


@settings(max_examples=15, deadline=None)
@given(town=towns(), seed=st.integers(0, 100))
def test_the_scores_of_all_draws_equal_those_of_each_draw_with_its_passages_repeated(
    town: list[Prediction], seed: int
) -> None:
    for kind in ("topics", "stance", "joint"):
        metrics = {name: m for name, m in metrics_by_name(town, seed=seed).items() if name.startswith(kind)}
        if not metrics:
            continue
        groups = next(iter(metrics.values())).groups
        draws = groups.draws(seed=seed, resamples=5).astype(float)
        scores = {name: metric.score(draws) for name, metric in metrics.items()}
        for number, draw in enumerate(draws):
            often = dict(zip(sorted(set(groups.of_rows)), draw.astype(int), strict=True))
            repeated = [passage for passage in town for _ in range(often.get(passage.group, 0))]
            plain = {name: metric.value for name, metric in metrics_by_name(repeated, seed=seed).items()}
            for name in metrics.keys() & plain.keys():
                assert scores[name][number] == pytest.approx(plain[name], nan_ok=True), name


@settings(max_examples=5, deadline=None)
@given(town=towns(), seed=st.integers(0, 100))
def test_the_intervals_equal_those_computed_draw_by_draw(town: list[Prediction], seed: int) -> None:
    for name, metric in metrics_by_name(town, seed=seed).items():
        apart = interval(one_by_one(metric.score), metric.groups, seed=seed)
        np.testing.assert_array_equal(metric.resampled.interval(), apart, err_msg=name)


def test_evaluation_resamples_only_for_the_intervals_that_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    resampled: list[int] = []
    monkeypatch.setattr(Groups, "draws", lambda self, **_: resampled.append(1) or np.ones((2, self.count), np.uint16))
    scores = evaluate(TOWN, seed=1)
    assert len([metric.value for metric in scores.metrics.values()]) == 12
    assert not resampled
    assert scores.headlines()
    assert len(resampled) == 1
