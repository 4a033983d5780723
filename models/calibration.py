"""Probabilities that mean what they say, and the decisions taken on them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit, softmax

from labels.errors import DemarcheError
from labels.files import Frozen
from models.examples import BoolArray, Examples, FloatArray

FOLDS = 5
FEWEST = 8
"""Fewer positives than this cannot calibrate a topic nor choose its threshold."""
_RESAMPLES = 100
_TINY = 1e-6

Rows = npt.NDArray[np.intp]


class Platt(Frozen):
    """p → sigmoid(slope · logit(p) + bias) for one topic (Platt 1999)."""

    slope: float = 1.0
    bias: float = 0.0


class TopicCalibration(Frozen):
    """One Platt curve and one threshold a topic."""

    curves: tuple[Platt, ...]
    thresholds: tuple[float, ...]

    def probabilities(self, raw: FloatArray) -> FloatArray:
        """(n, topics) → (n, topics)."""
        slopes = np.array([curve.slope for curve in self.curves])
        biases = np.array([curve.bias for curve in self.curves])
        return np.asarray(expit(slopes * _logit(raw) + biases))

    def assigned(self, calibrated: FloatArray) -> BoolArray:
        return calibrated >= np.array(self.thresholds)


class StanceCalibration(Frozen):
    """p → softmax(slope · log p + biases), and weights with which the stance is decided.

    The probabilities are those of the data. The decision multiplies them by `weights`, chosen for
    macro-F1: where most passages are neutral, the likeliest stance alone would hardly ever be another.
    """

    slope: float = 1.0
    biases: tuple[float, float, float] = (0.0, 0.0, 0.0)
    weights: tuple[float, float, float] = (1.0, 1.0, 1.0)

    def probabilities(self, raw: FloatArray) -> FloatArray:
        """(n, 3) → (n, 3)."""
        return np.asarray(softmax(self.slope * np.log(np.clip(raw, _TINY, 1)) + np.array(self.biases), axis=1))

    def decide(self, calibrated: FloatArray) -> npt.NDArray[np.intp]:
        """(n, 3) → (n,) positions in STANCES."""
        return np.asarray((calibrated * np.array(self.weights)).argmax(axis=1), dtype=np.intp)


def folds(train: Examples[Any], dev: Examples[Any], *, seed: int) -> list[tuple[Rows, Rows]]:
    """(rest, fold) positions in train followed by dev: first dev as it stands, then train in parts.

    Parts hold whole units and are balanced by the rarest label of each.
    """
    n, m = len(train), len(dev)
    found: list[tuple[Rows, Rows]] = []
    if m:
        found.append((np.arange(n), np.arange(n, n + m)))
    groups = np.unique(np.array(train.groups), return_inverse=True)[1]
    parts = min(FOLDS - len(found), len(set(groups)))
    if parts < 2:
        raise DemarcheError(f"training has {len(set(groups))} articles with labels; at least two are needed")
    positive = train.y.reshape(n, -1) > 0.5
    rarest = np.full(groups.max() + 1, -1)
    for column in np.argsort(-positive.sum(axis=0), kind="stable"):
        rarest[groups[positive[:, column]]] = column
    # Units are dealt out like cards, sorted by their rarest label, so that each part gets its share of every label.
    shuffled = np.random.default_rng(seed).permutation(len(rarest))
    part = np.empty(len(rarest), dtype=np.intp)
    part[shuffled[np.argsort(rarest[shuffled], kind="stable")]] = np.arange(len(rarest)) % parts
    for number in range(parts):
        fold = np.flatnonzero(part[groups] == number)
        found.append((np.concatenate([np.flatnonzero(part[groups] != number), np.arange(n, n + m)]), fold))
    return found


def calibrate_topics(
    raw: FloatArray, y: FloatArray, *, precision: float | None, seed: int
) -> tuple[TopicCalibration, list[int]]:
    """Curves and thresholds from probabilities (n, topics) of rows that the model did not learn from.

    Thresholds are for the best F1, or the lowest that reaches `precision`. Also gives the positions
    of topics that the wish could not be met for.
    """
    curves, thresholds, unmet = [], [], []
    for topic in range(raw.shape[1]):
        gold = y[:, topic]
        curve = _platt(raw[:, topic], gold)
        calibrated = expit(curve.slope * _logit(raw[:, topic]) + curve.bias)
        threshold, met = _threshold(calibrated, gold > 0.5, precision=precision, seed=seed)
        curves.append(curve)
        thresholds.append(threshold)
        if not met:
            unmet.append(topic)
    return TopicCalibration(curves=tuple(curves), thresholds=tuple(thresholds)), unmet


def calibrate_stance(raw: FloatArray, y: FloatArray) -> StanceCalibration:
    """Vector scaling (Guo et al. 2017) with one slope, then weights for macro-F1."""
    from scipy.optimize import minimize

    if len(raw) < FEWEST:
        return StanceCalibration()
    log_p = np.log(np.clip(raw, _TINY, 1))

    def loss(parameters: FloatArray) -> float:
        scaled = parameters[0] * log_p + np.array([parameters[1], parameters[2], 0.0])
        # A little pull toward the identity keeps few examples from being believed too much.
        pull = (parameters[0] - 1) ** 2 + parameters[1] ** 2 + parameters[2] ** 2
        return float(-(y * np.log(np.clip(softmax(scaled, axis=1), _TINY, 1))).sum() + 0.5 * pull)

    found = minimize(loss, np.array([1.0, 0.0, 0.0]), method="L-BFGS-B", bounds=[(0.05, 10), (-5, 5), (-5, 5)]).x
    scaled = StanceCalibration(slope=float(found[0]), biases=(float(found[1]), float(found[2]), 0.0))
    # Tied votes say which stances are likely, but not which to decide for.
    told = np.isclose(y, y.max(axis=1, keepdims=True)).sum(axis=1) == 1
    if told.sum() < FEWEST:
        return scaled
    weights = _macro_f1_weights(scaled.probabilities(raw[told]), y[told].argmax(axis=1))
    return scaled.model_copy(update={"weights": weights})


def _platt(raw: FloatArray, gold: FloatArray) -> Platt:
    from scipy.optimize import minimize

    if not FEWEST <= gold.sum() <= len(gold) - FEWEST or np.ptp(raw) == 0:
        return Platt()
    x = _logit(raw)

    def loss(parameters: FloatArray) -> float:
        z = parameters[0] * x + parameters[1]
        return float((np.logaddexp(0, z) - gold * z).sum() + 0.5 * (parameters[0] - 1) ** 2)

    found = minimize(loss, np.array([1.0, 0.0]), method="L-BFGS-B", bounds=[(0.05, 20), (-20, 20)]).x
    return Platt(slope=float(found[0]), bias=float(found[1]))


def _threshold(calibrated: FloatArray, gold: BoolArray, *, precision: float | None, seed: int) -> tuple[float, bool]:
    """The threshold, and whether it does what was wished."""
    if gold.sum() < FEWEST:
        return 0.5, precision is None
    if precision is not None:
        return _for_precision(calibrated, gold, precision)
    # The best threshold of one sample jumps about; the median over resamples is steadier.
    order = np.argsort(-calibrated, kind="stable")
    ranked, hit = calibrated[order], gold[order]
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(_RESAMPLES):
        times = np.bincount(rng.integers(len(gold), size=len(gold)), minlength=len(gold))
        if times[hit].any():
            found.append(_best_f1(ranked, hit, times))
    return float(np.median(found)), True


def _best_f1(ranked: FloatArray, gold: BoolArray, times: Rows) -> float:
    """Half way between the last probability that counts as found and the next, of rows drawn so many times each."""
    there = np.flatnonzero(times)
    ranked, gold, times = ranked[there], gold[there], times[there]
    hits = np.cumsum(gold * times)
    f1 = 2 * hits / (np.cumsum(times) + hits[-1])
    # Equal probabilities cannot be parted by a threshold.
    f1[np.append(ranked[1:] == ranked[:-1], False)] = -1
    best = int(f1.argmax())
    after = ranked[best + 1] if best + 1 < len(ranked) else 0.0
    return float((ranked[best] + after) / 2)


def _for_precision(calibrated: FloatArray, gold: BoolArray, precision: float) -> tuple[float, bool]:
    order = np.argsort(-calibrated, kind="stable")
    ranked = calibrated[order]
    reached = np.cumsum(gold[order]) / np.arange(1, len(gold) + 1)
    last_of_its_value = np.append(ranked[1:] != ranked[:-1], True)
    good = np.flatnonzero((reached >= precision) & last_of_its_value)
    if len(good):
        return float(ranked[good[-1]]), True
    return float(ranked[int(np.where(last_of_its_value, reached, -1).argmax())]), False


def _macro_f1_weights(calibrated: FloatArray, gold: npt.NDArray[np.intp]) -> tuple[float, float, float]:
    """Weights that decide for the best macro-F1, smoothed over those nearly as good."""
    grid = np.exp(np.linspace(-1.5, 1.5, 25))
    candidates = np.array([(favor, against, 1.0) for favor in grid for against in grid])
    scores = np.array([_macro_f1((calibrated * weights).argmax(axis=1), gold) for weights in candidates])
    good = scores >= scores.max() - 0.003
    smooth = np.exp(np.log(candidates[good]).mean(axis=0))
    return float(smooth[0]), float(smooth[1]), 1.0


def _macro_f1(predicted: npt.NDArray[np.intp], gold: npt.NDArray[np.intp]) -> float:
    hits = np.bincount(gold[predicted == gold], minlength=3)
    sizes = np.bincount(gold, minlength=3) + np.bincount(predicted, minlength=3)
    present = sizes > 0
    return float((2 * hits[present] / sizes[present]).mean())


def _logit(p: FloatArray) -> FloatArray:
    return np.asarray(logit(np.clip(p, _TINY, 1 - _TINY)))
