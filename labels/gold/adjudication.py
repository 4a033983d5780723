"""From several annotators' readings to one gold reading, with the votes kept beside it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from labels.codebook import STANCES, Name, Stance
from labels.errors import DemarcheError
from labels.files import Frozen
from labels.passages import DECIDERS, Annotation, Label, Passage, Span, is_person

Method = Literal["majority", "dawid_skene"]
Shares = tuple[float, float, float]
"""Shares of favor, against and neutral; they add up to 1."""
_CLOSE = 1e-9
_SEVERAL = 3
"""Readers from whom a model of them may decide: of two who oppose each other, none is known to be right."""
_SURE = 0.75  # odds of three to one


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
    stances among those readers who gave one. By Dawid and Skene both are probabilities instead.
    """

    passage: Passage
    topics: Mapping[str, bool | None]
    stances: Mapping[Target, Stance | None]
    topic_votes: Mapping[str, float]
    stance_votes: Mapping[Target, Shares]

    @property
    def tied_topics(self) -> list[str]:
        return [topic for topic, holds in self.topics.items() if holds is None]

    @property
    def ties(self) -> list[str]:
        """What the readers are tied on, in words."""
        tied = [f"whether {topic} holds ({self.topic_votes[topic]:.0%})" for topic in self.tied_topics]
        for target, stance in self.stances.items():
            if stance is None and target in self.stance_votes:
                shares = zip(STANCES, self.stance_votes[target], strict=True)
                tied.append(
                    f"stance toward {target.topic or target.text}: "
                    + ", ".join(f"{name} {share:.0%}" for name, share in shares if share > _CLOSE)
                )
        return tied

    def decision(self) -> Decision:
        """As a line of the file of decisions."""
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
    """Whether a topic holds (None: a tie), and the share or probability behind it."""

    holds: bool | None
    share: float


class StanceDecision(Frozen):
    """A stance toward a topic or a named target (None: a tie, or nobody could tell), and the shares behind it."""

    topic: Name | None
    target: str | None
    target_span: Span | None
    stance: Stance | None
    favor: float | None
    against: float | None
    neutral: float | None


class Decision(Frozen):
    """What the readers of a passage come to, for people and other tools. A topic that nobody found is not there."""

    passage: Name
    topics: Mapping[str, TopicDecision]
    stances: tuple[StanceDecision, ...]


def adjudicate(
    passages: Iterable[Passage], annotations: Iterable[Annotation], *, by: Method = "majority"
) -> list[Example]:
    """What the readers of each annotated passage together say, in the order of the passages.

    By majority a topic holds where more than half of the readers found it, and a stance is the one most
    readers of that target gave. By Dawid and Skene readers count by how often they are right; a label is
    decided from odds of three to one, and two readers who merely oppose each other stay tied. Ties are
    None. A reading by `gold`, or else by `adjudicator`, decides alone; the votes stay those of the others.
    Raises DemarcheError where Dawid and Skene cannot know who read what.
    """
    readings: dict[str, list[Annotation]] = defaultdict(list)
    for annotation in annotations:
        readings[annotation.passage].append(annotation)
    read = [(passage, readings[passage.id]) for passage in passages if passage.id in readings]
    voters = [_voters(given) for _, given in read]
    polls = _dawid_skene(voters) if by == "dawid_skene" else [_majority(given) for given in voters]
    return [_example(passage, given, poll) for (passage, given), poll in zip(read, polls, strict=True)]


def plurality(shares: Sequence[float]) -> Stance | None:
    """The stance with the largest share; None if two share it."""
    top = max(shares)
    winners = [stance for stance, share in zip(STANCES, shares, strict=True) if share > top - _CLOSE]
    return winners[0] if len(winners) == 1 else None


def target_of(label: Label) -> Target:
    """A named target takes the stance; the topic then only says what the passage is about."""
    if label.target is not None:
        return Target(None, label.target, label.target_span)
    return Target(label.topic)


@dataclass(frozen=True)
class _Poll:
    """What the voters on a passage come to: decisions as in an Example, and the shares behind them."""

    topics: dict[str, bool | None]
    stances: dict[Target, Stance | None]
    topic_votes: dict[str, float]
    stance_votes: dict[Target, Shares]


def _voters(readings: Sequence[Annotation]) -> list[Annotation]:
    """Who is counted: all but the deciders, and a decider where there is nobody else."""
    decider = _decider(readings)
    return [reading for reading in readings if reading.annotator not in DECIDERS] or ([decider] if decider else [])


