"""The shortest script that a practitioner would write, on the rows that a run was given."""

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
    codebook: Codebook, fields: Sequence[Field], learn: Sequence[Example], test: Sequence[Example], sides: Sequence[str]
) -> list[Prediction]:
    """Topics where the probability is at least one half."""
    texts = [render(example.passage, fields)[0] for example in learn]
    gold = np.array([[bool(example.topics.get(id)) for id in codebook.topic_ids] for example in learn])
    model = pipeline(OneVsRestClassifier(regression())).fit(texts, gold)
    said = model.predict_proba([render(example.passage, fields)[0] for example in test])
    return [
        _prediction(
            example,
            side,
            topics={
                id: TopicPrediction(gold=example.topics.get(id, False), probability=float(p), assigned=bool(p >= 0.5))
                for id, p in zip(codebook.topic_ids, row, strict=True)
            },
        )
        for example, side, row in zip(test, sides, said, strict=True)
    ]


def plain_stance(learn: Sequence[Example], test: Sequence[Example], sides: Sequence[str]) -> list[Prediction]:
    """The likeliest stance, from the text; where targets differ, with the target before it."""
    several = len({target.text for example in learn for target in example.stances}) > 1

    def read(example: Example, target: Target) -> str:
        return f"{target.text} {example.passage.text}" if several else example.passage.text

    texts, gold = zip(
        *(
            (read(example, target), stance)
            for example in learn
            for target, stance in example.stances.items()
            if stance is not None
        ),
        strict=True,
    )
    model = pipeline(regression()).fit(texts, gold)
    order = [list(model.classes_).index(stance) for stance in STANCES]
    found = []
    for example, side in zip(test, sides, strict=True):
        rows = []
        for target, stance in example.stances.items():
            shares = model.predict_proba([read(example, target)])[0][order]
            said = dict(zip(STANCES, map(float, shares), strict=True))
            rows.append(
                StancePrediction(
                    target=target.text,
                    target_span=target.span,
                    gold=stance,
                    predicted=STANCES[int(shares.argmax())],
                    **said,
                )
            )
        found.append(_prediction(example, side, stances=tuple(rows)))
    return found


def _prediction(
    example: Example,
    side: str,
    *,
    topics: dict[str, TopicPrediction] | None = None,
    stances: tuple[StancePrediction, ...] = (),
) -> Prediction:
    passage = example.passage
    return Prediction(
        passage=passage.id,
        group=passage.group_id,
        split=side,
        text=passage.text,
        topics=topics or {},
        stances=stances,
        tags={},
    )
