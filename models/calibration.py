"""Calibration of probabilities, and the thresholds and weights of the decisions based on them."""

from __future__ import annotations

from typing import Annotated, Any, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator
from scipy.special import expit, log_softmax, logit, softmax

from labels.errors import DemarcheError
from labels.files import Frozen
from labels.wording import counted
from models.examples import BoolArray, Examples, FloatArray
from models.saved_parts import Fraction, Number

FOLDS = 5
FEWEST = 8
"""Minimum number of positive and of negative examples to calibrate a topic and to choose its threshold."""
_RESAMPLES = 100
_TINY = 1e-6

Rows = npt.NDArray[np.intp]
Slope = Annotated[float, Field(ge=0, le=1000)]
"""A steeper curve would be a step, and its products with log-odds not finite."""
Weight = Annotated[float, Field(gt=0, le=1e6)]


class Platt(Frozen):
    """Platt scaling for one topic (Platt 1999): p → sigmoid(slope · logit(p) + bias)."""

    slope: Slope = 1.0
    bias: Number = 0.0


class TopicCalibration(Frozen):
    """A Platt curve and a threshold for each topic."""

    curves: tuple[Platt, ...]
    thresholds: tuple[Fraction, ...]

    @model_validator(mode="after")
    def _has_a_threshold_for_each_curve(self) -> Self:
        if len(self.curves) != len(self.thresholds):
            raise ValueError(f"{len(self.curves)} curves, but {len(self.thresholds)} thresholds")
        return self

    def probabilities(self, raw: FloatArray) -> FloatArray:
        """Return calibrated probabilities, (n, topics) from (n, topics)."""
        slopes = np.array([curve.slope for curve in self.curves])
        biases = np.array([curve.bias for curve in self.curves])
        return np.asarray(expit(slopes * _logit(raw) + biases))

    def assigned(self, calibrated: FloatArray) -> BoolArray:
        return calibrated >= np.array(self.thresholds)


class StanceCalibration(Frozen):
    """Calibration of stance, p → softmax(slope · log p + biases), and the weights of the decision.

    The probabilities follow the frequencies of the stances in the data. The decision multiplies them by `weights`,
    chosen for macro-F1: if most passages are neutral, the most probable stance is almost always neutral.
    """

    slope: Slope = 1.0
    biases: tuple[Number, Number, Number] = (0.0, 0.0, 0.0)
    weights: tuple[Weight, Weight, Weight] = (1.0, 1.0, 1.0)

    def probabilities(self, raw: FloatArray) -> FloatArray:
        """Return calibrated probabilities, (n, 3) from (n, 3)."""
        return np.asarray(softmax(self.slope * _log(raw) + np.array(self.biases), axis=1))

    def decide(self, calibrated: FloatArray) -> npt.NDArray[np.intp]:
        """Return (n,) positions in STANCES."""
        return np.asarray((calibrated * np.array(self.weights)).argmax(axis=1), dtype=np.intp)


def folds(train: Examples[Any], dev: Examples[Any], *, seed: int) -> list[tuple[Rows, Rows]]:
    """Return (rest, fold) positions in train followed by dev; the first fold is dev, the others are parts of train.

    A group is never divided, and the parts have about the same proportions of labels. Raises DemarcheError for fewer
    than two groups.
    """
    n, m = len(train), len(dev)
    pairs: list[tuple[Rows, Rows]] = []
    if m:
        pairs.append((np.arange(n), np.arange(n, n + m)))
    groups = np.unique(np.array(train.groups), return_inverse=True)[1]
    parts = min(FOLDS - len(pairs), len(set(groups)))
    if parts < 2:
        raise DemarcheError(f"training has {counted(len(set(groups)), 'article')} with labels; at least two are needed")
    positive = train.y.reshape(n, -1) > 0.5
    rarest_label = np.full(groups.max() + 1, -1)
    for column in np.argsort(-positive.sum(axis=0), kind="stable"):
        rarest_label[groups[positive[:, column]]] = column
    # Sort groups by their rarest label and deal them out in turn, so that each part gets some of every label.
    shuffled = np.random.default_rng(seed).permutation(len(rarest_label))
    part = np.empty(len(rarest_label), dtype=np.intp)
    part[shuffled[np.argsort(rarest_label[shuffled], kind="stable")]] = np.arange(len(rarest_label)) % parts
    for number in range(parts):
        fold = np.flatnonzero(part[groups] == number)
        pairs.append((np.concatenate([np.flatnonzero(part[groups] != number), np.arange(n, n + m)]), fold))
    return pairs


def calibrate_topics(
    raw: FloatArray, y: FloatArray, *, precision: float | None, seed: int
) -> tuple[TopicCalibration, list[int]]:
    """Fit curves and thresholds on out-of-fold probabilities (n, topics).

    Each threshold has the best F1, or is the lowest that reaches `precision`. Also returns the positions of the topics
    that do not reach it.
    """
    curves, thresholds, unmet = [], [], []
    for topic in range(raw.shape[1]):
        gold = y[:, topic]
        curve = _fit_platt(raw[:, topic], gold)
        calibrated = expit(curve.slope * _logit(raw[:, topic]) + curve.bias)
        threshold, is_met = _choose_threshold(calibrated, gold > 0.5, precision=precision, seed=seed)
        curves.append(curve)
        thresholds.append(threshold)
        if not is_met:
            unmet.append(topic)
    return TopicCalibration(curves=tuple(curves), thresholds=tuple(thresholds)), unmet