def _decider(readings: Sequence[Annotation]) -> Annotation | None:
    by_name = {reading.annotator: reading for reading in readings}
    return next((by_name[name] for name in DECIDERS if name in by_name), None)


def _example(passage: Passage, readings: list[Annotation], poll: _Poll) -> Example:
    decider = _decider(readings)
    stance_votes: Mapping[Target, Shares] = poll.stance_votes
    topics: Mapping[str, bool | None] = poll.topics
    if decider is None:
        stances = {
            target: stance
            for target, stance in poll.stances.items()
            if target.topic is None or topics.get(target.topic)
        }
        found = {target_of(label) for reading in readings for label in reading.labels}
    else:
        decided = _majority([decider])
        topics, stances = decided.topics, dict(decided.stances)
        found = {target_of(label) for label in decider.labels}
        stance_votes = {target: stance_votes.get(target, shares) for target, shares in decided.stance_votes.items()}
    # A target that was found, and toward which nobody could tell the stance.
    for target in found - stances.keys():
        if target.topic is None or topics.get(target.topic):
            stances[target] = None
    order = sorted(stances, key=lambda target: (target.topic or "", target.text or "", target.span or (0, 0)))
    return Example(passage, topics, {target: stances[target] for target in order}, poll.topic_votes, stance_votes)


def _majority(voters: Sequence[Annotation]) -> _Poll:
    topics, stances = _votes(voters)
    topic_votes = {topic: len(who) / len(voters) for topic, who in sorted(topics.items())}
    stance_votes = {}
    for target, given in stances.items():
        said = list(given.values())
        stance_votes[target] = (
            said.count("favor") / len(said),
            said.count("against") / len(said),
            said.count("neutral") / len(said),
        )
    return _Poll(
        topics={
            topic: True if share > 0.5 + _CLOSE else None
            for topic, share in topic_votes.items()
            if share > 0.5 - _CLOSE
        },
        stances={target: plurality(shares) for target, shares in stance_votes.items()},
        topic_votes=topic_votes,
        stance_votes=stance_votes,
    )


def _votes(voters: Sequence[Annotation]) -> tuple[dict[str, set[str]], dict[Target, dict[str, Stance]]]:
    """Topic → who found it, target → who gave which stance."""
    topics: dict[str, set[str]] = defaultdict(set)
    stances: dict[Target, dict[str, Stance]] = defaultdict(dict)
    for reading in voters:
        for label in reading.labels:
            if label.topic is not None:
                topics[label.topic].add(reading.annotator)
            if label.stance is not None:
                stances[target_of(label)][reading.annotator] = label.stance
    return topics, stances


def _dawid_skene(voters: Sequence[Sequence[Annotation]]) -> list[_Poll]:
    """The majority's, but where three readers or more do not all say the same."""
    from labels.gold.dawid_skene import probabilities

    nameless = next((r.annotator for readings in voters for r in readings if not is_person(r.annotator)), None)
    if nameless is not None:
        raise DemarcheError(
            f"annotator {nameless!r} is a place in a list of votes, not one reader throughout: Dawid and Skene weigh "
            "readers by how often they are right; adjudicate by majority"
        )
    polls = [_majority(readings) for readings in voters]
    votes = [_votes(readings) for readings in voters]
    for topic in sorted({topic for topics, _ in votes for topic in topics}):
        found = probabilities(
            (
                (row, reading.annotator, "yes" if reading.annotator in votes[row][0].get(topic, ()) else "no")
                for row, readings in enumerate(voters)
                for reading in readings
            ),
            ("yes", "no"),
        )
        for row, (yes, no) in found.items():
            if len(voters[row]) >= _SEVERAL and 0 < len(votes[row][0].get(topic, ())) < len(voters[row]):
                polls[row].topic_votes[topic] = float(yes)
                polls[row].topics.pop(topic, None)
                if no < _SURE:
                    polls[row].topics[topic] = True if yes >= _SURE else None
    asked = [(row, target) for row, (_, stances) in enumerate(votes) for target in stances]
    shares = probabilities(
        (
            (number, reader, stance)
            for number, (row, target) in enumerate(asked)
            for reader, stance in votes[row][1][target].items()
        ),
        STANCES,
    )
    for number, (row, target) in enumerate(asked):
        said = votes[row][1][target].values()
        if len(said) >= _SEVERAL and len(set(said)) > 1:
            favor, against, neutral = map(float, shares[number])
            polls[row].stance_votes[target] = (favor, against, neutral)
            sure = max(favor, against, neutral) >= _SURE
            polls[row].stances[target] = plurality((favor, against, neutral)) if sure else None
    return polls
