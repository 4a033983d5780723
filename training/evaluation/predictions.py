"""Gold and prediction side by side, a line a passage: what scores, figures and comparisons are made of."""

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
    """`gold` is None where the readers were tied."""

    gold: bool | None
    probability: float
    assigned: bool


class StancePrediction(Frozen):
    """The stance toward a topic or a named target that the gold has, whether or not the tagger found it."""

    topic: str | None = None
    target: str | None = None
    target_span: Span | None = None
    gold: Stance | None
    predicted: Stance
    favor: float
    against: float
    neutral: float


class Prediction(Frozen):
    """A passage of the test side. `tags`: topic → stance as the tagger gives them in use."""

    passage: str
    group: str
    split: str
    text: str
    topics: dict[str, TopicPrediction]
    stances: tuple[StancePrediction, ...]
    tags: dict[str, Stance | None]


def predict(tagger: Tagger, examples: Sequence[Example], sides: Iterable[str]) -> list[Prediction]:
    """What the tagger says of each example: of every topic, of the gold targets, and in use."""
    known = set(tagger.codebook.topic_ids)
    for example in examples:
        strange = {*example.topics, *(target.topic for target in example.stances if target.topic)} - known
        if strange:
            raise DemarcheError(
                f"passage {example.passage.id!r}: the model's codebook {tagger.codebook.reference} has no topic "
                f"{min(strange)!r}{suggest(min(strange), known)}; judge it on gold of its own codebook"
            )
    passages = [example.passage for example in examples]
    topics: list[dict[str, TopicPrediction]] = [{} for _ in examples]
    tags: list[dict[str, Stance | None]] = [{} for _ in examples]
    if tagger.reader.reads_topics:
        probabilities, found = tagger.read_topics(passages)
        tags = [{tag.topic: tag.stance for tag in tagged if tag.assigned} for tagged in found]
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
        asked = [(row, target) for row, example in enumerate(examples) for target in example.stances]
        shares, decided = tagger.stances([(passages[row], target) for row, target in asked])
        for position, (row, target) in enumerate(asked):
            stances[row].append(
                StancePrediction(
                    topic=target.topic,
                    target=target.text,
                    target_span=target.span,
                    gold=examples[row].stances[target],
                    predicted=decided[position],
                    **dict(zip(STANCES, map(float, shares[position]), strict=True)),
                )
            )
    return [
        Prediction(
            passage=example.passage.id,
            group=example.passage.group_id,
            split=side,
            text=example.passage.text,
            topics=topics[row],
            stances=tuple(stances[row]),
            tags=tags[row],
        )
        for row, (example, side) in enumerate(zip(examples, sides, strict=True))
    ]


def read_predictions(path: Path) -> list[Prediction]:
    problems = Problems()
    found = [prediction for _, prediction in read_jsonl(path, Prediction, problems)]
    problems.raise_any()
    return found


def errors(predictions: Iterable[Prediction]) -> list[dict[str, str | float]]:
    """A row a mistake, the surest first: topics missed or wrongly found, stances mistaken."""
    rows: list[dict[str, str | float]] = []
    for prediction in predictions:
        for topic, said in prediction.topics.items():
            if said.gold is not None and said.gold != said.assigned:
                what = "topic missed" if said.gold else "topic not there"
                sure = 1 - said.probability if said.gold else said.probability
                rows.append(_error(prediction, what, topic, str(said.gold), str(said.assigned), sure))
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
