"""The mean of several families, each calibrated by itself first so that none shouts louder than it knows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from models.calibration import StanceCalibration, TopicCalibration
from models.examples import FloatArray
from models.families import StanceClassifier, TopicClassifier, load_stance, load_topics, read_settings, write_settings


class _Average:
    def __init__(self, members: Sequence[Any], calibrations: Sequence[Any]):
        self.members = list(members)
        self.calibrations = list(calibrations)

    def predict_proba(self, asked: Sequence[Any]) -> FloatArray:
        both = zip(self.members, self.calibrations, strict=True)
        found = [calibration.probabilities(member.predict_proba(asked)) for member, calibration in both]
        return np.asarray(np.mean(found, axis=0))

    def save(self, folder: Path) -> None:
        plain = [json.loads(calibration.model_dump_json()) for calibration in self.calibrations]
        write_settings(folder, "average", calibrations=plain)
        for number, member in enumerate(self.members):
            member.save(folder / str(number))


class AverageTopics(_Average):
    """The mean of calibrated probabilities, topic by topic."""

    def __init__(self, members: Sequence[TopicClassifier], calibrations: Sequence[TopicCalibration]):
        super().__init__(members, calibrations)

    @classmethod
    def load(cls, folder: Path) -> Self:
        found = [TopicCalibration.model_validate(plain) for plain in read_settings(folder)["calibrations"]]
        return cls([load_topics(folder / str(number)) for number in range(len(found))], found)


class AverageStance(_Average):
    """The mean of calibrated probabilities, stance by stance."""

    def __init__(self, members: Sequence[StanceClassifier], calibrations: Sequence[StanceCalibration]):
        super().__init__(members, calibrations)

    @classmethod
    def load(cls, folder: Path) -> Self:
        found = [StanceCalibration.model_validate(plain) for plain in read_settings(folder)["calibrations"]]
        return cls([load_stance(folder / str(number)) for number in range(len(found))], found)
