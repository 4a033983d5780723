"""The annotator ceiling: annotators and the model, each scored against the labels of the other annotators."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from labels.codebook import STANCES, Stance
from labels.gold.adjudication import Example, Target, adjudicate, plurality, target_of
from labels.passages import DECIDERS, Annotation, Passage, of_people
from labels.wording import counted
from models.tagger import Tagger
from training.evaluation.metrics import Scores, metrics_by_name
from training.evaluation.predictions import Prediction, StancePrediction, TopicPrediction

_JOINT = "joint/"


@dataclass(frozen=True)
class Ceiling:
    """How well annotators, and the model, meet the gold of the other annotators: the same passages, the same labels.

    `readings` counts the pairs of a passage and an annotator whose reading was scored. Each counts once, so an annotator
    who read more passages weighs more, and the places of a list of votes are pooled.
    """

    annotators: Scores
    model: Scores
    passages: int
    readings: int

    @property
    def counts(self) -> str:
        return f"{counted(self.readings, 'reading')} of {counted(self.passages, 'passage')}"


@dataclass(frozen=True)
class _HeldOut:
    """A reading that was held out (`assigned` topics, `given` stances), and the gold that the others make."""

    passage: Passage
    prediction: Prediction
    assigned: frozenset[str]
    given: Mapping[Target, Stance]
    topics: Mapping[str, bool | None]
    stances: Mapping[Target, Stance | None]


def ceiling(
    tagger: Tagger,
    predictions: Sequence[Prediction],
    examples: Sequence[Example],
    annotations: Sequence[Annotation],
    *,
    target: str | None = None,
    seed: int,
) -> Ceiling | None:
    """Score each annotator, and the tagger, against the majority of the others; None if no passage has several readings.

    `predictions` are the tagger's of `examples`; `target` is the only one to score the stance toward, if there is one.
    Readings by `gold` and `adjudicator` do not count, since who decides has seen the labels of the others, nor do those
    by language models. Stance is scored
    where the held-out annotator gave one, for the annotator and the tagger.
    """
    held_out = list(_hold_out(predictions, examples, annotations, target))
    stances = _stances_of_model(tagger, held_out)
    model = [_by_model(each, stances) for each in held_out]
    annotators = [_by_annotator(each, of_model) for each, of_model in zip(held_out, model, strict=True)]
    # An annotator who could not tell a stance names no pair of topic and stance: no such reading counts for either.
    told = [row for row, prediction in enumerate(annotators) if None not in prediction.tags.values()]
    of_annotators, of_model = (
        _scores(
            [_where_given(*pair) for pair in zip(held_out, each, strict=True)], [each[row] for row in told], seed=seed
        )
        for each in (annotators, model)
    )
    if not of_annotators.headlines():
        return None
    return Ceiling(of_annotators, of_model, len({each.passage.id for each in held_out}), len(held_out))


def _hold_out(
    predictions: Sequence[Prediction],
    examples: Sequence[Example],
    annotations: Sequence[Annotation],
    target: str | None,
) -> Iterator[_HeldOut]:
    """Yield each reading of the passages that several annotators read."""
    readings: dict[str, list[Annotation]] = defaultdict(list)
    for annotation in of_people(annotations):
        if annotation.annotator not in DECIDERS:
            readings[annotation.passage].append(annotation)
    pairs = [
        (prediction, example.passage)
        for prediction, example in zip(predictions, examples, strict=True)
        if len(readings[example.passage.id]) > 1
    ]
    for place in range(max((len(readings[passage.id]) for _, passage in pairs), default=0)):
        held = [pair for pair in pairs if place < len(readings[pair[1].id])]
        others = [other for _, passage in held for n, other in enumerate(readings[passage.id]) if n != place]
        golds = adjudicate([passage for _, passage in held], others)
        for (prediction, passage), gold in zip(held, golds, strict=True):
            reading = readings[passage.id][place]
            yield _HeldOut(
                passage=passage,
                prediction=prediction,
                assigned=frozenset(label.topic for label in reading.labels if label.topic is not None),
                given=_given(reading),
                topics=gold.topics,
                stances={of: stance for of, stance in gold.stances.items() if target in (None, of.topic or of.text)},
            )


def _given(reading: Annotation) -> dict[Target, Stance]:
    """Return the stance that an annotator gave toward each target; of shares, the most frequent one."""
    given = {}
    for label in reading.labels:
        stance = plurality(label.shares.proportions) if label.shares is not None else label.stance
        if stance is not None:
            given[target_of(label)] = stance
    return given


def _stances_of_model(tagger: Tagger, held_out: Sequence[_HeldOut]) -> dict[tuple[str, Target], StancePrediction]:
    """Return passage and target → the model's stance; those that the predictions lack, because the gold does, are read."""
    if not tagger.reader.reads_stance:
        return {}
    stances = {(each.passage.id, _target(stance)): stance for each in held_out for stance in each.prediction.stances}
    pairs = {(each.passage.id, target): each.passage for each in held_out for target in each.stances}
    missing = {key: passage for key, passage in pairs.items() if key not in stances}
    probabilities, decided = tagger.stances([(passage, target) for (_, target), passage in missing.items()])
    for row, (id, target) in enumerate(missing):
        stances[id, target] = _stance(target, None, decided[row], list(map(float, probabilities[row])))
    return stances


