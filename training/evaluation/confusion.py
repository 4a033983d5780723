"""Collect the errors on test that a saved model keeps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from models.confusion import Case, Confusion, Gold, count_groups
from models.tagger import Tagger
from training.evaluation.predictions import Prediction


def confusion_of(predictions: Sequence[Prediction]) -> Confusion | None:
    """Return the errors of a tagger on test, or None if it reads no topics or there is no test."""
    if not predictions or not predictions[0].topics:
        return None
    positions, counts = count_groups(prediction.group for prediction in predictions)
    cases = []
    for prediction in predictions:
        stances = {stance.topic: stance.gold for stance in prediction.stances if stance.topic and not stance.target}
        for topic, read in prediction.topics.items():
            if read.gold is False and not read.assigned:
                continue
            gold: Gold = "tie" if read.gold is None else "yes" if read.gold else "no"
            cases.append(
                Case(
                    article=positions[prediction.group],
                    topic=topic,
                    gold=gold,
                    stance=stances.get(topic) if read.gold else None,
                    probability=round(read.probability, 4) if read.assigned else None,
                    predicted=prediction.tags.get(topic),
                )
            )
    return Confusion(topics=tuple(predictions[0].topics), passages=tuple(counts), cases=tuple(cases))


def with_confusion(tagger: Tagger, predictions: Sequence[Prediction]) -> Tagger:
    """Return the tagger with its errors on test, which correct the shares of the batches that it tags."""
    return replace(tagger, settings=tagger.settings.model_copy(update={"confusion": confusion_of(predictions)}))
