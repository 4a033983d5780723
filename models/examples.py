"""What the families learn from and are asked: texts for topics, queries for stance."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from labels.adjudication import Example, Target
from labels.codebook import STANCES, Codebook, Stance
from labels.errors import DemarcheError, nearest
from labels.passages import Passage, Span

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
Field = Literal["title", "text", "source"]
Votes = Literal["majority", "soft"]


@dataclass(frozen=True)
class Query:
    """What is the stance toward `target` in `text`? `span` is where the text names the target, if it does."""

    text: str
    target: str
    span: Span | None = None


@dataclass(frozen=True)
class TopicExamples:
    """`y` (n, topics): the share of readers who found the topic, or 0 and 1 where a majority decides."""

    texts: list[str]
    y: FloatArray
    units: list[str]

    def __len__(self) -> int:
        return len(self.units)

    def __add__(self, other: TopicExamples) -> TopicExamples:
        return TopicExamples(self.texts + other.texts, np.vstack([self.y, other.y]), self.units + other.units)

    def take(self, rows: npt.NDArray[np.intp]) -> TopicExamples:
        return TopicExamples([self.texts[i] for i in rows], self.y[rows], [self.units[i] for i in rows])


@dataclass(frozen=True)
class StanceExamples:
    """`y` (n, 3): the shares of favor, against and neutral; rows add up to 1."""

    queries: list[Query]
    y: FloatArray
    units: list[str]

    def __len__(self) -> int:
        return len(self.units)

    def __add__(self, other: StanceExamples) -> StanceExamples:
        return StanceExamples(self.queries + other.queries, np.vstack([self.y, other.y]), self.units + other.units)

    def take(self, rows: npt.NDArray[np.intp]) -> StanceExamples:
        return StanceExamples([self.queries[i] for i in rows], self.y[rows], [self.units[i] for i in rows])


@dataclass(frozen=True)
class JointExamples:
    """`y` (n, topics, 4): the share of readers who found the topic, then of favor, against and neutral.

    Stances are NaN where no reader told one.
    """

    texts: list[str]
    y: FloatArray
    units: list[str]

    def __len__(self) -> int:
        return len(self.units)

    def __add__(self, other: JointExamples) -> JointExamples:
        return JointExamples(self.texts + other.texts, np.concatenate([self.y, other.y]), self.units + other.units)

    def take(self, rows: npt.NDArray[np.intp]) -> JointExamples:
        return JointExamples([self.texts[i] for i in rows], self.y[rows], [self.units[i] for i in rows])


class Watch(Protocol):
    """How a fit tells of its progress; whoever trains decides what becomes of it."""

    def step(self, what: str, *, done: int, total: int) -> None: ...

    def epoch(self, what: str, number: int, figures: Mapping[str, float]) -> None:
        """Loss and dev figures after epoch `number` (from 1). Raises whatever is to end the fit early."""
        ...

    def checkpoints(self, key: str) -> Path | None:
        """A folder that outlives a kill, the same for the same key; None where nothing is to be kept."""
        ...


class Quiet:
    """Watches nothing."""

    def step(self, what: str, *, done: int, total: int) -> None: ...

    def epoch(self, what: str, number: int, figures: Mapping[str, float]) -> None: ...

    def checkpoints(self, key: str) -> Path | None:
        return None


def render(passage: Passage, fields: Sequence[Field]) -> tuple[str, int]:
    """The text that is read, and where the passage's own text starts in it."""
    parts: list[str] = []
    start = 0
    for name in fields:
        part = getattr(passage, name)
        if not part:
            continue
        if name == "text":
            start = sum(len(before) + 1 for before in parts)
        parts.append(part)
    return "\n".join(parts), start


def query(passage: Passage, target: Target, codebook: Codebook, fields: Sequence[Field]) -> Query:
    text, start = render(passage, fields)
    span = None if target.span is None else (target.span[0] + start, target.span[1] + start)
    if target.topic is not None:
        if target.topic not in codebook.topic_ids:
            hint = nearest(target.topic, codebook.topic_ids)
            raise DemarcheError(f"no topic {target.topic!r} in codebook {codebook.reference}{hint}")
        return Query(text, codebook.topic(target.topic).proposition)
    return Query(text, target.text or "", span)


def topic_examples(
    examples: Iterable[Example], codebook: Codebook, fields: Sequence[Field], votes: Votes
) -> TopicExamples:
    """Passages with a tied topic are left out, unless they may teach with their votes."""
    texts, rows, units = [], [], []
    for example in examples:
        if votes == "majority" and example.tied_topics:
            continue
        texts.append(render(example.passage, fields)[0])
        units.append(example.passage.unit)
        if votes == "soft":
            rows.append([example.topic_votes.get(id, 0.0) for id in codebook.topic_ids])
        else:
            rows.append([float(bool(example.topics.get(id))) for id in codebook.topic_ids])
    return TopicExamples(texts, np.array(rows, dtype=np.float64).reshape(len(rows), len(codebook.topics)), units)


def stance_examples(
    examples: Iterable[Example], codebook: Codebook, fields: Sequence[Field], votes: Votes
) -> StanceExamples:
    """A row for each target with a stance; ties are left out, unless they may teach with their votes."""
    queries, rows, units = [], [], []
    for example in examples:
        for target, stance in example.stances.items():
            shares = _shares(example, target, stance, votes)
            if shares is None:
                continue
            queries.append(query(example.passage, target, codebook, fields))
            rows.append(shares)
            units.append(example.passage.unit)
    return StanceExamples(queries, np.array(rows, dtype=np.float64).reshape(len(rows), 3), units)


def joint_examples(
    examples: Iterable[Example], codebook: Codebook, fields: Sequence[Field], votes: Votes
) -> JointExamples:
    """Topics and the stance toward each; targets that are no topic are left out."""
    kept = [example for example in examples if votes == "soft" or not example.tied_topics]
    found = topic_examples(kept, codebook, fields, votes)
    y = np.full((*found.y.shape, 4), np.nan)
    y[:, :, 0] = found.y
    column = {topic: place for place, topic in enumerate(codebook.topic_ids)}
    for row, example in enumerate(kept):
        for target, stance in example.stances.items():
            shares = _shares(example, target, stance, votes)
            if target.topic is not None and shares is not None:
                y[row, column[target.topic], 1:] = shares
    return JointExamples(found.texts, y, found.units)


def _shares(example: Example, target: Target, stance: Stance | None, votes: Votes) -> Sequence[float] | None:
    """Shares of favor, against and neutral that the example teaches; None for a tie that teaches nothing."""
    shares = example.stance_votes.get(target)
    if votes == "soft" and shares is not None:
        return shares
    return None if stance is None else [float(stance == name) for name in STANCES]
