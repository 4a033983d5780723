"""The embedding family: logistic regression on the vectors of a frozen encoder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Literal, Self

import numpy as np
import numpy.typing as npt

from models.encoders.settings import EncoderSettings
from models.encoders.vectors import Vectors
from models.examples import FloatArray, Query, StanceExamples, TopicExamples, TrainingCallback
from models.families.on_vectors import OnVectors, TopicsOnVectors, pretrained_vectors
from models.families.protocol import SETTINGS_FILE, FamilySettings, FitContext, SavedFitted
from models.families.regression import (
    OwnFrom,
    Penalty,
    fit_by_target,
    fit_multinomial,
    fit_one_vs_rest,
    predict_by_target,
    stack,
)
from models.saved_parts import Names, read_json


class EmbeddingTopicsSettings(EncoderSettings, FamilySettings):
    """One-vs-rest logistic regression on the vectors of a frozen encoder."""

    kind: Literal["embedding"]
    c: Penalty = 10.0


class EmbeddingStanceSettings(EncoderSettings, FamilySettings):
    """Logistic regression on the vectors of passage and target and their product, with a frozen encoder.

    A target with at least `own_from` examples gets a separate model in addition to the shared one.
    """

    kind: Literal["embedding"]
    c: Penalty = 10.0
    own_from: OwnFrom = 60


class _SavedStance(SavedFitted[EmbeddingStanceSettings]):
    own: Names


class EmbeddingTopics(TopicsOnVectors):
    """One logistic regression per topic."""

    Saved = SavedFitted[EmbeddingTopicsSettings]
    cross_fit = True

    @classmethod
    def factory(cls, settings: EmbeddingTopicsSettings, context: FitContext) -> Callable[[], Self]:
        return partial(cls, settings, pretrained_vectors(settings, context))

    def fit(self, train: TopicExamples, dev: TopicExamples, *, callback: TrainingCallback) -> Self:
        examples = train + dev
        vectors = self.vectors.of(examples.inputs)
        self.coefficients, self.intercepts = fit_one_vs_rest(vectors, examples.y, c=self.settings.c)
        return self


class EmbeddingStance(OnVectors):
    """Reads the vectors of text and target and their product, and so handles targets that it was not trained on.

    `coefficients` (models, 3, features) and `intercepts` (models, 3) have the shared model first, then those of `own`.
    """

    Saved = _SavedStance
    cross_fit = True

    def __init__(self, settings: EmbeddingStanceSettings, vectors: Vectors):
        super().__init__(settings, vectors)
        self.own: list[str] = []

    @classmethod
    def factory(cls, settings: EmbeddingStanceSettings, context: FitContext) -> Callable[[], Self]:
        return partial(cls, settings, pretrained_vectors(settings, context))

    def fit(self, train: StanceExamples, dev: StanceExamples, *, callback: TrainingCallback) -> Self:
        examples = train + dev
        self.own, models = fit_by_target(
            self._features(examples.inputs),
            examples,
            partial(fit_multinomial, c=self.settings.c),
            own_from=self.settings.own_from,
        )
        self.coefficients, self.intercepts = stack(models)
        return self

    def predict_proba(self, queries: Sequence[Query]) -> FloatArray:
        return predict_by_target(self._features(queries), queries, self.own, self.coefficients, self.intercepts)

    def save(self, folder: Path) -> None:
        settings, precision = self.settings, self.vectors.device.precision
        self._save(folder, _SavedStance(kind="embedding", settings=settings, precision=precision, own=tuple(self.own)))

    @classmethod
    def load(cls, folder: Path) -> Self:
        saved = read_json(folder / SETTINGS_FILE, _SavedStance)
        model = cls._load(folder, saved, 1 + len(saved.own), 3, blocks=3)
        model.own = list(saved.own)
        return model

    def _features(self, queries: Sequence[Query]) -> npt.NDArray[np.float32]:
        text = self.vectors.of([query.text for query in queries])
        target = self.vectors.of([query.target for query in queries])
        # Each entry of the product of two unit vectors is small; scale it to the size of the others.
        return np.hstack([text, target, text * target * np.sqrt(self.vectors.width)])
