"""The embedding family: logistic regression on the vectors of a frozen encoder; and what others share with it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file
from sklearn.linear_model import LogisticRegression

from models import encoders
from models.examples import FloatArray, Query, StanceExamples, TopicExamples, Watch
from models.families import read_settings, write_settings
from models.linear import balance, save_arrays, votes_of
from models.settings import EmbeddingStanceSettings, EmbeddingTopicsSettings, Encoded
from models.vectors import Vectors

_WEIGHTS = "weights.safetensors"
_NEVER = -30.0  # log-odds of what nobody was seen to say


class OnVectors:
    """Log-odds linear in what an encoder makes of a text: `coefficients` (labels, features), `intercepts` (labels,)."""

    Settings: ClassVar[type[Encoded]]

    def __init__(self, settings: Any, vectors: Vectors):
        self.settings = settings
        self.vectors = vectors
        self.coefficients = np.zeros((0, 0))
        self.intercepts = np.zeros(0)

    def save(self, folder: Path) -> None:
        plain = self.settings.model_dump(mode="json")
        write_settings(folder, plain["kind"], settings=plain, precision=self.vectors.machine.precision)
        save_arrays(folder / _WEIGHTS, {"coefficients": self.coefficients, "intercepts": self.intercepts})
        self.vectors.save(folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        saved = read_settings(folder)
        settings = cls.Settings.model_validate(saved["settings"])
        here = encoders.machine(precision=saved["precision"])
        model = cls(settings, Vectors.load(folder, here, max_length=settings.max_length))
        arrays = load_file(folder / _WEIGHTS)
        model.coefficients, model.intercepts = arrays["coefficients"], arrays["intercepts"]
        return model


class TopicsOnVectors(OnVectors):
    """Each topic by itself."""

    def predict_proba(self, texts: Sequence[str]) -> FloatArray:
        odds = self.vectors.of(texts) @ self.coefficients.T + self.intercepts
        return np.asarray(1 / (1 + np.exp(-odds)), dtype=np.float64)


class StanceOnVectors(OnVectors, ABC):
    """One of the three stances."""

    def predict_proba(self, queries: Sequence[Query]) -> FloatArray:
        odds = self.features(queries) @ self.coefficients.T + self.intercepts
        e = np.exp(odds - odds.max(axis=1, keepdims=True, initial=_NEVER))
        return np.asarray(e / e.sum(axis=1, keepdims=True), dtype=np.float64)

    @abstractmethod
    def features(self, queries: Sequence[Query]) -> npt.NDArray[np.float32]:
        """(n, features)"""


class EmbeddingTopics(TopicsOnVectors):
    """A logistic regression a topic."""

    Settings = EmbeddingTopicsSettings
    cross_fit = True

    def fit(self, train: TopicExamples, dev: TopicExamples, *, watch: Watch) -> Self:
        examples = train + dev
        self.coefficients, self.intercepts = fit_heads(self.vectors.of(examples.texts), examples.y, c=self.settings.c)
        return self


class EmbeddingStance(StanceOnVectors):
    """Features join the vectors of text and target and their product, so that an unseen target can be read too."""

    Settings = EmbeddingStanceSettings
    cross_fit = True

    def fit(self, train: StanceExamples, dev: StanceExamples, *, watch: Watch) -> Self:
        examples = train + dev
        self.coefficients, self.intercepts = fit_head(self.features(examples.queries), examples.y, c=self.settings.c)
        return self

    def features(self, queries: Sequence[Query]) -> npt.NDArray[np.float32]:
        text = self.vectors.of([query.text for query in queries])
        target = self.vectors.of([query.target for query in queries])
        # The product of two unit vectors is small in every place; scaled to the size of the others.
        return np.hstack([text, target, text * target * np.sqrt(self.vectors.width)])


def fit_heads(x: npt.NDArray[Any], y: FloatArray, *, c: float) -> tuple[FloatArray, FloatArray]:
    """(topics, features) and (topics,): log-odds of each topic by itself."""
    heads = [fit_head(x, np.column_stack([share, 1 - share]), c=c) for share in y.T]
    return np.vstack([of[0] - of[1] for of, _ in heads]), np.array([of[0] - of[1] for _, of in heads])


def fit_head(x: npt.NDArray[Any], shares: FloatArray, *, c: float) -> tuple[FloatArray, FloatArray]:
    """(labels, features) and (labels,) of a multinomial regression; each label counts the same in all."""
    rows, labels, votes = votes_of(shares)
    given = np.unique(labels)
    coefficients, intercepts = np.zeros((shares.shape[1], x.shape[1])), np.full(shares.shape[1], _NEVER)
    if len(given) == 1:
        intercepts[given] = 0.0
        return coefficients, intercepts
    if (shares == shares[0]).all():
        # All examples say the same: there is nothing to tell apart.
        intercepts[given] = np.log(shares[0, given])
        return coefficients, intercepts
    model = LogisticRegression(C=c, max_iter=1000)
    model.fit(x[rows], labels, sample_weight=votes * balance(labels, votes))
    if len(given) == 2:
        # Two classes have one row of coefficients: half for the one, half against the other.
        coefficients[given] = np.vstack([-model.coef_[0], model.coef_[0]]) / 2
        intercepts[given] = np.array([-model.intercept_[0], model.intercept_[0]]) / 2
        return coefficients, intercepts
    return model.coef_, model.intercept_
