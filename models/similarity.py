"""The similarity family: a topic as near as its description, by a frozen sentence encoder. It learns nothing."""

from __future__ import annotations

from typing import Self

import numpy as np

from labels.codebook import Codebook
from models.embedding import TopicsOnVectors
from models.examples import TopicExamples, Watch
from models.settings import SimilarityTopicsSettings
from models.vectors import Vectors

# Sentence encoders are trained to tell texts apart by 20 times their cosine (a temperature of 0.05): in these units
# calibration starts near where it ends. Half way between what is related and what is not, by and large.
_SCALE, _MIDDLE = 20.0, 0.3


class SimilarityTopics(TopicsOnVectors):
    """Log-odds of a topic: the cosine of text and description, from `_MIDDLE`, `_SCALE` times."""

    Settings = SimilarityTopicsSettings
    # Every part of train and dev is held out from a model that learns nothing; all of them calibrate it.
    cross_fit = True

    @classmethod
    def of(cls, codebook: Codebook, settings: SimilarityTopicsSettings, vectors: Vectors) -> Self:
        model = cls(settings, vectors)
        model.coefficients = _SCALE * vectors.of([topic.description for topic in codebook.topics]).astype(np.float64)
        model.intercepts = np.full(len(codebook.topics), -_SCALE * _MIDDLE)
        return model

    def fit(self, train: TopicExamples, dev: TopicExamples, *, watch: Watch) -> Self:
        return self
