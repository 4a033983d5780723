"""The average family: the mean of several families, each calibrated first so that none is overconfident."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Generic, Literal, Self, TypeVar

import numpy as np
from pydantic import Field

from models.calibration import StanceCalibration, TopicCalibration
from models.examples import FloatArray
from models.families.protocol import (
    FamilySettings,
    StanceClassifier,
    TopicClassifier,
    read_settings,
    write_settings,
)

Member = TypeVar("Member", bound=FamilySettings)


class AverageSettings(FamilySettings, Generic[Member]):
    """The mean of the calibrated probabilities of several families."""

    kind: Literal["average"]
    of: tuple[Member, ...] = Field(min_length=2)

    @property
    def members(self) -> tuple[FamilySettings, ...]:
        return self.of


class _Average:
    def __init__(self, members: Sequence[Any], calibrations: Sequence[Any]):
        self.members = list(members)
        self.calibrations = list(calibrations)

    def predict_proba(self, inputs: Sequence[Any]) -> FloatArray:
        pairs = zip(self.members, self.calibrations, strict=True)
        calibrated = [calibration.probabilities(member.predict_proba(inputs)) for member, calibration in pairs]
        return np.asarray(np.mean(calibrated, axis=0))

    def save(self, folder: Path) -> None:
        plain = [json.loads(calibration.model_dump_json()) for calibration in self.calibrations]
        write_settings(folder, "average", calibrations=plain)
        for number, member in enumerate(self.members):
            member.save(folder / str(number))


class AverageTopics(_Average):
    """The mean of calibrated probabilities, topic by topic."""

    @classmethod
    def load(cls, folder: Path, load_member: Callable[[Path], TopicClassifier]) -> Self:
        calibrations = [TopicCalibration.model_validate(plain) for plain in read_settings(folder)["calibrations"]]
        return cls([load_member(folder / str(number)) for number in range(len(calibrations))], calibrations)


class AverageStance(_Average):
    """The mean of calibrated probabilities, stance by stance."""

    @classmethod
    def load(cls, folder: Path, load_member: Callable[[Path], StanceClassifier]) -> Self:
        calibrations = [StanceCalibration.model_validate(plain) for plain in read_settings(folder)["calibrations"]]
        return cls([load_member(folder / str(number)) for number in range(len(calibrations))], calibrations)
