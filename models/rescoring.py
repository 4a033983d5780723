"""The decisions of fp32 from models that compute in bfloat16: what rounding might decide is scored again.

The first inputs are scored in both ways, which shows how far rounding moves the log-odds of this model. After them, an
input is scored again if log-odds that are further by twice that much would decide otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit

from models.encoders.device import exact
from models.examples import BoolArray, FloatArray
from models.reader import Reading

SAMPLE = 128
"""The number of inputs that are scored in both ways first; all are decided in fp32."""
_MARGIN = 2.0
"""The largest of some hundred differences is about three standard deviations, so twice it leaves out one in 10^8."""
_TINY = 1e-6

Rows = npt.NDArray[np.intp]
Decide = Callable[[FloatArray], npt.NDArray[np.generic]]
"""A function from raw probabilities (n, k) to everything that is decided by them, n rows."""


@dataclass
class Differences:
    """The differences between log-odds in bfloat16 and in fp32 that were seen until now."""

    compared: int = 0
    largest: float = 0.0

    def add(self, rounded: FloatArray, precise: FloatArray) -> None:
        if rounded.size:
            self.compared += len(rounded)
            self.largest = max(self.largest, float(np.abs(rounded - precise).max()))

    @property
    def band(self) -> float:
        return _MARGIN * self.largest


@dataclass
class Rescoring:
    """What is scored again, of the topics and of the stances of one model."""

    topics: Differences = field(default_factory=Differences)
    stances: Differences = field(default_factory=Differences)
    scored: int = 0
    scored_again: int = 0

    def settle(self, reading: Reading, again: Callable[[Rows], Reading], topics: Decide, stances: Decide) -> Reading:
        """Return the reading with the rows replaced on whose decisions rounding might have an influence.

        `again` reads rows another time. `topics` decides on raw probabilities (n, T), each of which counts alone, and
        `stances` on (n, 3).
        """
        settled = Reading(reading.topics.copy(), reading.stances.copy())
        is_settled = np.zeros(len(reading.topics), dtype=bool)

        def score_again(rows: Rows) -> None:
            if not len(rows):
                return
            with exact():
                precise = again(rows)
            self._compare(Reading(reading.topics[rows], reading.stances[rows]), precise)
            settled.topics[rows], settled.stances[rows] = precise
            is_settled[rows] = True

        score_again(self._sample(reading))
        score_again(np.flatnonzero(self._is_close(reading, topics, stances) & ~is_settled))
        self.scored += len(is_settled)
        self.scored_again += int(is_settled.sum())
        return settled

    def _sample(self, reading: Reading) -> Rows:
        """Return rows that are still wanted to measure the differences."""
        n, columns = reading.topics.shape
        with_stance = np.flatnonzero(_has_stance(reading.stances).any(axis=1))
        of_topics = np.arange(n if columns else 0)[: max(0, SAMPLE - self.topics.compared)]
        return np.union1d(of_topics, with_stance[: max(0, SAMPLE - self.stances.compared)])

    def _compare(self, rounded: Reading, precise: Reading) -> None:
        self.topics.add(_logit(rounded.topics), _logit(precise.topics))
        both = _has_stance(rounded.stances) & _has_stance(precise.stances)
        self.stances.add(_odds(rounded.stances[both]), _odds(precise.stances[both]))

    def _is_close(self, reading: Reading, topics: Decide, stances: Decide) -> BoolArray:
        odds, band = _logit(reading.topics), self.topics.band
        is_close = (topics(expit(odds - band)) != topics(expit(odds + band))).any(axis=1)
        has_stance = _has_stance(reading.stances)
        probabilities = reading.stances[has_stance]
        decided, close = stances(probabilities), np.zeros(len(probabilities), dtype=bool)
        for stance in range(3):
            # Lower the other two: probabilities may not rise above one.
            lower = np.where(np.arange(3) == stance, 1.0, np.exp(-self.stances.band))
            close |= (stances(probabilities * lower) != decided).any(axis=1)
        is_close[np.nonzero(has_stance)[0][close]] = True
        return np.asarray(is_close)


def _has_stance(stances: FloatArray) -> BoolArray:
    return ~np.isnan(stances[:, :, 0])


def _logit(probabilities: FloatArray) -> FloatArray:
    return np.asarray(logit(np.clip(probabilities, _TINY, 1 - _TINY)))


def _odds(stances: FloatArray) -> FloatArray:
    """Return (n, 3): the log-odds of each stance against the next one."""
    log_p = np.log(np.clip(stances, _TINY, 1))
    return log_p - np.roll(log_p, 1, axis=1)
