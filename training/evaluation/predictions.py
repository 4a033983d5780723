"""Predictions with their gold labels, one passage per line: the input of metrics, plots and comparisons."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from labels.codebook import STANCES, Stance
from labels.errors import DemarcheError, Problems, suggest
from labels.files import Frozen, read_jsonl
from labels.gold.adjudication import Example, Target
from labels.passages import Span
from models.tagger import Tagger

_YES = {True: "yes", False: "no"}


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


def errors(predictions: Iterable[Prediction], examples: Iterable[Example]) -> list[dict[str, str | float]]:
    """Return one row for each error, the most confident first: missed topics, topics not in the gold, wrong stances.

    `examples` are those predicted; `probability` is that of what was predicted, also if that is `no`.
    """
    rows: list[dict[str, str | float]] = []
    for prediction, example in zip(predictions, examples, strict=True):
        for id, topic in prediction.topics.items():
            if topic.gold is not None and topic.gold != topic.assigned:
                sure = topic.probability if topic.assigned else 1 - topic.probability
                yes = example.topic_votes.get(id, 0.0)
                rows.append(
                    _error(prediction, id, "topic", _YES[topic.gold], _YES[topic.assigned], sure, f"yes {yes:.0%}")
                )
        for stance in prediction.stances:
            if stance.gold is not None and stance.gold != stance.predicted:
                about = stance.topic or stance.target or ""
                sure = float(getattr(stance, stance.predicted))
                votes = example.stance_votes.get(Target(stance.topic, stance.target, stance.target_span))
                rows.append(
                    _error(prediction, about, "stance", stance.gold, stance.predicted, sure, _describe_votes(votes))
                )
    return sorted(rows, key=lambda row: -float(row["probability"]))


def _describe_votes(proportions: Sequence[float] | None) -> str:
    """Return the proportions of the annotators' stances, the largest first: `favor 67%, neutral 33%`."""
    votes = sorted(zip(proportions or (), STANCES, strict=False), key=lambda vote: -vote[0])
    return ", ".join(f"{stance} {share:.0%}" for share, stance in votes if share > 0)


def _error(
    prediction: Prediction, about: str, task: str, gold: str, predicted: str, probability: float, votes: str
) -> dict[str, str | float]:
    return {
        "text": prediction.text,
        "class": about,
        "gold": gold,
        "predicted": predicted,
        "probability": round(probability, 3),
        "votes": votes,
        "task": task,
        "passage": prediction.passage,
    }
