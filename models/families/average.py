"""The average family: the mean of several families, each calibrated first so that none is overconfident."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Generic, Literal, Self, TypeVar

import numpy as np
from pydantic import Field

from labels.files import Frozen
from models.calibration import StanceCalibration, TopicCalibration
from models.examples import FloatArray
from models.families.protocol import (
    SETTINGS_FILE,
    FamilySettings,
    StanceClassifier,
    TopicClassifier,
    rounds,
    write_settings,
)
from models.saved_parts import BadPart, read_json

Member = TypeVar("Member", bound=FamilySettings)
Calibration = TypeVar("Calibration", TopicCalibration, StanceCalibration)


class AverageSettings(FamilySettings, Generic[Member]):
    """The mean of the calibrated probabilities of several families."""

    kind: Literal["average"]
    of: tuple[Member, ...] = Field(min_length=2)

    @property
    def members(self) -> tuple[FamilySettings, ...]:
        return self.of


class _Saved(Frozen, Generic[Calibration]):
    """The settings file: the calibration of each member, whose files are in folders named 0, 1, …"""

    kind: Literal["average"] = "average"
    calibrations: tuple[Calibration, ...] = Field(min_length=2)


class _Average:
    calibration: type[Any]

    def __init__(self, members: Sequence[Any], calibrations: Sequence[Any]):
        self.members = list(members)
        self.calibrations = list(calibrations)

    @property
    def rounds(self) -> bool:
        return any(map(rounds, self.members))

    def predict_proba(self, inputs: Sequence[Any]) -> FloatArray:
        pairs = zip(self.members, self.calibrations, strict=True)
        calibrated = [calibration.probabilities(member.predict_proba(inputs)) for member, calibration in pairs]
        return np.asarray(np.mean(calibrated, axis=0))

    def save(self, folder: Path) -> None:
        write_settings(folder, _Saved[self.calibration](calibrations=tuple(self.calibrations)))  # type: ignore[name-defined]
        for number, member in enumerate(self.members):
            member.save(folder / str(number))


class AverageTopics(_Average):
    """The mean of calibrated probabilities, topic by topic."""

    calibration = TopicCalibration

    @classmethod
    def load(cls, folder: Path, load_member: Callable[[Path], TopicClassifier]) -> Self:
        calibrations = read_json(folder / SETTINGS_FILE, _Saved[TopicCalibration]).calibrations
        members = [load_member(folder / str(number)) for number in range(len(calibrations))]
        sizes = {len(calibration.curves) for calibration in calibrations}
        # A classifier returns an array of its shape for no texts at all.
        sizes |= {member.predict_proba([]).shape[1] for member in members}
        if len(sizes) > 1:
            raise BadPart(folder / SETTINGS_FILE, "its members have different numbers of topics")
        return cls(members, calibrations)


class AverageStance(_Average):
    """The mean of calibrated probabilities, stance by stance."""

    calibration = StanceCalibration

    @classmethod
    def load(cls, folder: Path, load_member: Callable[[Path], StanceClassifier]) -> Self:
        calibrations = read_json(folder / SETTINGS_FILE, _Saved[StanceCalibration]).calibrations
        return cls([load_member(folder / str(number)) for number in range(len(calibrations))], calibrations)
