"""Combine the readings of several annotators into gold labels, and keep their votes."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from labels.codebook import STANCES, Name, Stance
from labels.errors import DemarcheError
from labels.files import Frozen
from labels.passages import DECIDERS, Annotation, Label, Passage, Span, is_person, of_people

Method = Literal["majority", "dawid_skene"]
Proportions = tuple[float, float, float]
"""Proportions of favor, against and neutral; they add up to 1."""
_CLOSE = 1e-9
_SEVERAL = 3
"""Minimum number of annotators for Dawid-Skene to decide: if two disagree, neither is known to be right."""
_SURE = 0.75  # odds of three to one
_ONLY: Mapping[Stance, Proportions] = {
    "favor": (1.0, 0.0, 0.0),
    "against": (0.0, 1.0, 0.0),
    "neutral": (0.0, 0.0, 1.0),
}


class Target(NamedTuple):
    """The target of a stance: a topic of the codebook, or a text that the label names."""

    topic: str | None
    text: str | None = None
    span: Span | None = None


@dataclass(frozen=True)
class Example:
    """A passage with its gold labels and the votes behind them.

    `topics`: topic → True, or None for a tie; topics that do not hold are absent.
    `stances`: target → stance, or None for a tie or if no annotator could tell.
    `topic_votes`: topic → fraction of the annotators who assigned it. `stance_votes`: target → proportions
    of the stances among the annotators who gave one, or the mean of their labels' shares. With Dawid-Skene, both are
    probabilities instead.
    """

    passage: Passage
    topics: Mapping[str, bool | None]
    stances: Mapping[Target, Stance | None]
    topic_votes: Mapping[str, float]
    stance_votes: Mapping[Target, Proportions]

    @property
    def tied_topics(self) -> list[str]:
        return [topic for topic, holds in self.topics.items() if holds is None]

    @property
    def ties(self) -> list[str]:
        """A description of each tie between the annotators."""
        tied = [f"whether {topic} holds ({self.topic_votes[topic]:.0%})" for topic in self.tied_topics]
        for target, stance in self.stances.items():
            if stance is None and target in self.stance_votes:
                proportions = zip(STANCES, self.stance_votes[target], strict=True)
                tied.append(
                    f"stance toward {target.topic or target.text}: "
                    + ", ".join(f"{name} {proportion:.0%}" for name, proportion in proportions if proportion > _CLOSE)
                )
        return tied

    def decision(self) -> Decision:
        """Return the example as a line of the decisions file."""
        stances = [
            StanceDecision(
                topic=target.topic,
                target=target.text,
                target_span=target.span,
                stance=stance,
                **dict(zip(STANCES, self.stance_votes.get(target, (None,) * 3), strict=True)),
            )
            for target, stance in self.stances.items()
        ]
        topics = {
            topic: TopicDecision(holds=self.topics.get(topic, False), share=self.topic_votes.get(topic, 0.0))
            for topic in sorted({*self.topics, *self.topic_votes})
        }
        return Decision(passage=self.passage.id, topics=topics, stances=tuple(stances))


class TopicDecision(Frozen):
    """The decision on a topic (`holds` is None for a tie), with its fraction of votes or its probability."""

    holds: bool | None
    share: float


class StanceDecision(Frozen):
    """The decision on a stance (None for a tie or if nobody could tell), with the vote proportions or probabilities."""

    topic: Name | None
    target: str | None
    target_span: Span | None
    stance: Stance | None
    favor: float | None
    against: float | None
    neutral: float | None


class Decision(Frozen):
    """The gold labels of a passage as a line of the decisions file; topics that nobody assigned are left out."""

    passage: Name
    topics: Mapping[str, TopicDecision]
    stances: tuple[StanceDecision, ...]


def adjudicate(
    passages: Iterable[Passage], annotations: Iterable[Annotation], *, by: Method = "majority"
) -> list[Example]:
    """Return the gold labels of each annotated passage, in the order of the passages.

    By majority, a topic holds if more than half of the annotators assigned it, and the stance toward a target is the
    most frequent one. Dawid-Skene weighs annotators by their estimated accuracy; it decides a label at odds of three
    to one or more, and leaves a tie if only two annotators disagree. Ties are None. A reading by `gold`, or else by
    `adjudicator`, decides alone; the votes are still those of the other annotators. Language models count only where no
    person has read the passage. Raises DemarcheError if Dawid-Skene cannot identify the annotator of a vote.
    """
    readings: dict[str, list[Annotation]] = defaultdict(list)
    for annotation in annotations:
        readings[annotation.passage].append(annotation)
    read = [
        (passage, of_people(readings[passage.id]) or readings[passage.id])
        for passage in passages
        if passage.id in readings
    ]
    voters = [_voters(each) for _, each in read]
    polls = _dawid_skene(voters) if by == "dawid_skene" else [_majority(each) for each in voters]
    return [_example(passage, each, poll) for (passage, each), poll in zip(read, polls, strict=True)]


def plurality(proportions: Sequence[float]) -> Stance | None:
    """Return the stance with the largest proportion, or None if it is tied."""
    top = max(proportions)
    winners = [stance for stance, each in zip(STANCES, proportions, strict=True) if each > top - _CLOSE]
    return winners[0] if len(winners) == 1 else None


def target_of(label: Label) -> Target:
    """Return the target of a label's stance: the named target if there is one, otherwise the topic."""
    if label.target is not None:
        return Target(None, label.target, label.target_span)
    return Target(label.topic)


@dataclass(frozen=True)
class _Poll:
    """The decisions on a passage, as in an Example, and the vote proportions behind them."""

    topics: dict[str, bool | None]
    stances: dict[Target, Stance | None]
    topic_votes: dict[str, float]
    stance_votes: dict[Target, Proportions]


