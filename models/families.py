"""The protocols that every classifier family keeps, and how a saved one is read again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, Self

from labels.errors import DemarcheError
from models.examples import FloatArray, Query, StanceExamples, TopicExamples, Watch

SETTINGS = "family.json"


class TopicClassifier(Protocol):
    """Which topics a text is about."""

    def predict_proba(self, texts: Sequence[str]) -> FloatArray:
        """(n, topics), each in [0, 1] by itself: a text may be about several topics or none."""
        ...

    def save(self, folder: Path) -> None: ...


class StanceClassifier(Protocol):
    """Where a text stands toward a target."""

    def predict_proba(self, queries: Sequence[Query]) -> FloatArray:
        """(n, 3): favor, against, neutral; rows add up to 1."""
        ...

    def save(self, folder: Path) -> None: ...


class TopicLearner(TopicClassifier, Protocol):
    """A classifier that learns from examples.

    `cross_fit`: fitted once on train and dev together (dev empty then), and a few times more on parts of them to be
    calibrated on the rest. Otherwise fitted on train, with dev to look at, and calibrated on dev.
    """

    @property
    def cross_fit(self) -> bool: ...

    def fit(self, train: TopicExamples, dev: TopicExamples, *, watch: Watch) -> Self: ...


class StanceLearner(StanceClassifier, Protocol):
    """As a `TopicLearner`."""

    @property
    def cross_fit(self) -> bool: ...

    def fit(self, train: StanceExamples, dev: StanceExamples, *, watch: Watch) -> Self: ...


def write_settings(folder: Path, kind: str, **settings: Any) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / SETTINGS).write_text(
        json.dumps({"kind": kind} | settings, ensure_ascii=False, indent=1), encoding="utf-8"
    )


def read_settings(folder: Path) -> dict[str, Any]:
    settings: dict[str, Any] = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
    return settings


def load_topics(folder: Path) -> TopicClassifier:
    from models.baselines import MajorityTopics, RuleTopics

    match kind := read_settings(folder)["kind"]:
        case "linear":
            from models.linear import LinearTopics

            return LinearTopics.load(folder)
        case "embedding":
            from models.embedding import EmbeddingTopics

            return EmbeddingTopics.load(folder)
        case "encoder":
            from models.encoder import EncoderTopics

            return EncoderTopics.load(folder)
        case "setfit":
            from models.setfit import SetfitTopics

            return SetfitTopics.load(folder)
        case "similarity":
            from models.similarity import SimilarityTopics

            return SimilarityTopics.load(folder)
        case "zero_shot":
            from models.zero_shot import ZeroShotTopics

            return ZeroShotTopics.load(folder)
        case "average":
            from models.average import AverageTopics

            return AverageTopics.load(folder)
        case "rules":
            return RuleTopics.load(folder)
        case "majority":
            return MajorityTopics.load(folder)
        case _:
            raise DemarcheError(f"{folder}: unknown family {kind!r}; the model was saved by a newer version")


def load_stance(folder: Path) -> StanceClassifier:
    from models.baselines import MajorityStance

    match kind := read_settings(folder)["kind"]:
        case "linear":
            from models.linear import LinearStance

            return LinearStance.load(folder)
        case "embedding":
            from models.embedding import EmbeddingStance

            return EmbeddingStance.load(folder)
        case "encoder":
            from models.encoder import EncoderStance

            return EncoderStance.load(folder)
        case "setfit":
            from models.setfit import SetfitStance

            return SetfitStance.load(folder)
        case "zero_shot":
            from models.zero_shot import ZeroShotStance

            return ZeroShotStance.load(folder)
        case "average":
            from models.average import AverageStance

            return AverageStance.load(folder)
        case "majority":
            return MajorityStance.load(folder)
        case _:
            raise DemarcheError(f"{folder}: unknown family {kind!r}; the model was saved by a newer version")