def calibrate_stance(raw: FloatArray, y: FloatArray) -> StanceCalibration:
    """Fit vector scaling (Guo et al. 2017) with one slope, then choose weights for macro-F1."""
    from scipy.optimize import minimize

    if len(raw) < FEWEST:
        return StanceCalibration()
    log_p = _log(raw)

    def loss(parameters: FloatArray) -> float:
        slope, favor, against = parameters
        log_probabilities = log_softmax(slope * log_p + np.array([favor, against, 0.0]), axis=1)
        # Weak regularisation toward the identity, so that a few examples do not move the curve far.
        penalty = (slope - 1) ** 2 + favor**2 + against**2
        return float(-(y * log_probabilities).sum() + 0.5 * penalty)

    bounds = [(0.05, 10), (-5, 5), (-5, 5)]
    slope, favor, against = map(float, minimize(loss, np.array([1.0, 0.0, 0.0]), method="L-BFGS-B", bounds=bounds).x)
    calibration = StanceCalibration(slope=slope, biases=(favor, against, 0.0))
    # Tied votes are informative about the probabilities, but not about the decision.
    is_untied = np.isclose(y, y.max(axis=1, keepdims=True)).sum(axis=1) == 1
    if is_untied.sum() < FEWEST:
        return calibration
    weights = _weights_for_macro_f1(calibration.probabilities(raw[is_untied]), y[is_untied].argmax(axis=1))
    return calibration.model_copy(update={"weights": weights})


def _fit_platt(raw: FloatArray, gold: FloatArray) -> Platt:
    from scipy.optimize import minimize

    if not FEWEST <= gold.sum() <= len(gold) - FEWEST or np.ptp(raw) == 0:
        return Platt()
    x = _logit(raw)

    def loss(parameters: FloatArray) -> float:
        slope, bias = parameters
        z = slope * x + bias
        return float((np.logaddexp(0, z) - gold * z).sum() + 0.5 * (slope - 1) ** 2)

    bounds = [(0.05, 20), (-20, 20)]
    slope, bias = map(float, minimize(loss, np.array([1.0, 0.0]), method="L-BFGS-B", bounds=bounds).x)
    return Platt(slope=slope, bias=bias)


def _choose_threshold(
    calibrated: FloatArray, gold: BoolArray, *, precision: float | None, seed: int
) -> tuple[float, bool]:
    """Return the threshold, and whether it reaches the required precision (True if none is required)."""
    if gold.sum() < FEWEST:
        return 0.5, precision is None
    if precision is not None:
        return _threshold_for_precision(calibrated, gold, precision)
    # The best threshold of one sample varies a lot; the median over resamples is steadier.
    order = np.argsort(-calibrated, kind="stable")
    ranked, gold = calibrated[order], gold[order]
    rng = np.random.default_rng(seed)
    thresholds = []
    for _ in range(_RESAMPLES):
        counts = np.bincount(rng.integers(len(gold), size=len(gold)), minlength=len(gold))
        if counts[gold].any():
            thresholds.append(_threshold_for_f1(ranked, gold, counts))
    return float(np.median(thresholds)), True


def _threshold_for_f1(ranked: FloatArray, gold: BoolArray, counts: Rows) -> float:
    """Return the threshold with the best F1 on a resample, halfway between two probabilities.

    `ranked` holds probabilities in descending order, `counts` how often the resample contains each.
    """
    drawn = np.flatnonzero(counts)
    ranked, gold, counts = ranked[drawn], gold[drawn], counts[drawn]
    hits = np.cumsum(gold * counts)
    f1 = 2 * hits / (np.cumsum(counts) + hits[-1])
    # No threshold separates equal probabilities.
    f1[np.append(ranked[1:] == ranked[:-1], False)] = -1
    best = int(f1.argmax())
    following = ranked[best + 1] if best + 1 < len(ranked) else 0.0
    return float((ranked[best] + following) / 2)


def _threshold_for_precision(calibrated: FloatArray, gold: BoolArray, precision: float) -> tuple[float, bool]:
    """Return the lowest threshold that reaches the precision, or else the one that comes nearest to it."""
    order = np.argsort(-calibrated, kind="stable")
    ranked = calibrated[order]
    precisions = np.cumsum(gold[order]) / np.arange(1, len(gold) + 1)
    is_last_of_equals = np.append(ranked[1:] != ranked[:-1], True)
    reaching = np.flatnonzero((precisions >= precision) & is_last_of_equals)
    if len(reaching):
        return float(ranked[reaching[-1]]), True
    return float(ranked[int(np.where(is_last_of_equals, precisions, -1).argmax())]), False


def _weights_for_macro_f1(calibrated: FloatArray, gold: npt.NDArray[np.intp]) -> tuple[float, float, float]:
    """Return the weights with the best macro-F1, averaged with those that are nearly as good."""
    grid = np.exp(np.linspace(-1.5, 1.5, 25))
    candidates = np.array([(favor, against, 1.0) for favor in grid for against in grid])
    scores = np.array([_macro_f1((calibrated * weights).argmax(axis=1), gold) for weights in candidates])
    is_good = scores >= scores.max() - 0.003
    favor, against, _ = map(float, np.exp(np.log(candidates[is_good]).mean(axis=0)))
    return favor, against, 1.0


def _macro_f1(predicted: npt.NDArray[np.intp], gold: npt.NDArray[np.intp]) -> float:
    """Return macro-F1 as scikit-learn's `f1_score` does, in a hundredth of the time."""
    hits = np.bincount(gold[predicted == gold], minlength=3)
    sizes = np.bincount(gold, minlength=3) + np.bincount(predicted, minlength=3)
    present = sizes > 0
    return float((2 * hits[present] / sizes[present]).mean())


def _logit(p: FloatArray) -> FloatArray:
    return np.asarray(logit(np.clip(p, _TINY, 1 - _TINY)))


def _log(p: FloatArray) -> FloatArray:
    return np.asarray(np.log(np.clip(p, _TINY, 1)))
