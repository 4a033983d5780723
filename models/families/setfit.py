"""The setfit family: an encoder trained on pairs of examples, for few labels (Tunstall et al. 2022).

A few examples make many pairs. After contrastive training a logistic regression is fitted on the encoder's vectors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import Field
from scipy.special import softmax

from models.encoders.settings import ContrastiveSettings
from models.encoders.vectors import Vectors
from models.examples import FloatArray, Query, StanceExamples, TopicExamples, TrainingCallback
from models.families.on_vectors import OnVectors, TopicsOnVectors, pretrained_vectors
from models.families.protocol import SETTINGS_FILE, FamilySettings, FitContext, SavedFitted
from models.families.regression import Penalty, fit_multinomial, fit_one_vs_rest
from models.saved_parts import read_json


class SetfitTopicsSettings(ContrastiveSettings, FamilySettings):
    """For 8 to 64 labels per topic: an encoder trained on pairs, and a logistic regression per topic."""

    kind: Literal["setfit"]
    c: Penalty = 10.0


class SetfitStanceSettings(ContrastiveSettings, FamilySettings):
    """For 8 to 64 labels per stance: an encoder that reads passage and target, trained on pairs."""

    kind: Literal["setfit"]
    c: Penalty = 10.0
    # A sentence encoder already separates topics; for stance it has more to learn.
    learning_rate: Annotated[float, Field(gt=0, lt=1)] = 1e-4


class _Setfit(OnVectors):
    """Base of the topic and stance classifiers."""

    def __init__(self, settings: Any, vectors: Vectors, *, seed: int = 0):
        super().__init__(settings, vectors)
        self.seed = seed

    @property
    def cross_fit(self) -> bool:
        return bool(self.settings.cross_fit)

    @classmethod
    def factory(cls, settings: Any, context: FitContext) -> Callable[[], Self]:
        return partial(cls, settings, pretrained_vectors(settings, context), seed=context.seed)

    def _train_vectors(self, name: str, train: Any, callback: TrainingCallback) -> None:
        from models.encoders.contrastive import train_on_pairs

        self.vectors = train_on_pairs(
            self.vectors, train.inputs, train.y, self.settings, name=name, seed=self.seed, callback=callback
        )


class SetfitTopics(_Setfit, TopicsOnVectors):
    """Trains the encoder so that texts are similar to the degree that they have the same topics."""

    Saved = SavedFitted[SetfitTopicsSettings]

    def fit(self, train: TopicExamples, dev: TopicExamples, *, callback: TrainingCallback) -> Self:
        self._train_vectors("topics", train, callback)
        vectors = self.vectors.of(train.inputs)
        self.coefficients, self.intercepts = fit_one_vs_rest(vectors, train.y, c=self.settings.c)
        return self


class SetfitStance(_Setfit, OnVectors):
    """Reads text and target side by side; queries with the same stance are similar."""

    Saved = SavedFitted[SetfitStanceSettings]

    def fit(self, train: StanceExamples, dev: StanceExamples, *, callback: TrainingCallback) -> Self:
        self._train_vectors("stance", train, callback)
        vectors = self.vectors.of_queries(train.inputs)
        self.coefficients, self.intercepts = fit_multinomial(vectors, train.y, c=self.settings.c)
        return self

    def predict_proba(self, queries: Sequence[Query]) -> FloatArray:
        log_odds = self.vectors.of_queries(queries) @ self.coefficients.T + self.intercepts
        return np.asarray(softmax(log_odds, axis=1), dtype=np.float64)

    @classmethod
    def load(cls, folder: Path) -> Self:
        return cls._load(folder, read_json(folder / SETTINGS_FILE, cls.Saved), 3)
