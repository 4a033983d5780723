"""How far predicted probabilities can be taken at their word: calibration error and Brier score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from labels.codebook import STANCES
from models.examples import BoolArray, FloatArray
from training.evaluation.results import StanceResults, TopicResults

BINS = 10
"""Number of equally wide bins."""


class Bin(NamedTuple):
    """The labels whose predicted probability is in one bin; `predicted` is their mean probability."""

    predicted: float
    observed: float
    labels: int

    @property
    def positive(self) -> int:
        return round(self.observed * self.labels)


@dataclass(frozen=True)
class Reliability:
    """Calibration of a task: each pair of a passage and topic, or of a target and stance, counts as one label.

    `ece` is the expected calibration error: the mean distance of probability and frequency in ten equally wide bins
    (Naeini, Cooper and Hauskrecht 2015). `brier` is the mean squared error of the probabilities (Brier 1950); for stance
    half the sum over the three stances, so that it too is between 0 and 1.
    """

    bins: tuple[Bin, ...]
    ece: float
    brier: float


def topic_reliability(results: TopicResults) -> Reliability:
    """Return the reliability of the topics' probabilities."""
    gold, probabilities = results.gold.ravel(), results.probabilities.ravel()
    return _reliability(gold, probabilities, brier_score_loss(gold, probabilities, pos_label=True))


def stance_reliability(results: StanceResults) -> Reliability:
    """Return the reliability of the stances' probabilities, given the gold topics."""
    classes = np.arange(len(STANCES))
    # Probabilities read back from a file may add up to 1 only nearly.
    whole = results.probabilities / results.probabilities.sum(axis=1, keepdims=True)
    brier = brier_score_loss(results.gold, whole, labels=classes, scale_by_half=True)
    return _reliability((results.gold[:, np.newaxis] == classes).ravel(), results.probabilities.ravel(), brier)


def _reliability(gold: BoolArray, probabilities: FloatArray, brier: float) -> Reliability:
    probabilities = np.clip(probabilities, 0, 1)
    observed, predicted = calibration_curve(gold, probabilities, pos_label=True, n_bins=BINS)
    # As scikit-learn does it: a probability on the edge of two bins is in the lower one.
    counts = np.bincount(np.searchsorted(np.linspace(0, 1, BINS + 1)[1:-1], probabilities), minlength=BINS)
    counts = counts[counts > 0]
    ece = float(np.average(np.abs(observed - predicted), weights=counts))
    bins = (Bin(*row) for row in zip(predicted.tolist(), observed.tolist(), counts.tolist(), strict=True))
    return Reliability(tuple(bins), ece, float(brier))