def _voters(readings: Sequence[Annotation]) -> list[Annotation]:
    """Return the readings that count as votes: all except the deciders', or a decider's if there are no others."""
    decider = _decider(readings)
    return [reading for reading in readings if reading.annotator not in DECIDERS] or ([decider] if decider else [])


def _decider(readings: Sequence[Annotation]) -> Annotation | None:
    """Return the reading that overrides the votes, if there is one."""
    by_name = {reading.annotator: reading for reading in readings}
    return next((by_name[name] for name in DECIDERS if name in by_name), None)


def _example(passage: Passage, readings: list[Annotation], poll: _Poll) -> Example:
    decider = _decider(readings)
    stance_votes: Mapping[Target, Proportions] = poll.stance_votes
    topics: Mapping[str, bool | None] = poll.topics
    if decider is None:
        stances = {
            target: stance
            for target, stance in poll.stances.items()
            if target.topic is None or topics.get(target.topic)
        }
        named = {target_of(label) for reading in readings for label in reading.labels}
    else:
        decided = _majority([decider])
        topics, stances = decided.topics, dict(decided.stances)
        named = {target_of(label) for label in decider.labels}
        stance_votes = {target: stance_votes.get(target, votes) for target, votes in decided.stance_votes.items()}
    # Targets for which no annotator could tell the stance.
    for target in named - stances.keys():
        if target.topic is None or topics.get(target.topic):
            stances[target] = None
    order = sorted(stances, key=lambda target: (target.topic or "", target.text or "", target.span or (0, 0)))
    return Example(passage, topics, {target: stances[target] for target in order}, poll.topic_votes, stance_votes)


def _majority(voters: Sequence[Annotation]) -> _Poll:
    topics, stances = _votes(voters)
    topic_votes = {topic: len(who) / len(voters) for topic, who in sorted(topics.items())}
    stance_votes = {target: _mean(list(votes.values())) for target, votes in stances.items()}
    return _Poll(
        topics={
            topic: True if fraction > 0.5 + _CLOSE else None
            for topic, fraction in topic_votes.items()
            if fraction > 0.5 - _CLOSE
        },
        stances={target: plurality(proportions) for target, proportions in stance_votes.items()},
        topic_votes=topic_votes,
        stance_votes=stance_votes,
    )


def _votes(voters: Sequence[Annotation]) -> tuple[dict[str, set[str]], dict[Target, dict[str, Proportions]]]:
    """Return topic → its annotators, and target → annotator → proportions: the label's shares, or 1 for its stance."""
    topics: dict[str, set[str]] = defaultdict(set)
    stances: dict[Target, dict[str, Proportions]] = defaultdict(dict)
    for reading in voters:
        for label in reading.labels:
            if label.topic is not None:
                topics[label.topic].add(reading.annotator)
            if label.shares is not None:
                stances[target_of(label)][reading.annotator] = _mean([label.shares.proportions])
            elif label.stance is not None:
                stances[target_of(label)][reading.annotator] = _ONLY[label.stance]
    return topics, stances


def _mean(votes: Sequence[Proportions]) -> Proportions:
    """Return the mean of the proportions, which add up to exactly 1 although shares may be rounded."""
    favor, against, neutral = (math.fsum(column) for column in zip(*votes, strict=True))
    total = favor + against + neutral
    return favor / total, against / total, neutral / total


def _dawid_skene(voters: Sequence[Sequence[Annotation]]) -> list[_Poll]:
    """Return the majority polls, replaced by Dawid-Skene wherever three or more annotators disagree."""
    from labels.gold.dawid_skene import probabilities

    anonymous = next((r.annotator for readings in voters for r in readings if not is_person(r.annotator)), None)
    if anonymous is not None:
        raise DemarcheError(
            f"annotator {anonymous!r} is a position in a list of votes and may be a different person in each row; "
            "Dawid-Skene weighs annotators by their accuracy, so adjudicate by majority instead"
        )
    if any(label.shares for readings in voters for reading in readings for label in reading.labels):
        raise DemarcheError(
            "a label with shares does not say who cast each vote; "
            "Dawid-Skene weighs annotators by their accuracy, so adjudicate by majority instead"
        )
    polls = [_majority(readings) for readings in voters]
    votes = [_votes(readings) for readings in voters]
    for topic in sorted({topic for topics, _ in votes for topic in topics}):
        by_row = probabilities(
            (
                (row, reading.annotator, "yes" if reading.annotator in votes[row][0].get(topic, ()) else "no")
                for row, readings in enumerate(voters)
                for reading in readings
            ),
            ("yes", "no"),
        )
        for row, (yes, no) in by_row.items():
            if len(voters[row]) >= _SEVERAL and 0 < len(votes[row][0].get(topic, ())) < len(voters[row]):
                polls[row].topic_votes[topic] = float(yes)
                polls[row].topics.pop(topic, None)
                if no < _SURE:
                    polls[row].topics[topic] = True if yes >= _SURE else None
    questions = [(row, target) for row, (_, stances) in enumerate(votes) for target in stances]
    stance_probabilities = probabilities(
        (
            (number, annotator, stance)
            for number, (row, target) in enumerate(questions)
            for annotator, vote in votes[row][1][target].items()
            for stance, chosen in zip(STANCES, vote, strict=True)
            if chosen
        ),
        STANCES,
    )
    for number, (row, target) in enumerate(questions):
        cast = votes[row][1][target].values()
        if len(cast) >= _SEVERAL and len(set(cast)) > 1:
            favor, against, neutral = map(float, stance_probabilities[number])
            polls[row].stance_votes[target] = (favor, against, neutral)
            sure = max(favor, against, neutral) >= _SURE
            polls[row].stances[target] = plurality((favor, against, neutral)) if sure else None
    return polls
