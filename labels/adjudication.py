"""From several annotators' readings to one gold reading, with the votes kept beside it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from labels.codebook import STANCES, Stance
from labels.passages import DECIDERS, Annotation, Label, Passage, Span

Shares = tuple[float, float, float]
"""Shares of favor, against and neutral; they add up to 1."""


class Target(NamedTuple):
    """What a stance is toward: a topic of the codebook, or a text that the label names."""

    topic: str | None
    text: str | None = None
    span: Span | None = None


@dataclass(frozen=True)
class Example:
    """A passage with what its readers together say of it.

    `topics`: topic → True, or None for a tie; a topic that does not hold is not there.
    `stances`: target → stance, or None for a tie or where no reader could tell.
    `topic_votes`: topic → share of readers who found it. `stance_votes`: target → shares of the
    stances among those readers who gave one.
    """

    passage: Passage
    topics: Mapping[str, bool | None]
    stances: Mapping[Target, Stance | None]
    topic_votes: Mapping[str, float]
    stance_votes: Mapping[Target, Shares]

    @property
    def tied_topics(self) -> list[str]:
        return [topic for topic, holds in self.topics.items() if holds is None]


def adjudicate(passages: Iterable[Passage], annotations: Iterable[Annotation]) -> list[Example]:
    """Majority of the readings of each annotated passage, in the order of the passages.

    A topic holds where more than half of the readers found it; a stance is the one most readers of
    that target gave. Ties stay None. A reading by `gold`, or else by `adjudicator`, decides alone.
    """
    readings: dict[str, list[Annotation]] = defaultdict(list)
    for annotation in annotations:
        readings[annotation.passage].append(annotation)
    return [_example(passage, readings[passage.id]) for passage in passages if passage.id in readings]


def plurality(shares: Sequence[float]) -> Stance | None:
    """The stance with the largest share; None if two share it."""
    top = max(shares)
    winners = [stance for stance, share in zip(STANCES, shares, strict=True) if share > top - 1e-9]
    return winners[0] if len(winners) == 1 else None


def target_of(label: Label) -> Target:
    """A named target takes the stance; the topic then only says what the passage is about."""
    if label.target is not None:
        return Target(None, label.target, label.target_span)
    return Target(label.topic)


def _example(passage: Passage, readings: list[Annotation]) -> Example:
    by_name = {reading.annotator: reading for reading in readings}
    decider = next((by_name[name] for name in DECIDERS if name in by_name), None)
    voters = [reading for reading in readings if reading.annotator not in DECIDERS] or [decider or readings[0]]
    topic_votes, stance_votes = _votes(voters)
    if decider is None:
        topics = {topic: _majority(share) for topic, share in topic_votes.items() if share > 0.5 - 1e-9}
        stances = {
            target: plurality(shares)
            for target, shares in stance_votes.items()
            if target.topic is None or topics.get(target.topic)
        }
        found = {target_of(label) for reading in voters for label in reading.labels}
    else:
        decided_topics, decided = _votes([decider])
        topics = dict.fromkeys(decided_topics, True)
        stances = {target: plurality(shares) for target, shares in decided.items()}
        found = {target_of(label) for label in decider.labels}
        topic_votes = topic_votes or decided_topics
        stance_votes = {target: stance_votes.get(target, shares) for target, shares in decided.items()}
    # A target that was found, and toward which nobody could tell the stance.
    for target in found - stances.keys():
        if target.topic is None or topics.get(target.topic):
            stances[target] = None
    order = sorted(stances, key=lambda target: (target.topic or "", target.text or "", target.span or (0, 0)))
    return Example(passage, topics, {target: stances[target] for target in order}, topic_votes, stance_votes)


def _majority(share: float) -> bool | None:
    return True if share > 0.5 + 1e-9 else None


def _votes(readings: Sequence[Annotation]) -> tuple[dict[str, float], dict[Target, Shares]]:
    topics: dict[str, set[str]] = defaultdict(set)
    stances: dict[Target, list[Stance]] = defaultdict(list)
    for reading in readings:
        for label in reading.labels:
            if label.topic is not None:
                topics[label.topic].add(reading.annotator)
            if label.stance is not None:
                stances[target_of(label)].append(label.stance)
    shares = {
        target: (
            given.count("favor") / len(given),
            given.count("against") / len(given),
            given.count("neutral") / len(given),
        )
        for target, given in stances.items()
    }
    return {topic: len(who) / len(readings) for topic, who in sorted(topics.items())}, shares
