"""Calibration of probabilities, thresholds for F1 or a precision, and folds by article."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from labels.codebook import STANCES
from labels.errors import DemarcheError
from models.calibration import (
    Platt,
    StanceCalibration,
    TopicCalibration,
    calibrate_stance,
    calibrate_topics,
    folds,
)
from models.examples import FloatArray, Query, StanceExamples, TopicExamples


def noisy_topic(
    n: int = 4000, *, slope: float = 1.0, bias: float = 0.0, seed: int = 1
) -> tuple[FloatArray, FloatArray]:
    """Raw probabilities that are off by (slope, bias) in the logit, and gold drawn from the true ones."""
    rng = np.random.default_rng(seed)
    logit = rng.normal(-1, 1.5, size=(n, 1))
    gold = (rng.random((n, 1)) < 1 / (1 + np.exp(-logit))).astype(float)
    return 1 / (1 + np.exp(-(logit - bias) / slope)), gold


def topics_of(y: FloatArray, groups: list[str]) -> TopicExamples:
    return TopicExamples([f"text {n}" for n in range(len(groups))], y, groups)


def nothing(topics: int) -> TopicExamples:
    return topics_of(np.zeros((0, topics)), [])


@pytest.mark.parametrize(("slope", "bias"), [(1, 0), (0.5, 0), (2, -1), (1, 1.5)])
def test_platt_recovers_slope_and_bias(slope: float, bias: float) -> None:
    raw, gold = noisy_topic(slope=slope, bias=bias)
    calibration, unmet = calibrate_topics(raw, gold, precision=None, seed=1)
    assert calibration.curves[0].slope == pytest.approx(slope, abs=0.2)
    assert calibration.curves[0].bias == pytest.approx(bias, abs=0.25)
    assert unmet == []


def test_soft_labels_calibrate_like_the_votes_they_represent() -> None:
    """Three of four annotators assign the topic in one half, one of four in the other."""
    raw = np.repeat([[0.9], [0.1]], 100, axis=0)
    votes = np.repeat([[0.75], [0.25]], 100, axis=0)
    calibration, _ = calibrate_topics(raw, votes, precision=None, seed=1)
    np.testing.assert_allclose(calibration.probabilities(raw), votes, atol=0.02)


@pytest.mark.parametrize("positives", [0, 1, 7, 93, 99, 100])
def test_a_topic_with_too_few_positives_or_negatives_keeps_its_raw_probabilities(positives: int) -> None:
    raw = np.random.default_rng(1).random((100, 1))
    gold = np.zeros((100, 1))
    gold[:positives] = 1
    calibration, unmet = calibrate_topics(raw, gold, precision=None, seed=1)
    assert calibration.curves == (Platt(),)
    assert 0 < calibration.thresholds[0] < 1
    np.testing.assert_allclose(calibration.probabilities(raw), raw, atol=1e-5)
    assert unmet == []


@pytest.mark.parametrize("constant", [0.0, 1e-9, 0.3, 1.0])
@pytest.mark.parametrize("precision", [None, 0.9])
def test_constant_probabilities_are_not_calibrated(constant: float, precision: float | None) -> None:
    raw = np.full((60, 1), constant)
    gold = np.tile([[1.0], [0.0]], (30, 1))
    calibration, unmet = calibrate_topics(raw, gold, precision=precision, seed=1)
    assert calibration.curves == (Platt(),)
    assert np.isfinite(calibration.thresholds).all()
    assert unmet == ([] if precision is None else [0])


@pytest.mark.parametrize("extreme", [[0.0, 1.0], [1e-300, 1 - 1e-16]])
def test_certain_probabilities_stay_finite(extreme: list[float]) -> None:
    raw = np.tile([[extreme[0]], [extreme[1]]], (30, 1))
    for gold in (np.tile([[0.0], [1.0]], (30, 1)), np.tile([[1.0], [0.0]], (30, 1))):
        calibration, _ = calibrate_topics(raw, gold, precision=None, seed=1)
        calibrated = calibration.probabilities(raw)
        assert np.isfinite(calibrated).all()
        assert ((calibrated >= 0) & (calibrated <= 1)).all()


def test_each_topic_is_calibrated_on_its_own() -> None:
    one, gold_one = noisy_topic(500, seed=1)
    two, gold_two = noisy_topic(500, slope=0.5, seed=2)
    both, _ = calibrate_topics(np.hstack([one, two]), np.hstack([gold_one, gold_two]), precision=None, seed=1)
    for column, (raw, gold) in enumerate([(one, gold_one), (two, gold_two)]):
        alone, _ = calibrate_topics(raw, gold, precision=None, seed=1)
        assert (alone.curves[0], alone.thresholds[0]) == (both.curves[column], both.thresholds[column])


def test_the_threshold_for_f1_is_nearly_the_best_one() -> None:
    raw, gold = noisy_topic(1500)
    calibration, _ = calibrate_topics(raw, gold, precision=None, seed=1)
    calibrated = calibration.probabilities(raw)
    best = max(f1_score(gold[:, 0], calibrated[:, 0] >= t) for t in np.linspace(0.05, 0.95, 91))
    assert f1_score(gold[:, 0], calibration.assigned(calibrated)[:, 0]) > best - 0.01


def test_a_threshold_separates_labels_that_can_be_separated() -> None:
    raw = np.concatenate([np.full(40, 0.2), np.full(12, 0.4)])[:, None]
    gold = np.concatenate([np.zeros(40), np.ones(12)])[:, None]
    calibration, _ = calibrate_topics(raw, gold, precision=None, seed=1)
    np.testing.assert_array_equal(calibration.assigned(calibration.probabilities(raw)), gold > 0.5)


@settings(max_examples=50, deadline=None)
@given(
    rows=st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=30, max_size=80),
    precision=st.sampled_from([0.3, 0.5, 0.75, 0.9, 1.0]),
)
def test_a_required_precision_is_reached_or_reported_as_unmet(rows: list[tuple[int, bool]], precision: float) -> None:
    raw = np.array([[value / 20] for value, _ in rows])
    gold = np.array([[float(holds)] for _, holds in rows])
    calibration, unmet = calibrate_topics(raw, gold, precision=precision, seed=1)
    calibrated = calibration.probabilities(raw)
    assigned = calibration.assigned(calibrated)[:, 0]
    if gold.sum() < 8:
        assert unmet == [0]
        return
    reached = {
        threshold: gold[calibrated[:, 0] >= threshold, 0].mean() >= precision - 1e-12 for threshold in calibrated[:, 0]
    }
    if unmet:
        assert not any(reached.values())
    else:
        assert gold[assigned, 0].mean() >= precision - 1e-12
        assert calibration.thresholds[0] == min(threshold for threshold, good in reached.items() if good)


def test_the_threshold_for_a_precision_does_not_depend_on_the_order_of_rows() -> None:
    raw, gold = noisy_topic(300)
    order = np.random.default_rng(2).permutation(300)
    one, _ = calibrate_topics(raw, gold, precision=0.8, seed=1)
    other, _ = calibrate_topics(raw[order], gold[order], precision=0.8, seed=1)
    assert one.thresholds == pytest.approx(other.thresholds, abs=1e-6)


def test_the_same_seed_gives_the_same_thresholds() -> None:
    raw, gold = noisy_topic(300)
    first, second = (calibrate_topics(raw, gold, precision=None, seed=5)[0] for _ in range(2))
    assert first == second


def test_calibration_keeps_the_order_of_probabilities() -> None:
    raw, gold = noisy_topic(400, slope=2, bias=1)
    calibration, _ = calibrate_topics(raw, 1 - gold, precision=None, seed=1)  # as wrong as can be
    ranked = calibration.probabilities(np.sort(raw, axis=0))[:, 0]
    assert (np.diff(ranked) >= 0).all()


def test_a_calibration_survives_json_to_the_last_digit() -> None:
    raw, gold = noisy_topic(300)
    topics, _ = calibrate_topics(raw, gold, precision=None, seed=1)
    assert TopicCalibration.model_validate_json(topics.model_dump_json()) == topics
    y = np.eye(3)[np.random.default_rng(1).integers(3, size=50)]
    stance = calibrate_stance(np.random.default_rng(2).dirichlet([1, 1, 1], size=50), y)
    assert StanceCalibration.model_validate_json(stance.model_dump_json()) == stance


def test_no_topics_need_no_calibration() -> None:
    calibration, unmet = calibrate_topics(np.zeros((5, 0)), np.zeros((5, 0)), precision=None, seed=1)
    assert calibration == TopicCalibration(curves=(), thresholds=())
    assert unmet == []


# Stance


@pytest.mark.parametrize("rows", [0, 1, 7])
def test_too_few_stances_are_not_calibrated(rows: int) -> None:
    assert calibrate_stance(np.full((rows, 3), 1 / 3), np.tile([1.0, 0, 0], (rows, 1))) == StanceCalibration()


@pytest.mark.parametrize("only", range(3))
def test_the_only_stance_is_decided_for_whatever_the_raw_probabilities(only: int) -> None:
    raw = np.random.default_rng(1).dirichlet([1, 1, 1], size=100)
    calibration = calibrate_stance(raw, np.tile(np.eye(3)[only], (100, 1)))
    assert (calibration.decide(calibration.probabilities(raw)) == only).mean() > 0.9


@pytest.mark.parametrize(
    "raw", [np.full((60, 3), 1 / 3), np.tile([1.0, 0.0, 0.0], (60, 1)), np.tile(np.eye(3), (20, 1))]
)
def test_uninformative_stances_still_give_probabilities(raw: FloatArray) -> None:
    y = np.eye(3)[np.random.default_rng(1).choice(3, size=60, p=[0.2, 0.2, 0.6])]
    calibration = calibrate_stance(raw, y)
    calibrated = calibration.probabilities(raw)
    assert np.isfinite(calibrated).all()
    np.testing.assert_allclose(calibrated.sum(axis=1), 1)
    assert np.isfinite(calibration.weights).all()


def test_calibrated_stances_are_as_frequent_as_in_the_data() -> None:
    rng = np.random.default_rng(1)
    true = rng.dirichlet([0.6, 0.6, 2.4], size=3000)
    y = np.eye(3)[[rng.choice(3, p=row) for row in true]]
    balanced = true / true.mean(axis=0)  # as a model with balanced classes estimates it
    balanced /= balanced.sum(axis=1, keepdims=True)
    calibration = calibrate_stance(balanced, y)
    np.testing.assert_allclose(calibration.probabilities(balanced).mean(axis=0), y.mean(axis=0), atol=0.02)


def test_weights_raise_the_macro_f1_of_rare_stances() -> None:
    rng = np.random.default_rng(1)
    true = rng.dirichlet([0.5, 0.5, 3.0], size=2000)
    gold = np.array([rng.choice(3, p=row) for row in true])
    calibration = calibrate_stance(true, np.eye(3)[gold])
    calibrated = calibration.probabilities(true)
    most_probable = f1_score(gold, calibrated.argmax(axis=1), average="macro")
    assert f1_score(gold, calibration.decide(calibrated), average="macro") > most_probable + 0.02


def test_tied_votes_do_not_favor_the_first_stance() -> None:
    """Favor and neutral share half of the texts evenly: a tie is not one more favor."""
    rng = np.random.default_rng(3)
    decided = np.eye(3)[rng.integers(3, size=150)]
    ties = np.tile([0.5, 0.0, 0.5], (150, 1))
    raw = np.vstack([0.5 * decided + 0.5 * rng.dirichlet([1, 1, 1], size=150), rng.dirichlet([3, 1, 3], size=150)])
    y = np.vstack([decided, ties])
    calibration = calibrate_stance(raw, y)
    mirrored = calibrate_stance(raw[:, ::-1], y[:, ::-1])
    weights, other = np.array(calibration.weights), np.array(mirrored.weights)[::-1]
    np.testing.assert_allclose(weights / weights.sum(), other / other.sum(), atol=0.1)


def test_tied_votes_alone_leave_the_weights_at_one() -> None:
    raw = np.random.default_rng(1).dirichlet([1, 1, 1], size=40)
    calibration = calibrate_stance(raw, np.tile([0.5, 0.5, 0.0], (40, 1)))
    assert calibration.weights == (1, 1, 1)
    assert np.isfinite(calibration.probabilities(raw)).all()


@settings(deadline=None)
@given(
    rows=st.lists(st.tuples(*[st.floats(0, 1)] * 3), min_size=1, max_size=20),
    slope=st.floats(0.05, 10),
    biases=st.tuples(st.floats(-5, 5), st.floats(-5, 5), st.just(0.0)),
)
def test_calibrated_stances_add_up_to_one(
    rows: list[tuple[float, float, float]], slope: float, biases: tuple[float, float, float]
) -> None:
    calibration = StanceCalibration(slope=slope, biases=biases)
    calibrated = calibration.probabilities(np.array(rows))
    np.testing.assert_allclose(calibrated.sum(axis=1), 1)
    assert set(calibration.decide(calibrated)) <= set(range(len(STANCES)))


# Folds


groups_and_labels = st.lists(
    st.tuples(st.integers(0, 12), st.tuples(st.booleans(), st.booleans())), min_size=2, max_size=40
).filter(lambda rows: len({group for group, _ in rows}) > 1)


@settings(max_examples=50, deadline=None)
@given(rows=groups_and_labels, dev=st.integers(0, 5), seed=st.integers(0, 5))
def test_every_row_is_in_one_fold_and_never_trained_on_with_its_own_article(
    rows: list[tuple[int, tuple[bool, bool]]], dev: int, seed: int
) -> None:
    groups = [f"article {group}" for group, _ in rows]
    train = topics_of(np.array([labels for _, labels in rows], dtype=float), groups)
    dev_examples = topics_of(np.zeros((dev, 2)), [f"dev {n}" for n in range(dev)])
    pairs = folds(train, dev_examples, seed=seed)
    all_groups = [*groups, *dev_examples.groups]
    assert sorted(np.concatenate([fold for _, fold in pairs])) == list(range(len(all_groups)))
    for rest, fold in pairs:
        assert len(rest) > 0
        assert not {all_groups[row] for row in rest} & {all_groups[row] for row in fold}
        assert not set(rest) & set(fold)
    if dev:
        assert pairs[0][0].tolist() == list(range(len(train)))
        assert pairs[0][1].tolist() == list(range(len(train), len(all_groups)))


def test_a_topic_of_few_articles_is_spread_over_the_folds() -> None:
    y = np.zeros((100, 2))
    y[:, 0] = 1
    y[:10, 1] = 1
    pairs = folds(topics_of(y, [f"a{n}" for n in range(100)]), nothing(2), seed=1)
    assert [int(y[fold, 1].sum()) for _, fold in pairs] == [2, 2, 2, 2, 2]


def test_five_articles_each_of_a_topic_of_its_own_can_be_folded() -> None:
    assert len(folds(topics_of(np.eye(5), list("abcde")), nothing(5), seed=1)) == 5


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_fewer_than_two_articles_are_an_error(rows: int) -> None:
    with pytest.raises(DemarcheError, match="at least two are needed"):
        folds(topics_of(np.ones((rows, 1)), ["the only one"] * rows), nothing(1), seed=1)


def test_stances_are_folded_by_article_too() -> None:
    groups = [f"a{n // 3}" for n in range(30)]
    examples = StanceExamples([Query("t", "x")] * 30, np.tile(np.eye(3), (10, 1)), groups)
    for rest, fold in folds(examples, examples.take(np.arange(0)), seed=1):
        assert not {groups[row] for row in rest} & {groups[row] for row in fold}


def test_a_topic_that_only_minorities_assign_is_calibrated_on_their_votes() -> None:
    rng = np.random.default_rng(1)
    votes = np.where(rng.random(700) < 0.3, 0.25, 0.0)
    raw = np.clip(0.3 + votes + rng.normal(0, 0.05, 700), 0.01, 0.99)
    calibration, _ = calibrate_topics(raw[:, None], votes[:, None], precision=None, seed=1)
    calibrated = calibration.probabilities(raw[:, None])[:, 0]
    assert calibrated[votes > 0].mean() == pytest.approx(0.25, abs=0.08)
    assert calibration.assigned(calibrated[:, None]).mean() < 0.05
