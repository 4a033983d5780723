"""The plain baseline: the shortest scikit-learn script that a practitioner would write, on the same rows as a run."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline, make_pipeline

from labels.codebook import STANCES, Codebook
from labels.gold.adjudication import Example, Target
from models.examples import Field, render
from training.evaluation.predictions import Prediction, StancePrediction, TopicPrediction


def pipeline(model: object) -> Pipeline:
    return make_pipeline(TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2), model)


def regression() -> LogisticRegression:
    return LogisticRegression(C=10, class_weight="balanced", max_iter=1000)


def plain_topics(
    codebook: Codebook,
    fields: Sequence[Field],
    train: Sequence[Example],
    test: Sequence[Example],
    splits: Sequence[str],
) -> list[Prediction]:
    """Predict topics; a topic is assigned where its probability is at least one half."""
    texts = [render(example.passage, fields)[0] for example in train]
    gold = np.array([[bool(example.topics.get(id)) for id in codebook.topic_ids] for example in train])
    model = pipeline(OneVsRestClassifier(regression())).fit(texts, gold)
    probabilities = model.predict_proba([render(example.passage, fields)[0] for example in test])
    return [
        _prediction(
            example,
            split,
            topics={
                id: TopicPrediction(gold=example.topics.get(id, False), probability=float(p), assigned=bool(p >= 0.5))
                for id, p in zip(codebook.topic_ids, row, strict=True)
            },
        )
        for example, split, row in zip(test, splits, probabilities, strict=True)
    ]


def plain_stance(train: Sequence[Example], test: Sequence[Example], splits: Sequence[str]) -> list[Prediction]:
    """Predict the most probable stance from the text, preceded by the target if the data has several targets."""
    several = len({target.text for example in train for target in example.stances}) > 1

    def input_text(example: Example, target: Target) -> str:
        return f"{target.text} {example.passage.text}" if several else example.passage.text

    texts, gold = zip(
        *(
            (input_text(example, target), stance)
            for example in train
            for target, stance in example.stances.items()
            if stance is not None
        ),
        strict=True,
    )
    model = pipeline(regression()).fit(texts, gold)
    order = [list(model.classes_).index(stance) for stance in STANCES]
    predictions = []
    for example, split in zip(test, splits, strict=True):
        stances = []
        for target, stance in example.stances.items():
            row = model.predict_proba([input_text(example, target)])[0][order]
            probabilities = dict(zip(STANCES, map(float, row), strict=True))
            stances.append(
                StancePrediction(
                    target=target.text,
                    target_span=target.span,
                    gold=stance,
                    predicted=STANCES[int(row.argmax())],
                    **probabilities,
                )
            )
        predictions.append(_prediction(example, split, stances=tuple(stances)))
    return predictions


def _prediction(
    example: Example,
    split: str,
    *,
    topics: dict[str, TopicPrediction] | None = None,
    stances: tuple[StancePrediction, ...] = (),
) -> Prediction:
    passage = example.passage
    return Prediction(
        passage=passage.id,
        group=passage.group_id,
        split=split,
        text=passage.text,
        topics=topics or {},
        stances=stances,
        tags={},
    )
