"""Predictions with their gold labels, one passage per line: the input of metrics, plots and comparisons."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from labels.codebook import STANCES, Stance
from labels.errors import DemarcheError, Problems, suggest
from labels.files import Frozen, read_jsonl
from labels.gold.adjudication import Example
from labels.passages import Span
from models.tagger import Tagger


class TopicPrediction(Frozen):
    """A topic of a passage. `gold` is None if the annotators were tied."""

    gold: bool | None
    probability: float
    assigned: bool


class StancePrediction(Frozen):
    """The stance toward a topic or named target in the gold, whether or not the tagger assigned the topic.

    `gold` is None if the annotators were tied or none could tell.
    """

    topic: str | None = None
    target: str | None = None
    target_span: Span | None = None
    gold: Stance | None
    predicted: Stance
    favor: float
    against: float
    neutral: float


class Prediction(Frozen):
    """A passage with its gold and predictions. `tags` maps topics to stances as the tagger gives them in use."""

    passage: str
    group: str
    split: str
    text: str
    topics: dict[str, TopicPrediction]
    stances: tuple[StancePrediction, ...]
    tags: dict[str, Stance | None]


def predict(tagger: Tagger, examples: Sequence[Example], splits: Iterable[str]) -> list[Prediction]:
    """Predict every topic, the stance toward the gold targets, and the tags in use, for each example.

    Raises DemarcheError if the gold has a topic that the tagger's codebook lacks.
    """
    topic_ids = set(tagger.codebook.topic_ids)
    for example in examples:
        unknown = {*example.topics, *(target.topic for target in example.stances if target.topic)} - topic_ids
        if unknown:
            raise DemarcheError(
                f"passage {example.passage.id!r}: the model's codebook {tagger.codebook.reference} has no topic "
                f"{min(unknown)!r}{suggest(min(unknown), topic_ids)}; evaluate it on gold of its own codebook"
            )
    passages = [example.passage for example in examples]
    topics: list[dict[str, TopicPrediction]] = [{} for _ in examples]
    tags: list[dict[str, Stance | None]] = [{} for _ in examples]
    if tagger.reader.reads_topics:
        probabilities, read = tagger.read_topics(passages)
        tags = [{tag.topic: tag.stance for tag in tagged if tag.assigned} for tagged in read]
        topics = [
            {
                id: TopicPrediction(
                    gold=example.topics.get(id, False),
                    probability=float(probabilities[row, column]),
                    assigned=id in tags[row],
                )
                for column, id in enumerate(tagger.codebook.topic_ids)
            }
            for row, example in enumerate(examples)
        ]
    stances: list[list[StancePrediction]] = [[] for _ in examples]
    if tagger.reader.reads_stance:
        queries = [(row, target) for row, example in enumerate(examples) for target in example.stances]
        stance_probabilities, decided = tagger.stances([(passages[row], target) for row, target in queries])
        for position, (row, target) in enumerate(queries):
            stances[row].append(
                StancePrediction(
                    topic=target.topic,
                    target=target.text,
                    target_span=target.span,
                    gold=examples[row].stances[target],
                    predicted=decided[position],
                    **dict(zip(STANCES, map(float, stance_probabilities[position]), strict=True)),
                )
            )
    return [
        Prediction(
            passage=example.passage.id,
            group=example.passage.group_id,
            split=split,
            text=example.passage.text,
            topics=topics[row],
            stances=tuple(stances[row]),
            tags=tags[row],
        )
        for row, (example, split) in enumerate(zip(examples, splits, strict=True))
    ]


def read_predictions(path: Path) -> list[Prediction]:
    """Read a file of predictions. Raises BadInput with every line that is not valid."""
    problems = Problems()
    predictions = [prediction for _, prediction in read_jsonl(path, Prediction, problems)]
    problems.raise_any()
    return predictions


def errors(predictions: Iterable[Prediction]) -> list[dict[str, str | float]]:
    """Return one row for each error, the most confident first: missed topics, topics not in the gold, wrong stances."""
    rows: list[dict[str, str | float]] = []
    for prediction in predictions:
        for id, topic in prediction.topics.items():
            if topic.gold is not None and topic.gold != topic.assigned:
                what = "topic missed" if topic.gold else "topic not in gold"
                sure = 1 - topic.probability if topic.gold else topic.probability
                rows.append(_error(prediction, what, id, str(topic.gold), str(topic.assigned), sure))
        for stance in prediction.stances:
            if stance.gold is not None and stance.gold != stance.predicted:
                about = stance.topic or stance.target or ""
                sure = float(getattr(stance, stance.predicted))
                rows.append(_error(prediction, "stance", about, stance.gold, stance.predicted, sure))
    return sorted(rows, key=lambda row: -float(row["sure"]))


def _error(
    prediction: Prediction, what: str, about: str, gold: str, predicted: str, sure: float
) -> dict[str, str | float]:
    return {
        "error": what,
        "about": about,
        "gold": gold,
        "predicted": predicted,
        "sure": round(sure, 3),
        "passage": prediction.passage,
        "text": prediction.text,
    }