def _by_model(held: _HeldOut, stances: Mapping[tuple[str, Target], StancePrediction]) -> Prediction:
    """Return the model's prediction of a passage, with the gold of the others."""
    topics = {
        id: topic.model_copy(update={"gold": held.topics.get(id, False)})
        for id, topic in held.prediction.topics.items()
    }
    judged = [
        stances[held.passage.id, target].model_copy(update={"gold": gold})
        for target, gold in held.stances.items()
        if (held.passage.id, target) in stances
    ]
    return held.prediction.model_copy(update={"topics": topics, "stances": tuple(judged)})


def _by_annotator(held: _HeldOut, of_model: Prediction) -> Prediction:
    """Return an annotator's reading as a prediction; a stance that the annotator did not give stays the model's."""
    topics = {
        id: TopicPrediction(gold=topic.gold, probability=float(id in held.assigned), assigned=id in held.assigned)
        for id, topic in of_model.topics.items()
    }
    judged = [
        _stance(target, each.gold, held.given[target], [float(stance == held.given[target]) for stance in STANCES])
        if target in held.given
        else each
        for each in of_model.stances
        for target in [_target(each)]
    ]
    tags = {id: held.given.get(Target(id)) for id in topics if id in held.assigned}
    return of_model.model_copy(update={"topics": topics, "stances": tuple(judged), "tags": tags})


def _where_given(held: _HeldOut, prediction: Prediction) -> Prediction:
    """Keep the stances toward targets whose stance the annotator gave: a topic that was missed is an error of topics."""
    return prediction.model_copy(
        update={"stances": tuple(each for each in prediction.stances if _target(each) in held.given)}
    )


def _target(stance: StancePrediction) -> Target:
    return Target(stance.topic, stance.target, stance.target_span)


def _stance(target: Target, gold: Stance | None, predicted: Stance, probabilities: Sequence[float]) -> StancePrediction:
    return StancePrediction(
        topic=target.topic,
        target=target.text,
        target_span=target.span,
        gold=gold,
        predicted=predicted,
        **dict(zip(STANCES, probabilities, strict=True)),
    )


def _scores(predictions: Sequence[Prediction], told: Sequence[Prediction], *, seed: int) -> Scores:
    """Return the metrics of predictions; those of pairs of topic and stance are of the predictions in `told`."""
    metrics = {k: metric for k, metric in metrics_by_name(predictions, seed=seed).items() if not k.startswith(_JOINT)}
    pairs = {k: metric for k, metric in metrics_by_name(told, seed=seed).items() if k.startswith(_JOINT)}
    return Scores(metrics | pairs, [], {})
