"""Readers estimate the uncalibrated probabilities of topics and stances in passages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol, Self

import numpy as np

from labels.errors import DemarcheError
from models.examples import BoolArray, FloatArray, Query
from models.families.catalog import load_stance, load_topics
from models.families.protocol import SETTINGS_FILE, StanceClassifier, TopicClassifier, rounds
from models.saved_parts import BadPart

if TYPE_CHECKING:
    from models.families.joint import Joint

_JOINT = "joint"

NeedsStance = Callable[[FloatArray], BoolArray]
"""A function from topic probabilities (n, topics) to a mask of the topics whose stance is needed."""


class Reading(NamedTuple):
    """Uncalibrated probabilities of n passages: topics (n, T), and stances (n, T, 3), NaN where not needed."""

    topics: FloatArray
    stances: FloatArray

    @classmethod
    def of_topics(cls, topics: FloatArray) -> Self:
        return cls(topics, np.full((*topics.shape, 3), np.nan))

    @classmethod
    def of_stances(cls, stances: FloatArray) -> Self:
        """Return the reading of inputs that have a single stance (n, 3), and no topics."""
        return cls(np.zeros((len(stances), 0)), stances[:, None])


class Reader(Protocol):
    """Estimates the topics of a codebook, and the stance toward each."""

    @property
    def reads_topics(self) -> bool: ...

    @property
    def reads_stance(self) -> bool: ...

    @property
    def rounds(self) -> bool:
        """Whether it computes in bfloat16, and `device.exact` makes a difference."""
        ...

    def read(self, texts: Sequence[str], targets: Sequence[str], needs_stance: NeedsStance) -> Reading: ...

    def topics(self, texts: Sequence[str]) -> FloatArray: ...

    def stances(self, queries: Sequence[Query]) -> FloatArray: ...

    def save(self, folder: Path) -> None: ...


@dataclass(frozen=True)
class TwoStage:
    """Estimates the topics first, then the stance toward the targets of the topics that need one."""

    topic_model: TopicClassifier | None
    stance_model: StanceClassifier | None

    @property
    def reads_topics(self) -> bool:
        return self.topic_model is not None

    @property
    def reads_stance(self) -> bool:
        return self.stance_model is not None

    @property
    def rounds(self) -> bool:
        return rounds(self.topic_model) or rounds(self.stance_model)

    def read(self, texts: Sequence[str], targets: Sequence[str], needs_stance: NeedsStance) -> Reading:
        topics = self.topics(texts)
        stances = np.full((len(texts), len(targets), 3), np.nan)
        if self.stance_model is not None:
            positions = np.argwhere(needs_stance(topics))
            if len(positions):
                queries = [Query(texts[row], targets[column]) for row, column in positions]
                stances[positions[:, 0], positions[:, 1]] = self.stances(queries)
        return Reading(topics, stances)

    def topics(self, texts: Sequence[str]) -> FloatArray:
        if self.topic_model is None:
            raise DemarcheError("this model does not predict topics; it was trained on stance only")
        return self.topic_model.predict_proba(texts)

    def stances(self, queries: Sequence[Query]) -> FloatArray:
        if self.stance_model is None:
            raise DemarcheError("this model does not predict stance; it was trained on topics only")
        return self.stance_model.predict_proba(queries)

    def save(self, folder: Path) -> None:
        if self.topic_model is not None:
            self.topic_model.save(folder / "topics")
        if self.stance_model is not None:
            self.stance_model.save(folder / "stance")

    @classmethod
    def load(cls, folder: Path) -> Self:
        topics, stance = folder / "topics", folder / "stance"
        has_topics, has_stance = ((part / SETTINGS_FILE).is_file() for part in (topics, stance))
        if not has_topics and not has_stance:
            raise BadPart(topics / SETTINGS_FILE, "missing, and so is that of stance")
        return cls(load_topics(topics) if has_topics else None, load_stance(stance) if has_stance else None)


@dataclass(frozen=True)
class OnePass:
    """Estimates topics and all stances at once, which costs no more than topics alone."""

    joint: Joint

    @property
    def reads_topics(self) -> bool:
        return True

    @property
    def reads_stance(self) -> bool:
        return True

    @property
    def rounds(self) -> bool:
        return self.joint.rounds

    def read(self, texts: Sequence[str], targets: Sequence[str], needs_stance: NeedsStance) -> Reading:
        probabilities = self.joint.predict_proba(texts)
        return Reading(probabilities[:, :, 0], probabilities[:, :, 1:])

    def topics(self, texts: Sequence[str]) -> FloatArray:
        return self.joint.predict_proba(texts)[:, :, 0]

    def stances(self, queries: Sequence[Query]) -> FloatArray:
        return self.joint.stances(queries)

    def save(self, folder: Path) -> None:
        self.joint.save(folder / _JOINT)


def load_reader(folder: Path) -> Reader:
    """Load the reader of a saved tagger."""
    if (folder / _JOINT / SETTINGS_FILE).is_file():
        from models.families.joint import Joint

        return OnePass(Joint.load(folder / _JOINT))
    return TwoStage.load(folder)
