"""The encoder family: a fine-tuned pretrained transformer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
from scipy.special import expit, softmax

from models.encoders.device import Device, select_device
from models.encoders.settings import FinetuneSettings
from models.examples import FloatArray, Query, StanceExamples, TopicExamples, TrainingCallback
from models.families.protocol import SETTINGS_FILE, FamilySettings, FitContext, SavedFitted, write_settings
from models.families.regression import NEVER
from models.saved_parts import Fraction, read_json

if TYPE_CHECKING:
    from models.encoders.classifier import Classifier


class EncoderTopicsSettings(FinetuneSettings, FamilySettings):
    """A fine-tuned encoder with one output per topic."""

    kind: Literal["encoder"]


class EncoderStanceSettings(FinetuneSettings, FamilySettings):
    """A fine-tuned encoder that reads passage and target side by side."""

    kind: Literal["encoder"]


class _SavedTopics(SavedFitted[EncoderTopicsSettings]):
    constant: tuple[Fraction | None, ...]


class _SavedStance(SavedFitted[EncoderStanceSettings]):
    present: tuple[bool, bool, bool]


class _Encoder:
    """Base of the topic and stance classifiers."""

    task: ClassVar[str]

    def __init__(self, settings: Any, classifier: Classifier, *, seed: int, initial: Path | None):
        self.settings = settings
        self.classifier = classifier
        self.seed = seed
        self.initial = initial

    @property
    def cross_fit(self) -> bool:
        return bool(self.settings.cross_fit)

    @property
    def rounds(self) -> bool:
        return self.classifier.encoder.device.bf16

    @classmethod
    def factory(cls, settings: Any, context: FitContext) -> Callable[[], Self]:
        new: Callable[..., Self] = cls
        initial = context.initial(settings.init, cls.task)
        return partial(new, settings, device=context.device(), seed=context.seed, initial=initial)

    def _save(self, folder: Path, saved: type[SavedFitted[Any]], **fitted: Any) -> None:
        precision = self.classifier.encoder.device.precision
        write_settings(folder, saved(kind="encoder", settings=self.settings, precision=precision, **fitted))
        self.classifier.encoder.save(folder)


class EncoderTopics(_Encoder):
    """Scores each topic; for a long text, by the window with the highest log-odds."""

    task = "topics"

    def __init__(
        self,
        settings: EncoderTopicsSettings,
        *,
        device: Device | None = None,
        seed: int = 0,
        initial: Path | None = None,
    ):
        from models.encoders.classifier import Classifier

        classifier = Classifier(settings, device, outputs=0, sees_target=False, pool="amax")
        super().__init__(settings, classifier, seed=seed, initial=initial)
        self.constant: list[float | None] = []
        """The label of each topic whose training examples are all labelled the same, or None for the others."""

    def fit(self, train: TopicExamples, dev: TopicExamples, *, callback: TrainingCallback) -> Self:
        from models.encoders.classifier import topic_loss, topic_metrics

        self.constant = [float(topic[0]) if np.ptp(topic) == 0 else None for topic in train.y.T]
        self.classifier.outputs = train.y.shape[1]
        self.classifier.fit(
            self.task, train, dev, loss=topic_loss(train.y), evaluate=topic_metrics, learns=None in self.constant,
            seed=self.seed, initial=self.initial, callback=callback,
        )  # fmt: skip
        return self

    def predict_proba(self, texts: Sequence[str]) -> FloatArray:
        probabilities = np.asarray(expit(self.classifier.logits(texts)))
        for topic, label in enumerate(self.constant):
            if label is not None:
                # If all examples have the same labels, there is nothing to learn from the text.
                probabilities[:, topic] = label
        return probabilities

    def save(self, folder: Path) -> None:
        self._save(folder, _SavedTopics, constant=self.constant)

    @classmethod
    def load(cls, folder: Path) -> Self:
        saved = read_json(folder / SETTINGS_FILE, _SavedTopics)
        model = cls(saved.settings, device=select_device(precision=saved.precision))
        model.constant = list(saved.constant)
        model.classifier.outputs = len(model.constant)
        model.classifier.encoder.load(folder)
        return model


class EncoderStance(_Encoder):
    """Reads passage and target side by side; for a long passage, the log-odds are averaged over its windows."""

    task = "stance"

    def __init__(
        self,
        settings: EncoderStanceSettings,
        *,
        device: Device | None = None,
        seed: int = 0,
        initial: Path | None = None,
    ):
        from models.encoders.classifier import Classifier

        classifier = Classifier(settings, device, outputs=3, sees_target=True, pool="mean")
        super().__init__(settings, classifier, seed=seed, initial=initial)
        self.present = [True, True, True]
        """Which stances have a training example."""

    def fit(self, train: StanceExamples, dev: StanceExamples, *, callback: TrainingCallback) -> Self:
        from models.encoders.classifier import stance_loss, stance_metrics

        self.present = (train.y.sum(axis=0) > 0).tolist()
        self.classifier.fit(
            self.task, train, dev, loss=stance_loss(train.y), evaluate=stance_metrics, learns=sum(self.present) > 1,
            seed=self.seed, initial=self.initial, callback=callback,
        )  # fmt: skip
        return self

    def predict_proba(self, queries: Sequence[Query]) -> FloatArray:
        return np.asarray(softmax(np.where(self.present, self.classifier.logits(queries), NEVER), axis=1))

    def save(self, folder: Path) -> None:
        self._save(folder, _SavedStance, present=self.present)

    @classmethod
    def load(cls, folder: Path) -> Self:
        saved = read_json(folder / SETTINGS_FILE, _SavedStance)
        model = cls(saved.settings, device=select_device(precision=saved.precision))
        model.present = list(saved.present)
        model.classifier.encoder.load(folder)
        return model
