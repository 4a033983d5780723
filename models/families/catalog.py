"""The catalogue of families: the settings and classifiers for each value of `kind:`.

To add a family, add a module to this package, a member to a union below, and a line to a `match`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from labels.errors import DemarcheError
from models.encoders.settings import EncoderSettings
from models.families.average import AverageSettings, AverageStance, AverageTopics
from models.families.baselines import MajoritySettings, MajorityStance, MajorityTopics, RulesSettings, RuleTopics
from models.families.embedding import (
    EmbeddingStance,
    EmbeddingStanceSettings,
    EmbeddingTopics,
    EmbeddingTopicsSettings,
)
from models.families.encoder import EncoderStance, EncoderStanceSettings, EncoderTopics, EncoderTopicsSettings
from models.families.joint import JointSettings
from models.families.linear import LinearStance, LinearStanceSettings, LinearTopics, LinearTopicsSettings
from models.families.protocol import (
    FamilySettings,
    StanceClassifier,
    StanceFamily,
    TopicClassifier,
    TopicFamily,
    read_kind,
)
from models.families.setfit import SetfitStance, SetfitStanceSettings, SetfitTopics, SetfitTopicsSettings
from models.families.similarity import SimilarityTopics, SimilarityTopicsSettings
from models.families.zero_shot import (
    ZeroShotStance,
    ZeroShotStanceSettings,
    ZeroShotTopics,
    ZeroShotTopicsSettings,
)

SingleTopicsSettings = Annotated[
    LinearTopicsSettings
    | EmbeddingTopicsSettings
    | EncoderTopicsSettings
    | SetfitTopicsSettings
    | SimilarityTopicsSettings
    | ZeroShotTopicsSettings
    | RulesSettings
    | MajoritySettings,
    Field(discriminator="kind"),
]
SingleStanceSettings = Annotated[
    LinearStanceSettings
    | EmbeddingStanceSettings
    | EncoderStanceSettings
    | SetfitStanceSettings
    | ZeroShotStanceSettings
    | MajoritySettings,
    Field(discriminator="kind"),
]
AverageTopicsSettings = AverageSettings[SingleTopicsSettings]
AverageStanceSettings = AverageSettings[SingleStanceSettings]
TopicsSettings = Annotated[SingleTopicsSettings | AverageTopicsSettings, Field(discriminator="kind")]
StanceSettings = Annotated[SingleStanceSettings | AverageStanceSettings, Field(discriminator="kind")]
AnySettings = TopicsSettings | StanceSettings | JointSettings


def topic_family(kind: str) -> type[TopicFamily]:
    """Return the topic classifiers of a kind other than `average`. Raises DemarcheError for an unknown kind."""
    match kind:
        case "linear":
            return LinearTopics
        case "embedding":
            return EmbeddingTopics
        case "encoder":
            return EncoderTopics
        case "setfit":
            return SetfitTopics
        case "similarity":
            return SimilarityTopics
        case "zero_shot":
            return ZeroShotTopics
        case "rules":
            return RuleTopics
        case "majority":
            return MajorityTopics
        case _:
            raise DemarcheError(f"unknown family {kind!r}; the model was saved by a newer version")


def stance_family(kind: str) -> type[StanceFamily]:
    """Return the stance classifiers of a kind other than `average`. Raises DemarcheError for an unknown kind."""
    match kind:
        case "linear":
            return LinearStance
        case "embedding":
            return EmbeddingStance
        case "encoder":
            return EncoderStance
        case "setfit":
            return SetfitStance
        case "zero_shot":
            return ZeroShotStance
        case "majority":
            return MajorityStance
        case _:
            raise DemarcheError(f"unknown family {kind!r}; the model was saved by a newer version")


def load_topics(folder: Path) -> TopicClassifier:
    """Load a saved topic classifier of any family."""
    kind = read_kind(folder)
    return AverageTopics.load(folder, load_topics) if kind == "average" else topic_family(kind).load(folder)


def load_stance(folder: Path) -> StanceClassifier:
    """Load a saved stance classifier of any family."""
    kind = read_kind(folder)
    return AverageStance.load(folder, load_stance) if kind == "average" else stance_family(kind).load(folder)


def encoder_settings(settings: FamilySettings | None) -> list[EncoderSettings]:
    """Return the settings of a family that has an encoder, or of each such member of an average."""
    members = () if settings is None else settings.members
    return [member for member in members if isinstance(member, EncoderSettings)]


def finds_unseen_topics(settings: FamilySettings) -> bool:
    """Return whether a family can find a topic that has no training example."""
    return all(member.finds_unseen_topics for member in settings.members)
