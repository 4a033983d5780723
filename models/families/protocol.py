"""The protocols that every classifier family follows, and the settings file of a saved one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar

from pydantic import BaseModel, ConfigDict, model_validator

from labels.codebook import Codebook
from labels.files import Frozen
from models.encoders.device import Device, DeviceName, Precision, select_device
from models.examples import FloatArray, JointExamples, Query, StanceExamples, TopicExamples, TrainingCallback
from models.saved_parts import read_json

SETTINGS_FILE = "family.json"


class FamilySettings(Frozen):
    """Base of every family's settings; the class attributes say what the family needs and can do."""

    finds_unseen_topics: ClassVar[bool] = False
    """Whether it may find a topic that has no training example."""
    needs_entailment: ClassVar[bool] = False
    """Whether its encoder must have been trained on natural-language inference."""

    @property
    def members(self) -> tuple[FamilySettings, ...]:
        """The settings themselves, or those of the members of an average."""
        return (self,)


@dataclass(frozen=True)
class FitContext:
    """Everything besides its settings that a family may use to create untrained classifiers.

    `examples` are train and dev together, for computations that several fits share. `initial_models` maps each value of
    `init` to the folder of the earlier tagger that fine-tuning may start from.
    """

    codebook: Codebook
    examples: TopicExamples | StanceExamples | JointExamples
    seed: int
    device_name: DeviceName = "auto"
    precision: Precision = "auto"
    initial_models: Mapping[str, Path] = field(default_factory=dict)

    def initial(self, init: str | None, task: str) -> Path | None:
        """Return the folder of the earlier model of `task` that `init` names, if it names one."""
        return None if init is None else self.initial_models[init] / task

    def device(self) -> Device:
        return select_device(self.device_name, self.precision)


class TopicClassifier(Protocol):
    """Finds the topics of a text."""

    def predict_proba(self, texts: Sequence[str]) -> FloatArray:
        """Return probabilities (n, topics), each in [0, 1] independently: a text may have several topics or none."""
        ...

    def save(self, folder: Path) -> None: ...


class StanceClassifier(Protocol):
    """Finds the stance of a text toward a target."""

    def predict_proba(self, queries: Sequence[Query]) -> FloatArray:
        """Return probabilities (n, 3) of favor, against and neutral; each row sums to 1."""
        ...

    def save(self, folder: Path) -> None: ...


def rounds(classifier: TopicClassifier | StanceClassifier | None) -> bool:
    """Return whether the classifier computes in bfloat16, so that it may decide otherwise than in fp32.

    Families with an encoder have a property of this name.
    """
    return bool(getattr(classifier, "rounds", False))


class TopicLearner(TopicClassifier, Protocol):
    """A topic classifier that is fitted on examples.

    With `cross_fit`, it is fitted once on train and dev together (`dev` is then empty), and again on parts of them, so
    that it can be calibrated on the folds left out. Without `cross_fit`, it is fitted on train, may look at dev, and is
    calibrated on dev.
    """

    @property
    def cross_fit(self) -> bool: ...

    def fit(self, train: TopicExamples, dev: TopicExamples, *, callback: TrainingCallback) -> Self: ...


class StanceLearner(StanceClassifier, Protocol):
    """A stance classifier that is fitted on examples, as a `TopicLearner` is."""

    @property
    def cross_fit(self) -> bool: ...

    def fit(self, train: StanceExamples, dev: StanceExamples, *, callback: TrainingCallback) -> Self: ...


class TopicFamily(TopicLearner, Protocol):
    """The interface through which the catalogue creates and loads the topic classifiers of a family."""

    @classmethod
    def factory(cls, settings: Any, context: FitContext) -> Callable[[], Self]:
        """Return a function that makes untrained classifiers."""
        ...

    @classmethod
    def load(cls, folder: Path) -> Self: ...


class StanceFamily(StanceLearner, Protocol):
    """The interface through which the catalogue creates and loads the stance classifiers of a family."""

    @classmethod
    def factory(cls, settings: Any, context: FitContext) -> Callable[[], Self]:
        """Return a function that makes untrained classifiers."""
        ...

    @classmethod
    def load(cls, folder: Path) -> Self: ...


Settings = TypeVar("Settings", bound=FamilySettings)


class SavedFitted(Frozen, Generic[Settings]):
    """The settings file of a family with settings, and an encoder's precision."""

    kind: str
    settings: Settings
    precision: Precision = "auto"

    @model_validator(mode="after")
    def _is_of_its_kind(self) -> Self:
        if self.kind != self.settings.kind:  # type: ignore[attr-defined]
            raise ValueError(f"kind: {self.kind!r} is not the kind of its settings")
        return self


class _Kind(BaseModel):
    """The part of a settings file that all families share."""

    model_config = ConfigDict(extra="ignore")

    kind: str


def write_settings(folder: Path, saved: Frozen) -> None:
    """Write the settings file of a family, whose model `read_json` later checks it against."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / SETTINGS_FILE).write_text(saved.model_dump_json(indent=1), encoding="utf-8")


def read_kind(folder: Path) -> str:
    """Return the kind of a saved family. Raises BadPart."""
    return read_json(folder / SETTINGS_FILE, _Kind).kind
