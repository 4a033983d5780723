"""Readers: passages in, uncalibrated probabilities of topics and stances out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol, Self

import numpy as np

from labels.errors import DemarcheError
from models.examples import BoolArray, FloatArray, Query
from models.families.catalog import load_stance, load_topics
from models.families.protocol import SETTINGS_FILE, StanceClassifier, TopicClassifier

if TYPE_CHECKING:
    from models.families.joint import Joint


_JOINT = "joint"


Wanted = Callable[[FloatArray], BoolArray]
"""Topic probabilities (n, topics) → where the stance is asked too."""


class Reading(NamedTuple):
    """What a reader makes of n passages, not calibrated: topics (n, T), stances (n, T, 3), NaN where not asked."""

    topics: FloatArray
    stances: FloatArray


class Reader(Protocol):
    """Reads passages for the topics of a codebook and the stance toward each."""

    @property
    def reads_topics(self) -> bool: ...

    @property
    def reads_stance(self) -> bool: ...

    def read(self, texts: Sequence[str], targets: Sequence[str], wanted: Wanted) -> Reading: ...

    def topics(self, texts: Sequence[str]) -> FloatArray: ...

    def stances(self, queries: Sequence[Query]) -> FloatArray: ...

    def save(self, folder: Path) -> None: ...


@dataclass(frozen=True)
class TwoStage:
    """First the topics; then, where a topic is near, the stance toward its target."""

    topic_model: TopicClassifier | None
    stance_model: StanceClassifier | None

    @property
    def reads_topics(self) -> bool:
        return self.topic_model is not None

    @property
    def reads_stance(self) -> bool:
        return self.stance_model is not None

    def read(self, texts: Sequence[str], targets: Sequence[str], wanted: Wanted) -> Reading:
        topics = self.topics(texts)
        stances = np.full((len(texts), len(targets), 3), np.nan)
        if self.stance_model is not None:
            asked = np.argwhere(wanted(topics))
            if len(asked):
                queries = [Query(texts[passage], targets[topic]) for passage, topic in asked]
                stances[asked[:, 0], asked[:, 1]] = self.stances(queries)
        return Reading(topics, stances)

    def topics(self, texts: Sequence[str]) -> FloatArray:
        if self.topic_model is None:
            raise DemarcheError("this model reads no topics; it was trained for stance alone")
        return self.topic_model.predict_proba(texts)

    def stances(self, queries: Sequence[Query]) -> FloatArray:
        if self.stance_model is None:
            raise DemarcheError("this model reads no stance; it was trained for topics alone")
        return self.stance_model.predict_proba(queries)

    def save(self, folder: Path) -> None:
        if self.topic_model is not None:
            self.topic_model.save(folder / "topics")
        if self.stance_model is not None:
            self.stance_model.save(folder / "stance")

    @classmethod
    def load(cls, folder: Path) -> Self:
        topics, stance = folder / "topics", folder / "stance"
        return cls(
            load_topics(topics) if (topics / SETTINGS_FILE).is_file() else None,
            load_stance(stance) if (stance / SETTINGS_FILE).is_file() else None,
        )


@dataclass(frozen=True)
class OnePass:
    """Topics and stances at once: asking for every stance costs nothing more."""

    joint: Joint

    @property
    def reads_topics(self) -> bool:
        return True

    @property
    def reads_stance(self) -> bool:
        return True

    def read(self, texts: Sequence[str], targets: Sequence[str], wanted: Wanted) -> Reading:
        found = self.joint.predict_proba(texts)
        return Reading(found[:, :, 0], found[:, :, 1:])

    def topics(self, texts: Sequence[str]) -> FloatArray:
        return self.joint.predict_proba(texts)[:, :, 0]

    def stances(self, queries: Sequence[Query]) -> FloatArray:
        return self.joint.stances(queries)

    def save(self, folder: Path) -> None:
        self.joint.save(folder / _JOINT)


def load_reader(folder: Path) -> Reader:
    if (folder / _JOINT / SETTINGS_FILE).is_file():
        from models.families.joint import Joint

        return OnePass(Joint.load(folder / _JOINT))
    return TwoStage.load(folder)
