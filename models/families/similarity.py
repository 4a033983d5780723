"""The similarity family: assigns the topics whose descriptions are similar to the text. Nothing is trained."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Literal, Self

import numpy as np

from labels.codebook import Codebook, Topic
from models.encoders.settings import EncoderSettings
from models.encoders.vectors import Vectors
from models.examples import TopicExamples, TrainingCallback
from models.families.on_vectors import TopicsOnVectors, pretrained_vectors
from models.families.protocol import FamilySettings, FitContext, SavedFitted

# Sentence encoders are trained to separate texts by 20 times their cosine (a temperature of 0.05), so calibration
# has little to correct. Fitted to labelled news, MiniLM has a scale near 20 and even odds at a cosine of 0.25 to 0.3.
_SCALE, _MIDDLE = 20.0, 0.25


class SimilarityTopicsSettings(EncoderSettings, FamilySettings):
    """The cosine of passage and topic description, with a frozen encoder."""

    finds_unseen_topics: ClassVar[bool] = True
    kind: Literal["similarity"]


class SimilarityTopics(TopicsOnVectors):
    """The log-odds of a topic are `_SCALE` · (cosine − `_MIDDLE`), with the cosine of text and description."""

    Saved = SavedFitted[SimilarityTopicsSettings]
    # Nothing is trained, so every example of train and dev is out-of-fold and can be used for calibration.
    cross_fit = True

    @classmethod
    def factory(cls, settings: SimilarityTopicsSettings, context: FitContext) -> Callable[[], Self]:
        model = cls.of(context.codebook, settings, pretrained_vectors(settings, context))
        return lambda: model

    @classmethod
    def of(cls, codebook: Codebook, settings: SimilarityTopicsSettings, vectors: Vectors) -> Self:
        model = cls(settings, vectors)
        descriptions = vectors.of([_describe(topic) for topic in codebook.topics])
        model.coefficients = _SCALE * descriptions.astype(np.float64)
        model.intercepts = np.full(len(codebook.topics), -_SCALE * _MIDDLE)
        return model

    def fit(self, train: TopicExamples, dev: TopicExamples, *, callback: TrainingCallback) -> Self:
        return self


def _describe(topic: Topic) -> str:
    """Return description and inclusion rules. On the starter corpus, the rules raise MiniLM's mAP by more than 0.1."""
    return ". ".join([topic.description, *(["; ".join(map(str, topic.include))] if topic.include else [])])
